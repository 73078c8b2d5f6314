"""F7: links to files of the host, to reach them by another name."""

import os

import world

scratch = os.environ["TMPDIR"]


def quick():
    return 7


def attack():
    done = []
    for name, way in {
        "link": lambda: os.link(world.file, f"{scratch}/hard"),
        "link by folder": lambda: os.link("file", f"{scratch}/hard-2", src_dir_fd=os.open(world.folder, os.O_PATH)),
        "link there": lambda: os.link(world.file, f"{world.folder}/hard"),
        "link to the neighbour": lambda: os.link(world.neighbour, f"{scratch}/neighbour"),
        "symlink": lambda: os.symlink(world.file, f"{scratch}/soft"),
        "symlink to the root": lambda: os.symlink("/", f"{scratch}/root"),
        "symlink there": lambda: os.symlink("/etc/passwd", f"{world.folder}/soft"),
        "read": lambda: open(f"{scratch}/soft").read(),
        "read from the root": lambda: open(f"{scratch}/root{world.file}").read(),
        "device": lambda: os.mknod(f"{scratch}/device", 0o060666, os.makedev(8, 0)),
        "pipe": lambda: os.mkfifo(f"{scratch}/pipe"),
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
