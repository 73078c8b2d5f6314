"""F11: leaves files, modules, settings and threads for the next attempt, and looks for such."""

import atexit
import builtins
import os
import sys
import threading
import time
import types

import torch

OWN = os.path.dirname(os.path.abspath(__file__))
FOLDERS = {"scratch": os.environ["TMPDIR"], "submission": OWN, "tmp": "/tmp", "shm": "/dev/shm", "here": "."}


def quick():
    return 7


def leave(path):
    with open(path, "w") as file:
        file.write("left")


def attack():
    done = [name for name, folder in FOLDERS.items() if os.path.exists(f"{folder}/left")]
    done += ["scratch is not empty"] * bool(os.listdir(FOLDERS["scratch"]))
    done += ["module"] * ("left" in sys.modules)
    done += ["torch"] * (hasattr(torch, "left") or torch.get_num_threads() == 2)
    done += ["builtins"] * hasattr(builtins, "left")
    done += ["environment"] * ("LEFT" in os.environ)
    done += ["thread"] * any(thread.name == "left" for thread in threading.enumerate())
    for folder in FOLDERS.values():
        try:
            leave(f"{folder}/left")
        except OSError:
            pass
    sys.modules["left"] = types.ModuleType("left")
    torch.left = builtins.left = True
    torch.set_num_threads(2)
    os.environ["LEFT"] = "1"
    atexit.register(leave, f"{FOLDERS['scratch']}/left at exit")
    threading.Thread(target=time.sleep, args=(60,), name="left").start()
    return done
