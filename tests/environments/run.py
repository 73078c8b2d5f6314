"""Run a command under another condition of the machine: as an ordinary user, without namespaces, and so on.

    python tests/environments/run.py [--user] [--no-namespaces] [--no-landlock] [--umask 077] ... -- COMMAND

Ends with the command's exit status, or with 125 where this machine cannot make the condition.
"""

import argparse
import errno
import os
import platform
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from grader.jail.inside import seccomp, syscalls
from grader.jail.shared import lockdown

IMPOSSIBLE = 125
USER = 1001  # needs no entry in the password file
ROOT = Path(__file__).resolve().parents[2]

_FORBIDDEN = (
    *("unshare", "setns", "mount", "umount2", "pivot_root", "open_tree", "open_tree_attr", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
)
_CLONE_NEW = 0x7E020000  # any CLONE_NEW* that clone takes
_OF_CONTAINERS = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
"""The capabilities that root has in a container by default: not the right to read and search everything (2)."""
_MASKED = "/sys/devices/system/cpu/cpu0"
_LANDLOCK_CREATE = 444  # the same number on every architecture
_op, _EQUAL, _GIVE = seccomp._op, seccomp._JUMP_EQUAL, seccomp._RETURN


class Impossible(Exception):
    """This machine cannot make the condition."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--user", action="store_true", help="as an ordinary user")
    parser.add_argument("--no-namespaces", action="store_true", help="in a default container: no namespace can be made")
    parser.add_argument("--no-landlock", action="store_true", help="with a kernel from before Landlock")
    parser.add_argument("--masked", action="store_true", help="where a part of /sys is covered, as containers do")
    parser.add_argument("--hide-processes", action="store_true", help="where /proc shows a user's own processes only")
    parser.add_argument("--closed", action="store_true", help="where the library lies in a folder that is root's alone")
    parser.add_argument("--umask", type=lambda mask: int(mask, 8), help="such as 077: nobody else reads what is made")
    parser.add_argument("command", nargs="+", help="what to run, behind --")
    options = parser.parse_args()
    # under /tmp whatever TMPDIR says: the folder must lie where everybody may pass
    with tempfile.TemporaryDirectory(prefix="environment-", dir="/tmp") as aside:
        child = os.fork()
        if child == 0:
            try:
                lockdown.die_with_parent()
                _enter(options, aside)
                os.execvp(options.command[0], options.command)
            except (Impossible, OSError) as reason:
                print(f"{parser.prog}: {reason}", file=sys.stderr, flush=True)
            finally:
                os._exit(IMPOSSIBLE)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _enter(options: argparse.Namespace, aside: str) -> None:
    changes_user = options.user and os.getuid() == 0
    # there, workers of root's get no right to pass a folder that is root's alone, as a checkout's may be
    needs_open_way = changes_user or (options.no_namespaces and options.no_landlock)
    if needs_open_way or options.masked or options.hide_processes or options.closed:
        _own_mounts()
    if options.masked:
        lockdown.mount("tmpfs", _MASKED, "tmpfs", lockdown.MS_RDONLY)
    if options.hide_processes:
        _hide_processes()
    if needs_open_way:
        open_the_way({sys.prefix, sys.base_prefix, sys.executable, str(ROOT)}, aside)
    if options.closed:
        close_the_way(Path(sysconfig.get_path("purelib")), aside)
    if options.no_landlock:
        _forbid([_op(_EQUAL, _LANDLOCK_CREATE, 0, 1), _op(_GIVE, seccomp._ERRNO | errno.ENOSYS)])
    if options.no_namespaces:
        forbid_namespaces()
    if changes_user:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        lockdown.die_with_parent()  # the change of user cleared it
        os.environ.update(HOME=f"{aside}/home", TMPDIR=f"{aside}/home", USER="somebody", LOGNAME="somebody")
        for path in (sys.executable, str(ROOT / "pyproject.toml")):
            if not os.access(path, os.R_OK):
                raise Impossible(f"{path} is closed to other users")
    if options.umask is not None:  # last: what this script makes stays open
        os.umask(options.umask)


def _own_mounts() -> None:
    try:
        lockdown.unshare(lockdown.CLONE_NEWNS)
        lockdown.mount("none", "/", None, lockdown.MS_REC | lockdown.MS_PRIVATE)
    except OSError as error:
        raise Impossible(f"nothing can be mounted here: {error.strerror}") from None


def _hide_processes() -> None:
    """Mount /proc anew, so that the rest of the machine keeps its own."""
    try:
        lockdown.mount("proc", "/proc", "proc", lockdown.MS_NOSUID | lockdown.MS_NODEV, "hidepid=2")
    except OSError as error:
        raise Impossible(f"/proc cannot be mounted here: {error.strerror}") from None


def open_the_way(needed: Iterable[str], aside: str) -> None:
    """Let everybody reach these paths, and nothing beside them that was closed, in a mount namespace of our own.

    A folder that is closed to others (a home of mode 0700) is covered by an empty one that is open, in which the
    needed paths are shown again, read-only. `aside` becomes an in-memory folder with a home for the user.
    """
    lockdown.mount("tmpfs", aside, "tmpfs", lockdown.MS_NOSUID | lockdown.MS_NODEV, "size=1g,mode=755")
    os.umask(0o022)
    closed: dict[Path, list[Path]] = {}
    for path in _outermost({part for name in needed for part in _open_parts(Path(name))}):
        barriers = [folder for folder in reversed(path.parents) if _is_closed(folder)]
        if barriers:
            closed.setdefault(barriers[0], []).append(path)
    kept = Path(aside, "kept")
    for barrier, paths in closed.items():
        for path in paths:
            lockdown.mount(str(path), _like(path, Path(f"{kept}{path}")), None, lockdown.MS_BIND)
        lockdown.mount("tmpfs", str(barrier), "tmpfs", lockdown.MS_NOSUID | lockdown.MS_NODEV, "size=4m,mode=755")
        for path in paths:
            shown = Path(f"{kept}{path}")
            lockdown.bind_read_only(str(shown), _like(shown, path))
    home = Path(aside, "home")
    home.mkdir(mode=0o700)
    os.chown(home, USER, USER)


def close_the_way(library: Path, aside: str) -> None:
    """Cover the folder that holds the library by one that is root's alone, in a mount namespace of our own."""
    folder = library.parent
    kept = _like(folder, Path(aside, "closed"))
    lockdown.mount(str(folder), kept, None, lockdown.MS_BIND)
    lockdown.mount("tmpfs", str(folder), "tmpfs", lockdown.MS_NOSUID | lockdown.MS_NODEV, "size=4m,mode=700")
    for entry in Path(kept).iterdir():
        lockdown.bind_read_only(str(entry), _like(entry, folder / entry.name))


def _open_parts(path: Path) -> Iterator[Path]:
    """The path itself, or what is in it where the folder itself is closed."""
    if path.is_dir() and _is_closed(path):
        for entry in path.iterdir():
            yield from _open_parts(entry)
    elif path.exists():
        yield path


def _outermost(paths: set[Path]) -> list[Path]:
    return sorted(path for path in paths if not paths & set(path.parents))


def _is_closed(folder: Path) -> bool:
    return folder.stat().st_mode & 0o005 != 0o005


def _like(source: Path, target: Path) -> str:
    """Make an empty folder or file at `target`, as `source` is one, to mount upon."""
    (target if source.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        target.touch()
    return str(target)


def forbid_namespaces() -> None:
    """Refuse every system call that makes or enters a namespace or mounts, to this process and all it will start.

    Root also loses the capabilities that it has in no default container, with the exec that follows.
    """
    denied = _op(_GIVE, seccomp._ERRNO | errno.EPERM)
    program = []
    for name in _FORBIDDEN:
        program += [_op(_EQUAL, _number(syscalls.DENIED[name]), 0, 1), denied]
    # its flags lie in memory, where a filter cannot look; glibc falls back to clone
    absent = _op(_GIVE, seccomp._ERRNO | errno.ENOSYS)
    program += [_op(_EQUAL, _number(syscalls.FILTERED["clone3"]), 0, 1), absent]
    program += seccomp._when(
        _number(syscalls.FILTERED["clone"]), 0, [_op(seccomp._JUMP_ANY_BIT, _CLONE_NEW, 0, 1), denied]
    )
    _forbid(program)
    if os.getuid() == 0:
        for capability in set(range(41)) - _OF_CONTAINERS:
            lockdown.prctl(lockdown._PR_CAPBSET_DROP, capability)


def _forbid(refusals: list[bytes]) -> None:
    """Refuse system calls, by their number, to this process and all it will start."""
    if os.getuid() != 0:
        lockdown.prctl(lockdown._PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(b"".join([_op(seccomp._LOAD, seccomp._NUMBER), *refusals, _op(_GIVE, seccomp._ALLOW)]))


def _number(numbers: tuple[int | None, int | None]) -> int:
    """The number on this machine, of those in the filter's table."""
    column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    if column is None:
        raise Impossible(f"no system-call table for {platform.machine()}")
    number = numbers[column]
    assert number is not None
    return number


if __name__ == "__main__":
    raise SystemExit(main())
