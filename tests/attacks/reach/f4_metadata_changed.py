"""F4: changes modes, owners, times and attributes of files that it may see."""

import ctypes
import importlib.util
import os

import world

libc = ctypes.CDLL(None, use_errno=True)
file, own, library = world.file.encode(), os.path.abspath(__file__), importlib.util.find_spec("torch").origin
folder = os.path.dirname(own)


def quick():
    return 7


def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")


def through_a_path(change):
    descriptor = os.open(world.folder, os.O_PATH)
    try:
        change(descriptor)
    finally:
        os.close(descriptor)


def attack():
    done = []
    now = (ctypes.c_long * 4)()
    attributes = (ctypes.c_uint64 * 2)(ctypes.addressof(ctypes.create_string_buffer(b"x")), 1)
    for name, way in {
        "mode": lambda: os.chmod(world.file, 0o600),
        "mode by folder": lambda: through_a_path(lambda at: os.chmod("file", 0o600, dir_fd=at)),
        "mode, fchmodat2": lambda: checked(libc.syscall(452, -100, file, 0o600, 0)),
        "mode of the folder": lambda: os.chmod(world.folder, 0o700),
        "owner": lambda: os.chown(world.file, os.getuid(), -1),
        "owner by folder": lambda: through_a_path(lambda at: os.chown("file", os.getuid(), -1, dir_fd=at)),
        "owner, lchown": lambda: os.lchown(world.file, os.getuid(), -1),
        "times": lambda: os.utime(world.file),
        "times, utime": lambda: checked(libc.utime(file, None)),
        "times, utimes": lambda: checked(libc.utimes(file, None)),
        "times, futimesat": lambda: checked(libc.futimesat(-100, file, None)),
        "times by folder": lambda: through_a_path(lambda at: os.utime("file", dir_fd=at)),
        "attribute": lambda: os.setxattr(world.file, "user.x", b"x"),
        "attribute, lsetxattr": lambda: os.setxattr(world.file, "user.y", b"x", follow_symlinks=False),
        "attribute, setxattrat": lambda: checked(libc.syscall(463, -100, file, 0, b"user.z", attributes, 16)),
        "attribute gone": lambda: os.removexattr(world.file, "user.x"),
        "flags": lambda: checked(libc.syscall(469, -100, file, now, 24, 0)),
        "own mode": lambda: os.chmod(own, 0o777),
        "own mode, open": lambda: os.fchmod(os.open(own, os.O_RDONLY), 0o777),
        "own times": lambda: os.utime(own),
        "own times, open": lambda: os.utime(os.open(own, os.O_RDONLY)),
        "own attribute": lambda: os.setxattr(own, "user.x", b"x"),
        "own folder": lambda: os.chmod(folder, 0o777),
        "library's mode": lambda: os.chmod(library, os.stat(library).st_mode & 0o777),
        "library's times": lambda: os.utime(library, ns=(os.stat(library).st_atime_ns, os.stat(library).st_mtime_ns)),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
