"""What the jail is started with: a clean environment, a user that nothing else runs as, the least of root's rights."""

import os
import pwd
import socket
from collections.abc import Iterable
from pathlib import Path

from grader.jail.handle import JailError
from grader.jail.shared import lockdown
from grader.records.limits import Limits

_LEAST_BYTES = 1 << 30
"""Memory and addresses below which torch cannot even be imported, here or in the jail."""
_USERS = range(60_000, 65_000)
"""Below 65536, so that they exist in a container with a small range of ids."""


def clean_environment(temporary: Path, library_path: str | None = None) -> dict[str, str]:
    """All that the launcher, and so each worker, inherits: a fork copies even what `environ.clear()` forgets."""
    return {
        # no zygote may start a GPU's driver; asked in the second way, torch does not even count what it may not see
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
    """Raise `JailError` where this process was started in a way that nothing right can come of: before torch is
    imported, whose own words for it help nobody."""
    try:
        os.getcwd()
        lockdown.require_limit("RLIMIT_STACK", lockdown.STACK_BYTES)
        lockdown.require_limit("RLIMIT_FSIZE", Limits().files_mib << 20)
        for name in ("RLIMIT_AS", "RLIMIT_DATA"):
            lockdown.require_limit(name, _LEAST_BYTES)
    except lockdown.LimitTooLow as problem:
        raise JailError(str(problem)) from None
    except OSError:
        raise JailError("the current folder is gone; go to one that is there and start the grader again") from None


def free_user() -> tuple[int, socket.socket]:
    """A user id without an account that no other grader's workers have, and what keeps it ours until it is closed.

    The claim is a socket with an abstract name: the kernel gives it up however we end. Raises OSError where all ids are
    taken.
    """
    first = os.getpid() % len(_USERS)
    for uid in (*_USERS[first:], *_USERS[:first]):
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
    """What a dedicated user needs where no namespaces rebuild the tree: to pass folders that are root's alone.

    It is the right to read and search, nothing else; Landlock's list still says what may be opened.
    """
    folders = {parent for path in readable for parent in Path(path).parents}
    if not any(folder.exists() and not folder.stat().st_mode & 0o001 for folder in folders):
        return []
    # root in a default container has the wider right only
    held = lockdown.permitted_capabilities()
    return [lockdown.CAP_DAC_READ_SEARCH if held >> lockdown.CAP_DAC_READ_SEARCH & 1 else lockdown.CAP_DAC_OVERRIDE]
