"""F12: reads what the kernel tells a process of itself and of the machine."""

import os


def quick():
    return 7


def attack():
    done = []
    for path in (
        "self/maps", "self/environ", "self/mem", "self/cmdline", "self/status", "self/stat", "self/mountinfo", "self/cgroup",
        "self/limits", "self/oom_score_adj", "self/comm", "thread-self/comm", "mounts", "kallsyms", "kcore", "meminfo",
        "version", "cmdline", "modules", "net/tcp", "net/unix", "sys/kernel/hostname", "sys/kernel/random/boot_id", "keys",
        "sysrq-trigger", "uptime", "loadavg", "locks",
    ):
        try:
            open(f"/proc/{path}", "rb").close()
            done.append(path)
        except OSError:
            pass
    for path in ("", "self", "self/fd", "self/task", "self/root", "self/map_files", "sys"):
        try:
            os.listdir(f"/proc/{path}")
            done.append(f"list {path}")
        except OSError:
            pass
    for path in ("self/oom_score_adj", "self/comm", "self/uid_map", "self/mem", "sysrq-trigger", "sys/kernel/core_pattern"):
        try:
            os.close(os.open(f"/proc/{path}", os.O_WRONLY))
            done.append(f"write {path}")
        except OSError:
            pass
    for path in ("self", "self/exe", "self/cwd", "self/root", "self/fd/3", "self/ns/pid"):
        try:
            os.readlink(f"/proc/{path}")
            done.append(f"link {path}")
        except OSError:
            pass
    return done
