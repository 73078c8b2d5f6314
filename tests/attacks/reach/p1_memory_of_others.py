"""P1: reads memory, environment and files of the judge and the zygote through /proc."""

import os

import world


def quick():
    return 7


def attack():
    done = []
    for who, pid in {"judge": world.pid, "zygote": world.zygote, "parent": os.getppid(), "first": 1}.items():
        for entry in ("cmdline", "environ", "status", "stat", "comm", "mem", "maps", "mountinfo", "task", "fd", "root", "cwd"):
            path = f"/proc/{pid}/{entry}"
            try:
                if entry in ("task", "fd", "root", "cwd"):
                    os.listdir(path)
                else:
                    open(path, "rb").read(1) if entry != "mem" else open(path, "rb").close()
                done.append(f"{who}: {entry}")
            except OSError:
                pass
        for entry in ("exe", "root", "cwd", "fd/0", "ns/pid"):
            try:
                os.readlink(f"/proc/{pid}/{entry}")
                done.append(f"{who}: link {entry}")
            except OSError:
                pass
    return done
