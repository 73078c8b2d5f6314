"""Grade on a Dask cluster: `grade batch --executor dask --executor-option address=tls://...` (extra `cluster`).

Anyone who can connect to a Dask scheduler or worker can run code there. So a cluster is used only if all of it either
listens on the loopback interface or uses TLS. `docs/operators.md` explains how to start one.
"""

import contextlib
import ipaddress
import logging
import sys
import threading
from concurrent import futures
from concurrent.futures import BrokenExecutor, Executor, Future
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from grader.plugin import ExecutorSpec, hookimpl, require_extra

OPTIONS = {
    "address": "the scheduler: tcp://127.0.0.1:8786 on this machine, tls://HOST:8786 beyond it",
    "scheduler-file": "the file that the scheduler wrote with --scheduler-file, instead of an address",
    "ca": "the CA certificate that the whole cluster trusts (PEM), for TLS",
    "cert": "this machine's certificate (PEM), for TLS",
    "key": "its private key (PEM), for TLS",
    "gpu": "how much of the resource GPU a submission takes, such as 1 or 0.5; default 0",
    "wait": "seconds to wait for the first worker, and at most 10 of them for the scheduler; default 60",
    "allowed-failures": "how many workers may be lost under one submission; default: the scheduler's, which is 3",
}
MATTER = ("rnn-grader", "torch", "numpy", "Faker")
"""Distributions that a grade depends on: each node must have the same versions, apart from torch's build."""
LARGE = "1 GiB"
"""Dask warns about larger task arguments. A submission may have 64 MiB."""
CONNECT_SECONDS = 10
LOST = "the Dask scheduler was lost"


class SchedulerFile(msgspec.Struct, frozen=True):
    """The contents of a scheduler file."""

    address: str


class DaskExecutor(Executor):
    """Runs the grader's task function on a Dask cluster.

    If a node or the scheduler is lost, the future raises `BrokenExecutor`, so that no submission is blamed.
    """

    def __init__(self, client, resources):
        """Takes a connected `distributed.Client`, which is closed by `shutdown`."""
        self._client, self._resources = client, resources
        self._lock = threading.Lock()
        self._open: dict[Future, object] | None = {}
        self._is_lost = False

    def submit(self, function, /, *arguments, **options):
        """Call the function on a node. A task may run twice if nodes are lost, but gives one result."""
        require_importable(function, arguments, options)
        future: Future = Future()
        with self._lock:
            if self._open is None:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._is_lost:
                raise BrokenExecutor(LOST)
            try:
                task = self._client.submit(function, *arguments, pure=False, retries=0, resources=self._resources)
            except Exception as problem:  # the client has lost its scheduler
                raise BrokenExecutor(f"Dask accepts no tasks: {one_line(problem)}") from None
            self._open[future] = task
        future.add_done_callback(lambda done: self._cancel(task) if done.cancelled() else None)
        task.add_done_callback(lambda _: self._resolve(future, task))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Close the connection. Without `wait`, or with `cancel_futures`, unfinished tasks are cancelled."""
        with self._lock:
            waiting, self._open = self._open or {}, None
        if not wait or cancel_futures:
            for future in waiting:
                future.cancel()
        elif waiting:
            futures.wait(waiting)
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self._client.close(timeout=CONNECT_SECONDS)
        for future in waiting:
            if not future.done():
                self._finish(future, BrokenExecutor("the connection to Dask was closed"), None)

    def _cancel(self, task):
        with contextlib.suppress(Exception):
            task.cancel()

    def _resolve(self, future, task):
        """Pass on the result of a Dask task. Called once, in one of Dask's threads."""
        problem = result = None
        try:
            result = task.result(timeout=CONNECT_SECONDS) if task.status == "finished" else None
            if task.status == "error":
                problem = as_infrastructure(task.exception(timeout=CONNECT_SECONDS))
            elif task.status != "finished":
                self._is_lost = self._is_lost or self._client.status != "running"
                problem = BrokenExecutor(LOST if self._is_lost else "the task was cancelled at the Dask scheduler")
        except Exception as raised:
            problem = as_infrastructure(raised)
        with contextlib.suppress(Exception):
            task.release()  # its node keeps the result until then
        self._finish(future, problem, result)

    def _finish(self, future, problem, result):
        with self._lock:
            if self._open is not None:
                self._open.pop(future, None)
        if future.done() and not future.cancelled():
            return
        if future.set_running_or_notify_cancel():
            future.set_exception(problem) if problem is not None else future.set_result(result)


def require_importable(function, arguments, options):
    """Allow only a function of an installed module with record arguments, which a node can import.

    Dask would send anything else as pickled code. Raises TypeError.
    """
    module, name = sys.modules.get(function.__module__), function.__qualname__
    if module is None or module.__name__ == "__main__" or getattr(module, name, None) is not function:
        raise TypeError(f"{name}: only a function that a node can import by name is sent to Dask")
    if options or not all(isinstance(argument, msgspec.Struct) for argument in arguments):
        raise TypeError(f"{name}: only records are sent to Dask")


def as_infrastructure(problem):
    """Convert exceptions for a lost node, connection or scheduler to `BrokenExecutor`; others are returned as they
    are."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    if isinstance(problem, KilledWorker):
        where = getattr(problem.last_worker, "address", "unknown")
        lost = problem.allowed_failures + 1
        return BrokenExecutor(f"Dask lost {lost} workers under it, the last at {where}; raise allowed-failures?")
    if isinstance(problem, (CommClosedError, TimeoutError)):
        return BrokenExecutor(f"Dask lost a connection: {one_line(problem)}")
    return problem


def make(options, jobs):
    """Connect to a scheduler. Raises ValueError if the options or the cluster are unusable, and `MissingExtra`,
    before anything is sent."""
    require_extra("cluster", "the executor 'dask'")
    import dask
    from distributed import Client

    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ValueError(f"the executor 'dask' has no option '{unknown[0]}'; it has {', '.join(OPTIONS)}")
    gpu, patience = number(options, "gpu", 0.0), number(options, "wait", 60.0)
    failures = number(options, "allowed-failures", 3)
    address = scheduler_address(options)
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # it would log what it raises
    dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGE})
    trust, limit = security(address, options), min(patience, CONNECT_SECONDS)
    try:
        client = Client(address, security=trust, timeout=limit, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise ValueError(f"no Dask scheduler answers at {address}: {one_line(problem)}") from None
    try:
        check_nodes(client, patience, gpu)
        if "allowed-failures" in options:
            allow_failures(client, int(failures))
    except BaseException:
        client.close(timeout=CONNECT_SECONDS)
        raise
    return DaskExecutor(client, {"GPU": gpu} if gpu else None)


def number(options, name, default):
    """The value of an option as a number >= 0. Raises ValueError."""
    try:
        value = float(options.get(name, default))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name}={options[name]}: expected a number, 0 or more")
    return value


def scheduler_address(options):
    """The scheduler's address. Raises ValueError if it must not be used."""
    if ("address" in options) == ("scheduler-file" in options):
        raise ValueError("the executor 'dask' needs either address= or scheduler-file= (and not both)")
    address = options.get("address")
    if address is None:
        file = Path(options["scheduler-file"])
        try:
            address = msgspec.json.decode(file.read_bytes(), type=SchedulerFile).address
        except (OSError, ValueError, msgspec.MsgspecError) as problem:
            raise ValueError(f"{file}: not a Dask scheduler file: {one_line(problem)}") from None
    address = address if "://" in address else f"tcp://{address}"
    require_private(address, "the scheduler's address")
    return address


def require_private(address, whose):
    """Raise ValueError unless an address is on the loopback interface or uses TLS."""
    try:
        parts = urlsplit(address)
        scheme, host = parts.scheme, parts.hostname or ""
        port = parts.port
    except ValueError as problem:
        raise ValueError(f"{address}: not an address: {problem}") from None
    if scheme not in ("tcp", "tls") or not host or port is None:
        raise ValueError(f"{address}: {whose} must be like tcp://127.0.0.1:8786 or tls://HOST:8786")
    if scheme == "tcp" and not is_loopback(host):
        raise ValueError(
            f"{address}: {whose} is open to the network, and anyone who can connect to it can run code there; "
            "start the cluster with TLS (tls://), or with --host 127.0.0.1 on one machine"
        )


def is_loopback(host):
    """Whether a host is this machine's loopback interface; `localhost` is the only name accepted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def security(address, options):
    """The TLS settings; None for the loopback interface. Raises ValueError."""
    from distributed.security import Security

    if not address.startswith("tls:"):
        return None
    for name in ("ca", "cert", "key"):
        if name not in options:
            raise ValueError(f"{address}: TLS needs the options ca=, cert= and key=; {name}= is missing")
        if not Path(options[name]).is_file():
            raise ValueError(f"{name}={options[name]}: no such file")
    return Security(
        tls_ca_file=options["ca"],
        tls_client_cert=options["cert"],
        tls_client_key=options["key"],
        require_encryption=True,
    )


def check_nodes(client, patience, gpu):
    """Wait for a first worker; refuse a cluster that is open, or whose nodes have other versions than this machine.

    Nodes that join later are not checked here: each task names the course and the grader it needs. Raises ValueError.
    """
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(1, timeout=patience)
    found = client.scheduler_info()
    require_private(found["address"], "what the scheduler listens on")
    if not found["workers"]:
        raise ValueError(f"the Dask scheduler at {found['address']} has no workers after {patience:g} s: start some")
    for address in found["workers"]:
        require_private(address, "what a worker listens on")
    if gpu and not any(worker["resources"].get("GPU", 0) >= gpu for worker in found["workers"].values()):
        raise ValueError(f"no Dask worker offers the resource GPU={gpu:g}: start one with --resources GPU=1")
    for name in MATTER:
        here = version(name)
        for address, there in client.run(version, name, on_error="return").items():
            if isinstance(there, PackageNotFoundError):
                raise ValueError(f"the node {address} lacks {name} {here}: install it there")
            if isinstance(there, Exception):
                raise ValueError(f"the node {address} does not report its versions: {one_line(there)}")
            if there.partition("+")[0] != here.partition("+")[0]:
                raise ValueError(f"the node {address} has {name} {there}, this machine has {here}: install one version")


def allow_failures(client, count):
    """Set how many workers the scheduler may lose while running a task before it gives the task up."""

    def allow(dask_scheduler, count):  # local, so that it is pickled by value: the scheduler cannot import this file
        dask_scheduler.allowed_failures = count

    client.run_on_scheduler(allow, count=count)


def one_line(problem):
    """An exception's text in one line."""
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:300]


@hookimpl
def grader_executors():
    return [ExecutorSpec("dask", make, OPTIONS)]
