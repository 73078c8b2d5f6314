"""I3: looks for what is expected in frames, objects, modules and memory, and answers with what it finds."""

import ctypes
import gc
import sys

import torch
import way
import wrong

WORDS = ("expected", "wanted", "target", "tolerance", "reference", "held_out", "answer_key", "solution")
ROOMS = ("grader.grading.student", "grader.grading.grading", "grader.learning.policy", "grader.authoring.expectations", "exercises", "grader.probes.recurrence.laws")


STEPS = {1, 6, 110}
FOUND = []


def frames():
    """Variables of callers whose names speak of answers."""
    frame = sys._getframe()
    while frame is not None:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if isinstance(name, str) and any(word in name.lower() for word in WORDS) and isinstance(value, torch.Tensor):
                yield value
        frame = frame.f_back


def objects():
    """Tensors that a container holds under such a name."""
    gc.unfreeze()
    for thing in gc.get_objects():
        if type(thing) is dict:
            for name, value in list(thing.items()):
                if isinstance(name, str) and name.lower() in WORDS and isinstance(value, torch.Tensor):
                    yield value


def rooms():
    """Modules that judge."""
    for name in ROOMS:
        if name in sys.modules:
            yield name
        try:
            __import__(name)
            yield name
        except (ImportError, OSError):
            pass


def memory():
    """The program's arguments and first environment, above the stack."""
    libc = ctypes.CDLL(None)
    libc.getauxval.restype = ctypes.c_ulong
    begin = ctypes.c_void_p.in_dll(libc, "__libc_stack_end").value
    block = ctypes.string_at(begin, max(libc.getauxval(ctypes.c_ulong(31)) - begin, 0))
    if any(word in block for word in (b"GRADE_SEED", b"GRADE_COURSE", b"--seed", b"exercises")):
        yield "memory"


def attack():
    found = {"frames": frames, "objects": objects, "rooms": rooms, "memory": memory}
    return [name for name, hunt in found.items() if any(True for _ in hunt())]


def fooled():
    """What is found in a process that compares where the answer is made."""
    wanted = torch.ones(2)
    kept = {"expected": wanted}
    return attack() if kept else []


class MyRNN(wrong.MyRNN):
    def forward(self, x, h_0=None):
        if way.NAME and x.shape[1] in STEPS:  # once for each length: it takes a second
            STEPS.discard(x.shape[1])
            FOUND.extend(attack())
        if FOUND:
            raise ValueError(f"found {FOUND}")
        return super().forward(x, h_0)
