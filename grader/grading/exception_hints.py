"""Hints for the exceptions that students' code raises often."""

import math
import re

from grader.grading.attempt import Attempt
from grader.grading.errors import StudentRaised
from grader.records.sanitize import sanitize

_TOO_MUCH = (
    "It asked for more memory than an attempt may use: create fewer or smaller tensors at a time, and do not keep the "
    "tensors of earlier steps longer than you need them."
)
_MISFIT = re.compile(
    r"shapes cannot be multiplied|size mismatch|must match|Sizes of tensors|is invalid for input of size|expand"
    r"|Expected hidden|out of (range|bounds)"
)
"""Messages about sizes that do not match."""
_UNITS = 8
"""If two sizes have at least this common divisor, each is probably a number of steps times the size of a state."""
_HINTS: tuple[tuple[str, str, str], ...] = (
    ("MemoryError", r"", _TOO_MUCH),
    ("RuntimeError", r"allocate memory|out of memory", _TOO_MUCH),
    ("torch.OutOfMemoryError", r"", _TOO_MUCH),
    (
        "AttributeError",
        r"before Module\.__init__\(\) call",
        "Call `super().__init__()` first thing in `__init__`, before any layer or parameter is assigned.",
    ),
    (
        "NotImplementedError",
        r"",
        "This part is still to be written.",
    ),
    (
        "TypeError",
        r"__init__\(\) (takes|missing|got)",
        "The class is built with exactly the sizes that the task names, in that order and by position.",
    ),
    (
        "TypeError",
        r"forward\(\) (takes|missing|got)",
        "`forward` is called with every argument that the task names, by position; compare your signature with it.",
    ),
    (
        "TypeError",
        r"NoneType",
        "Something is None here. Is a missing initial state replaced by zeros before it is used?",
    ),
    (
        "RuntimeError",
        r"shapes cannot be multiplied|size mismatch|must match the size|Sizes of tensors must match",
        "Two sizes do not match. Print the shapes before this line: is the batch first and time second?",
    ),
    (
        "RuntimeError",
        r"(on|at) the same device|is not on the expected device",
        "Some tensors are on the GPU and some are not. Create new ones on the input's device: `torch.zeros(..., "
        "device=x.device)` or `x.new_zeros(...)`; register a module's constant tensors with `register_buffer`.",
    ),
    (
        "RuntimeError",
        r"'lengths' argument should be a 1D CPU",
        "`pack_padded_sequence` needs the lengths on the CPU, even if the model is on a GPU: pass `lengths.cpu()`.",
    ),
    (
        "torch.AcceleratorError",
        r"device-side assert",
        "On a GPU, this is usually an index out of range, as in an embedding; run it on the CPU to see the line.",
    ),
    (
        "RuntimeError",
        r"same dtype|expected (scalar type|m1 and m2)|Found dtype",
        "Two dtypes are mixed. Create new tensors like the input: `torch.zeros(..., dtype=x.dtype, device=x.device)`.",
    ),
    (
        "RuntimeError",
        r"modified by an inplace operation",
        "Autograd needs a value that was overwritten. Collect the steps in a list and `torch.stack` them.",
    ),
    (
        "RuntimeError",
        r"[Nn]umpy\(\) on .*requires grad",
        "A tensor leaves torch here, and its gradient with it. Stay in torch operations.",
    ),
)


def hint_for(raised: StudentRaised, attempt: Attempt) -> str | None:
    """The first hint that fits the exception, or None."""
    if raised.type_name == "NameError" and (missing := _failed_import(raised.message, attempt)):
        return missing
    if raised.type_name == "ModuleNotFoundError":
        return (
            "Is it a file of your own? Hand it in with the rest. Of what is installed, only the standard library, "
            "torch, numpy and what the course adds are available to graded code."
        )
    if raised.sizes is not None and _MISFIT.search(raised.message):
        return (
            "The same model accepts inputs of shape {} and fails on {}: no part of it may be made for one length or "
            "one batch size, as a linear layer after `flatten` is. Take sizes from `x.shape`, and use the last state."
        ).format(*raised.sizes)
    if (sizes := re.search(r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)", raised.message)) is not None:
        given, made_for = int(sizes[1]), int(sizes[2])
        if math.gcd(given, made_for) >= _UNITS:
            return (
                f"A layer that was made for {made_for} numbers gets {given}. A linear layer after `flatten` is made "
                "for one length; use the last state instead. Or is the batch not first?"
            )
    for type_name, pattern, hint in _HINTS:
        if raised.type_name == type_name and re.search(pattern, raised.message):
            return hint
    return None


def _failed_import(message: str, attempt: Attempt) -> str | None:
    """The reason why a name is undefined, if the top-level statement that should have defined it failed."""
    match = re.search(r"name '(\w+)' is not defined", message)
    for failure in attempt.failures():
        if match and match.group(1) in failure.defines:
            return f"Line {failure.place.line} should have defined it, but failed: {sanitize(failure.error, 300)}"
    return None
