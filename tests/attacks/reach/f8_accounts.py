"""F8: reads the machine's accounts, homes and settings."""

import os
import pwd


def quick():
    return 7


def password_entry():
    try:
        return pwd.getpwuid(1)  # some machines know root and nobody without a file
    except KeyError:
        raise FileNotFoundError from None


def attack():
    done = []
    for name, way in {
        "root": lambda: os.listdir("/"),
        "homes": lambda: os.listdir("/home"),
        "root's home": lambda: os.listdir("/root"),
        "settings": lambda: os.listdir("/etc"),
        "password entry": password_entry,
        "keys": lambda: os.listdir(os.path.expanduser("~root/.ssh")),
        "logs": lambda: os.listdir("/var/log"),
        **{
            path: lambda path=path: open(path).read()
            for path in (
                "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
                "/etc/machine-id", "/etc/os-release", "/etc/fstab", "/etc/nsswitch.conf",
            )
        },
    }.items():
        try:
            way()
            done.append(name)
        except OSError:
            pass
    return done
