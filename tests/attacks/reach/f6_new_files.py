"""F6: leaves files where others will find them. Its own scratch folder is the one place that takes one."""

import os
import sys

import torch
import world

NAME = f"made-by-an-attack-{os.path.basename(world.folder)}"
own = os.path.dirname(os.path.abspath(__file__))
package = os.path.dirname(torch.__file__)
site, library = os.path.dirname(package), os.path.dirname(os.__file__)


def quick():
    return 7


def attack():
    done = []
    for name, path in {
        "scratch": os.environ["TMPDIR"],
        "beside scratch": os.path.dirname(os.environ["TMPDIR"]),
        "home": os.path.expanduser("~root"),
        "/tmp": "/tmp",
        "/var/tmp": "/var/tmp",
        "/dev/shm": "/dev/shm",
        "/run": "/run",
        "/etc": "/etc",
        "/": "/",
        "/spool": "/spool",
        "submission": own,
        "beside the submission": os.path.dirname(own),
        "package": package,
        "site-packages": site,
        "library": library,
        "prefix": sys.prefix,
    }.items():
        for suffix in ("", ".py", ".pth"):
            try:
                open(os.path.join(path, NAME + suffix), "w").write("import os")
                done.append(name + suffix)
            except OSError:
                pass
    for name, path in {"own file": __file__, "torch": torch.__file__, "os": os.__file__, "python": sys.executable}.items():
        try:
            open(path, "a").close()
            done.append(name)
        except OSError:
            pass
    return done
