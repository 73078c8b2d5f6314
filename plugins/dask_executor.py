"""Grade on a Dask cluster: `grade batch --executor dask --executor-option address=tls://...` (extra `cluster`).

Whoever reaches a Dask scheduler or worker can run code there. So a cluster is used only where all of it either stays on
the loopback interface or speaks TLS. `docs/operators.md` says how to start one.
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
    "scheduler-file": "the file that the scheduler wrote with --scheduler-file, in place of an address",
    "ca": "the certificate of the authority that all of the cluster trusts (PEM), for TLS",
    "cert": "this machine's certificate (PEM), for TLS",
    "key": "its private key (PEM), for TLS",
    "gpu": "how much of the resource GPU a submission takes, such as 1 or 0.5; default 0",
    "wait": "seconds to wait for the first worker, and at most 10 of them for the scheduler; default 60",
    "allowed-failures": "how many workers may be lost under one submission; default: the scheduler's, which is 3",
}
MATTER = ("rnn-grader", "torch", "numpy", "Faker")
"""Distributions that a grade hangs on: each node must have this machine's versions, whatever torch was built for."""
LARGE = "1 GiB"
"""From which size on Dask should warn of what it is sent. A submission may have 64 MiB."""
CONNECT_SECONDS = 10
LOST = "the Dask scheduler was lost"


class SchedulerFile(msgspec.Struct, frozen=True):
    """What is read of the file that a scheduler writes."""

    address: str


class DaskExecutor(Executor):
    """Sends one function of the grader's, with one record, to a Dask cluster at a time.

    What a future raises where a node or the scheduler was lost is a `BrokenExecutor`: nobody's code is at fault.
    """

    def __init__(self, client, resources):
        """Takes a connected `distributed.Client`, which is closed by `shutdown`."""
        self._client, self._resources = client, resources
        self._lock = threading.Lock()
        self._open: dict[Future, object] | None = {}
        self._is_lost = False

    def submit(self, function, /, *arguments, **options):
        """Have a node call the function. Tasks run twice where nodes are lost, and answer once."""
        refuse_strangers(function, arguments, options)
        ours: Future = Future()
        with self._lock:
            if self._open is None:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._is_lost:
                raise BrokenExecutor(LOST)
            try:
                theirs = self._client.submit(function, *arguments, pure=False, retries=0, resources=self._resources)
            except Exception as problem:  # the client has given up on its scheduler
                raise BrokenExecutor(f"Dask takes no task: {one_line(problem)}") from None
            self._open[ours] = theirs
        ours.add_done_callback(lambda done: self._withdraw(theirs) if done.cancelled() else None)
        theirs.add_done_callback(lambda _: self._settle(ours, theirs))
        return ours

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Close the connection. What has not ended by then, where it is not to be waited for, is given up."""
        with self._lock:
            waiting, self._open = self._open or {}, None
        if not wait or cancel_futures:
            for future in waiting:
                future.cancel()
        elif waiting:
            futures.wait(waiting)
        with contextlib.suppress(Exception):  # a scheduler that is gone cannot be told
            self._client.close(timeout=CONNECT_SECONDS)
        for future in waiting:
            if not future.done():
                self._finish(future, BrokenExecutor("the connection to Dask was closed"), None)

    def _withdraw(self, theirs):
        with contextlib.suppress(Exception):
            theirs.cancel()

    def _settle(self, ours, theirs):
        """Hand over what a task of Dask's came to. Called once, in a thread of Dask's."""
        problem = result = None
        try:
            result = theirs.result(timeout=CONNECT_SECONDS) if theirs.status == "finished" else None
            if theirs.status == "error":
                problem = as_infrastructure(theirs.exception(timeout=CONNECT_SECONDS))
            elif theirs.status != "finished":
                self._is_lost = self._is_lost or self._client.status != "running"
                problem = BrokenExecutor(LOST if self._is_lost else "the task was cancelled at the Dask scheduler")
        except Exception as raised:
            problem = as_infrastructure(raised)
        with contextlib.suppress(Exception):
            theirs.release()  # a result is kept on its node until then
        self._finish(ours, problem, result)

    def _finish(self, ours, problem, result):
        with self._lock:
            if self._open is not None:
                self._open.pop(ours, None)
        if ours.done() and not ours.cancelled():
            return
        if ours.set_running_or_notify_cancel():
            ours.set_exception(problem) if problem is not None else ours.set_result(result)


def refuse_strangers(function, arguments, options):
    """Only a function of an installed module with frozen records crosses, so that a node can import all it gets.

    Dask would send anything else as pickled code. Raises TypeError.
    """
    module, name = sys.modules.get(function.__module__), function.__qualname__
    if module is None or module.__name__ == "__main__" or getattr(module, name, None) is not function:
        raise TypeError(f"{name}: only a function that a node can import by name is sent to Dask")
    if options or not all(isinstance(argument, msgspec.Struct) for argument in arguments):
        raise TypeError(f"{name}: only records are sent to Dask")


def as_infrastructure(problem):
    """What a lost node, connection or scheduler raises, as a `BrokenExecutor`; a task's own exception as it is."""
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
    """Connect to a scheduler. Raises ValueError for what will not do, and `MissingExtra`, before anything is sent."""
    require_extra("cluster", "the executor 'dask'")
    import dask
    from distributed import Client

    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ValueError(f"the executor 'dask' has no option '{unknown[0]}'; it has {', '.join(OPTIONS)}")
    gpu, patience = number(options, "gpu", 0.0), number(options, "wait", 60.0)
    failures = number(options, "allowed-failures", 3)
    address = scheduler_address(options)
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it would log is raised as well
    dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGE})
    trust, limit = security(address, options), min(patience, CONNECT_SECONDS)
    try:
        client = Client(address, security=trust, timeout=limit, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise ValueError(f"no Dask scheduler answers at {address}: {one_line(problem)}") from None
    try:
        look_at_nodes(client, patience, gpu)
        if "allowed-failures" in options:
            allow_failures(client, int(failures))
    except BaseException:
        client.close(timeout=CONNECT_SECONDS)
        raise
    return DaskExecutor(client, {"GPU": gpu} if gpu else None)


def number(options, name, default):
    """An option that is a number, not below 0. Raises ValueError."""
    try:
        value = float(options.get(name, default))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name}={options[name]}: expected a number, 0 or more")
    return value


def scheduler_address(options):
    """Where the scheduler is, if it may be used. Raises ValueError."""
    if ("address" in options) == ("scheduler-file" in options):
        raise ValueError("the executor 'dask' needs either address= or scheduler-file= (and not both)")
    address = options.get("address")
    if address is None:
        file = Path(options["scheduler-file"])
        try:
            address = msgspec.json.decode(file.read_bytes(), type=SchedulerFile).address
        except (OSError, ValueError, msgspec.MsgspecError) as problem:
            raise ValueError(f"{file}: no scheduler file of Dask's: {one_line(problem)}") from None
    address = address if "://" in address else f"tcp://{address}"
    refuse_open(address, "the scheduler's address")
    return address


def refuse_open(address, whose):
    """Raise ValueError unless an address is on the loopback interface or speaks TLS."""
    try:
        parts = urlsplit(address)
        scheme, host = parts.scheme, parts.hostname or ""
        port = parts.port
    except ValueError as problem:
        raise ValueError(f"{address}: no address: {problem}") from None
    if scheme not in ("tcp", "tls") or not host or port is None:
        raise ValueError(f"{address}: {whose} must be like tcp://127.0.0.1:8786 or tls://HOST:8786")
    if scheme == "tcp" and not is_loopback(host):
        raise ValueError(
            f"{address}: {whose} is open to the network, and whoever reaches it can run code there; "
            "start the cluster with TLS (tls://), or with --host 127.0.0.1 on one machine"
        )


def is_loopback(host):
    """Whether a host is this machine's loopback interface; of names, only `localhost` is."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def security(address, options):
    """How to speak TLS; None on the loopback interface. Raises ValueError."""
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


def look_at_nodes(client, patience, gpu):
    """Wait for a first worker; refuse a cluster that is open, or whose nodes would grade otherwise than this machine.

    Nodes that come later are not seen here: a task says which course and grader it wants. Raises ValueError.
    """
    with contextlib.suppress(TimeoutError):
        client.wait_for_workers(1, timeout=patience)
    found = client.scheduler_info()
    refuse_open(found["address"], "what the scheduler listens on")
    if not found["workers"]:
        raise ValueError(f"the Dask scheduler at {found['address']} has no workers after {patience:g} s: start some")
    for address in found["workers"]:
        refuse_open(address, "what a worker listens on")
    if gpu and not any(worker["resources"].get("GPU", 0) >= gpu for worker in found["workers"].values()):
        raise ValueError(f"no Dask worker offers the resource GPU={gpu:g}: start one with --resources GPU=1")
    for name in MATTER:
        here = version(name)
        for address, there in client.run(version, name, on_error="return").items():
            if isinstance(there, PackageNotFoundError):
                raise ValueError(f"the node {address} lacks {name} {here}: install it there")
            if isinstance(there, Exception):
                raise ValueError(f"the node {address} does not tell its versions: {one_line(there)}")
            if there.partition("+")[0] != here.partition("+")[0]:
                raise ValueError(f"the node {address} has {name} {there}, this machine has {here}: install one version")


def allow_failures(client, count):
    """Say how many workers the scheduler may lose under one task before it gives the task up."""

    def allow(dask_scheduler, count):  # local, so that it is sent by value: the scheduler cannot import this file
        dask_scheduler.allowed_failures = count

    client.run_on_scheduler(allow, count=count)


def one_line(problem):
    """An exception's text in one line."""
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:300]


@hookimpl
def grader_executors():
    return [ExecutorSpec("dask", make, OPTIONS)]
