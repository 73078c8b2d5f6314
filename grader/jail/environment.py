"""Prepare the jail's start: a clean environment, an unused user id, and as few of root's capabilities as possible."""

import os
import pwd
import socket
from collections.abc import Iterable
from pathlib import Path

from grader.jail.handle import JailError
from grader.jail.shared import lockdown
from grader.records.limits import Limits

_MIN_BYTES = 1 << 30
"""With less memory or address space, torch cannot even be imported, here or in the jail."""
_UIDS = range(60_000, 65_000)
"""Below 65536, so that they exist in a container with a small range of ids."""


def clean_environment(temporary: Path, library_path: str | None = None) -> dict[str, str]:
    """The whole environment of the launcher, and so of each worker.

    It has to be clean from the start: `environ.clear()` leaves the original strings in the memory that a fork copies.
    """
    return {
        # the fork server must not initialize CUDA, or its forks could not use it; with the second variable, torch
        # counts GPUs without calling CUDA at all
        "CUDA_VISIBLE_DEVICES": "",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        **({} if library_path is None else {"LD_LIBRARY_PATH": library_path}),
        "LANG": "C.UTF-8",
        "TMPDIR": str(temporary),
        "HOME": str(temporary),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def check_inherited() -> None:
    """Raise `JailError` where this process was started in a state in which grading cannot work.

    Called before torch is imported, whose own error messages in these cases do not help.
    """
    try:
        os.getcwd()
        lockdown.require_limit("RLIMIT_STACK", lockdown.STACK_BYTES)
        lockdown.require_limit("RLIMIT_FSIZE", Limits().files_mib << 20)
        for name in ("RLIMIT_AS", "RLIMIT_DATA"):
            lockdown.require_limit(name, _MIN_BYTES)
    except lockdown.LimitTooLow as problem:
        raise JailError(str(problem)) from None
    except OSError:
        raise JailError("the current folder is gone; change to an existing one and start the grader again") from None


def free_user() -> tuple[int, socket.socket]:
    """A user id without an account that no other grader's workers use, and the socket that reserves it until closed.

    The socket has an abstract name, which the kernel releases however this process ends. Raises OSError where all ids
    are taken.
    """
    first = os.getpid() % len(_UIDS)
    for uid in (*_UIDS[first:], *_UIDS[:first]):
        try:
            pwd.getpwuid(uid)
        except KeyError:
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                claim.bind(f"\0rnn-grader-user-{uid}")
            except OSError:
                claim.close()
            else:
                return uid, claim
    raise OSError("no user id is free for workers")


def needed_capabilities(readable: Iterable[str | Path]) -> list[int]:
    """The capabilities that workers keep so that they can traverse folders that only root may enter.

    Needed only without namespaces, where workers see the host's own file tree and Python may be installed below such a
    folder. The capability grants reading and searching; Landlock still restricts what may be opened.
    """
    folders = {parent for path in readable for parent in Path(path).parents}
    if not any(folder.exists() and not folder.stat().st_mode & 0o001 for folder in folders):
        return []
    # root in a default container has only the wider CAP_DAC_OVERRIDE
    held = lockdown.permitted_capabilities()
    return [lockdown.CAP_DAC_READ_SEARCH if held >> lockdown.CAP_DAC_READ_SEARCH & 1 else lockdown.CAP_DAC_OVERRIDE]
