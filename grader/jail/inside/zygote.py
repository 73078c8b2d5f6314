"""The zygote (fork server): a process with torch imported and no secrets in memory, from which workers are forked.

It takes requests from the host over the control socket, and never reads a byte from a worker. The requests:
`{"spawn": {...}}` with three descriptors (wire, stdout, stderr), answered by the worker's pid and pidfd;
`{"reap": pid}`, answered by its exit status (negative for a signal); and `{"train": true}`, before models are trained.
"""

import gc
import importlib
import json
import os
import socket
import sys
import traceback
from typing import Any

from grader.jail.inside import landlock, seccomp
from grader.jail.shared import lockdown
from grader.jail.shared.layers import CANARY, SCRATCH, SPOOL, SUBMISSION, Layers

_DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")  # not /dev/zero: no resource limit counts memory mapped from it


def main(control: socket.socket, plan: dict[str, Any], namespaces: bool) -> None:
    """Enter the new root, import and warm up, then serve until the host closes the socket."""
    status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC) if namespaces else -1
    if namespaces:
        _enter_root(plan)
    from grader.jail.inside import worker

    device = plan["device"]
    warm_up(backward=device is None)
    for name in plan["imports"]:
        importlib.import_module(name)
    view = plan["view"]
    reads = [(path, landlock.READ) for path in view["readable"]]
    reads += [(path, landlock.LIST) for path in view["listable"]]
    reads += [(path, landlock.DEVICE) for path in _DEVICES]
    reads += [(path, landlock.CONTROL) for path in view["controllable"]]
    version = landlock.abi()
    layers = Layers(
        namespaces=namespaces,
        landlock_abi=version,
        rules=landlock.open_rules(reads) if version else [],
        has_filter=seccomp.supported(),
        uid=plan["uid"] if os.getuid() == 0 else None,
        keep_capabilities=[] if namespaces else [c for c in plan["keep_capabilities"] if _is_harmless(c, version)],
        data_bytes=_status_kib(status, "VmData") * 1024,
        device=device,
        address_bytes=_status_kib(status, "VmSize") * 1024,
    )
    worker.prepare(view["importable"])
    gc.collect()
    gc.freeze()
    threads = _status_kib(status, "Threads")
    if threads != 1:
        raise RuntimeError(f"the zygote has {threads} threads; a fork would copy locks that no thread releases")
    ready = {"namespaces": namespaces, "landlock": version, "seccomp": layers.has_filter}
    control.send(json.dumps({"ready": ready}).encode())
    _serve(control, layers, pid_namespace)


def _is_harmless(capability: int, landlock_version: int) -> bool:
    """Whether a worker may keep a capability. CAP_DAC_OVERRIDE also grants writing, which only Landlock can prevent."""
    return capability != lockdown.CAP_DAC_OVERRIDE or landlock_version > 0


def warm_up(*, backward: bool) -> None:
    """Import torch and run once what the checks will use, but no operation that starts threads, as the profiler does.

    `backward` must be off for workers with a GPU: the first backward pass in a process counts the GPUs, once for all
    its forks, none of which could use one afterwards.
    """
    import torch

    torch.set_num_threads(1)
    weight = torch.ones(2, 2, requires_grad=backward)
    result = torch.tanh(torch.ones(2, 2) @ weight).sum()
    if backward:
        result.backward()


def warm_up_training(*, backward: bool) -> None:
    """Make one optimizer step: the first in a process takes seconds, as it imports torch's compiler front end."""
    import torch

    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    if backward:
        layer(torch.ones(1, 2)).sum().backward()
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    optimizer.step()


def _serve(control: socket.socket, layers: Layers, pid_namespace: int) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 3)
        if not message:
            os._exit(0)
        request = json.loads(message)
        if "spawn" in request:
            pid, pidfd = _spawn(control, request["spawn"], descriptors, layers, pid_namespace)
            socket.send_fds(control, [json.dumps({"pid": pid}).encode()], [pidfd])
            os.close(pidfd)
        elif "train" in request:
            warm_up_training(backward=layers.device is None)
            gc.collect()
            gc.freeze()
            control.send(b"{}")
        else:
            _, status = os.waitpid(request["reap"], 0)
            control.send(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode())


def _spawn(
    control: socket.socket,
    request: dict[str, Any],
    descriptors: list[int],
    layers: Layers,
    pid_namespace: int,
) -> tuple[int, int]:
    """Fork a worker. Where namespaces are available, it is the first process of its own pid namespace."""
    from grader.jail.inside import worker

    sys.stdout.flush()
    sys.stderr.flush()
    if layers.namespaces:
        lockdown.unshare(lockdown.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        try:
            control.close()
            worker.main(request, descriptors, layers)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(70)
    if layers.namespaces:
        lockdown.setns(pid_namespace, lockdown.CLONE_NEWPID)
    for descriptor in descriptors:
        os.close(descriptor)
    return pid, os.pidfd_open(pid)


def _enter_root(plan: dict[str, Any]) -> None:
    """Build and enter a new root: an in-memory file system with read-only bind mounts of what the view allows."""
    root = plan["root"]
    lockdown.mount("none", "/", None, lockdown.MS_REC | lockdown.MS_PRIVATE)
    lockdown.mount("tmpfs", root, "tmpfs", lockdown.MS_NOSUID | lockdown.MS_NODEV, "size=4m,mode=755")
    for path in (*plan["view"]["readable"], *_DEVICES):
        if os.path.exists(path):
            _make_target(path, root + path)
            lockdown.bind_read_only(path, root + path)
    for path in (*plan["view"]["listable"], SPOOL, SUBMISSION, SCRATCH):
        os.makedirs(root + path, exist_ok=True)
    lockdown.bind_read_only(plan["spool"], root + SPOOL)
    # the zygote's own: some libraries need a temporary folder to be imported. Each worker mounts its own over it
    lockdown.mount("tmpfs", root + SCRATCH, "tmpfs", lockdown.MS_NOSUID | lockdown.MS_NODEV, "size=16m,mode=755")
    with open(root + CANARY, "w") as file:
        file.write(plan["canary"])
    os.chmod(root + CANARY, 0o444)
    lockdown.mount("none", root, None, lockdown.MS_REMOUNT | lockdown.MS_BIND | lockdown.MS_RDONLY)
    lockdown.change_root(root)
    os.environ["TMPDIR"] = os.environ["HOME"] = SCRATCH


def _make_target(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "a"):
        pass


def _status_kib(descriptor: int, field: str) -> int:
    """A number from `/proc/self/status`, read through a descriptor that was opened before the root changed."""
    for line in os.pread(descriptor, 1 << 14, 0).decode().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise RuntimeError(f"no {field} in /proc/self/status")
