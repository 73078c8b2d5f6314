"""U2: what one worker leaves behind is to be found by the next one: files, variables, modules, open descriptors."""

import builtins
import os
import sys
import tempfile
import threading

import torch
import way
import wrong

MARK = "left-by-an-earlier-worker"


def places():
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [tempfile.gettempdir(), os.environ.get("HOME", "/"), here, "/tmp", "/dev/shm", "/var/tmp", os.getcwd()]
    return [os.path.join(folder, MARK) for folder in folders]


def leave(paths):
    """Leave a mark wherever that is possible."""
    for path in paths:
        try:
            with open(path, "w") as file:
                file.write(MARK)
        except OSError:
            pass
    os.environ[MARK] = MARK
    sys.modules[MARK] = sys
    builtins.mark = torch.nn.Module.mark = torch.mark = threading.mark = MARK
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 100)
    except OSError:
        pass


def found():
    """Where a mark is."""
    names = [path for path in places() if os.path.exists(path)]
    names += ["environment"] * (MARK in os.environ) + ["modules"] * (MARK in sys.modules)
    names += [place.__name__ for place in (builtins, torch, torch.nn.Module, threading) if hasattr(place, "mark")]
    try:
        os.fstat(100)
        names.append("descriptor")
    except OSError:
        pass
    return names


FOUND = found() if way.NAME else []

if way.NAME:
    leave(places())


def fooled():
    """What the next one finds in the same process."""
    leave(())  # no file: they would stay
    return found()


class MyRNN(wrong.MyRNN):
    def forward(self, x, h_0=None):
        if FOUND:
            raise ValueError(f"found {FOUND}")
        return super().forward(x, h_0)
