"""The worker: locks itself down, reports that it is ready, then answers requests until it is killed.

Once a submission is loaded, nothing in this process can be trusted, and neither can its answers.
"""

import ctypes  # noqa: F401  (used by lockdown; imported before the file system closes)
import inspect  # noqa: F401  (torch.jit.script and students ask for it; warm in the zygote)
import os
import sys
import tempfile
from typing import Any, NoReturn

import torch

from grader.jail.inside import landlock, loading, seccomp, serving
from grader.jail.inside.serving import WIRE
from grader.jail.shared import lockdown, messages
from grader.jail.shared.layers import SCRATCH, SPOOL, SUBMISSION, Layers


def prepare(importable: list[str]) -> None:
    """Called in the zygote: setup that every worker would otherwise repeat."""
    loading.AllowedPathFinder.install(importable)
    sys.dont_write_bytecode = True


def main(request: dict[str, Any], descriptors: list[int], layers: Layers) -> NoReturn:
    """Called in the fork: lock down, report, serve."""
    device = torch.device("cpu")
    try:
        _lock(request, descriptors, layers)
        if layers.device is not None:
            device = _start_device(layers.device)
        error = None
    except lockdown.LimitTooLow as problem:
        error = str(problem)
    except BaseException as problem:
        error = f"{type(problem).__name__}: {problem}"
    serving.send(messages.Ready(error))
    if error is None:
        serving.Server(request["submission"], device).serve()
    os._exit(0)


def _lock(request: dict[str, Any], descriptors: list[int], layers: Layers) -> None:
    """Apply every layer, in an order in which none prevents the next. Any failure raises: no layer is skipped."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDONLY)
    for source, target in zip([null, *descriptors[1:], descriptors[0]], (0, 1, 2, WIRE), strict=True):
        os.dup2(source, target)
    lockdown.close_descriptors([0, 1, 2, WIRE, *(descriptor for descriptor, _ in layers.rules)])
    if layers.namespaces:
        _private_mounts(request)  # first: it needs the capabilities that are dropped next
    if layers.uid is not None:
        lockdown.become(layers.uid, layers.uid, layers.keep_capabilities)
    else:
        lockdown.drop_capabilities()
    lockdown.die_with_parent()  # after the change of user, which clears it
    os.chdir(request["submission"])
    os.environ.clear()
    os.environ.update(environment(request["scratch"], layers))
    tempfile.tempdir = request["scratch"]
    lockdown.forbid_new_privileges()
    if layers.landlock_abi:
        own = [(request["scratch"], landlock.WRITE), (request["submission"], landlock.READ)]
        if layers.device is not None:  # the driver reads its own process's files, and names its threads
            own += [("/proc/self/maps", landlock.READ), ("/proc/self/status", landlock.READ)]
            own += [("/proc/self/task", landlock.THREADS)]
        landlock.restrict([*layers.rules, *landlock.open_rules(own)], layers.landlock_abi)
    lockdown.close_descriptors([0, 1, 2, WIRE])
    # address space is not limited here, but an inherited hard limit must leave room; a GPU's driver reserves any amount
    if layers.device is None:
        lockdown.require_limit("RLIMIT_AS", layers.address_bytes + (request["limits"]["memory_mib"] << 20))
    lockdown.limit_resources(resources(request["limits"], layers))
    if layers.has_filter:  # last: it denies calls that were needed above, such as setrlimit and Landlock's own
        seccomp.install(seccomp.build(os.getpid(), gpu=layers.device is not None))


def environment(scratch: str, layers: Layers) -> dict[str, str]:
    """The complete environment of a worker."""
    own = {"HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}
    if layers.device is None:
        return {**own, "CUDA_VISIBLE_DEVICES": ""}  # so that `cuda.is_available()` is False in students' code
    # the worker sees one GPU, so its number is 0; with this workspace size, cuBLAS is deterministic
    return {**own, "CUDA_VISIBLE_DEVICES": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8", "CUDA_CACHE_DISABLE": "1"}


def resources(limits: dict[str, int], layers: Layers) -> lockdown.Resources:
    """A worker's resource limits. A GPU's driver reserves huge ranges: there, only the host's memory watch counts."""
    has_gpu = layers.device is not None
    # without its own user or namespace, the limit on processes would count everything else this user runs
    is_alone = layers.uid is not None or layers.namespaces
    return lockdown.Resources(
        data_bytes=None if has_gpu else layers.data_bytes + (limits["memory_mib"] << 20),
        file_bytes=limits["files_mib"] << 20,
        cpu_seconds=limits["cpu_seconds"],
        processes=(512 if has_gpu else 64) if is_alone else None,
        descriptors=512 if has_gpu else 256,
    )


def _start_device(name: str) -> torch.device:
    """Make a GPU compute like the CPU, and deterministically, as far as torch can. Raises if it does not start."""
    # TF32 has a mantissa of ten bits
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_deterministic_debug_mode("warn")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # as elsewhere
    device = torch.device(name)
    torch.zeros(1, device=device)  # now: the driver's own memory must be allocated before the memory watch begins
    return device


def _private_mounts(request: dict[str, Any]) -> None:
    """Mount this worker's submission and an empty scratch folder, and hide all other submissions."""
    lockdown.unshare(lockdown.CLONE_NEWNS | lockdown.CLONE_NEWIPC)
    flags = lockdown.MS_NOSUID | lockdown.MS_NODEV | lockdown.MS_NOEXEC
    size = request["limits"]["files_mib"]
    lockdown.mount("tmpfs", SCRATCH, "tmpfs", flags, f"size={size}m,nr_inodes=2000,mode=1777")
    lockdown.bind_read_only(f"{SPOOL}/{request['entry']}", SUBMISSION)
    lockdown.unmount(SPOOL)
