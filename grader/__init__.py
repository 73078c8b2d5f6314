"""The public API for exercise authors. Figures and plugins have their own: `grader.figures` and `grader.plugin`.

Names are imported on first use, so that a worker can import its own modules without the rest of the package.
Their types are in `__init__.pyi`, in the order in which an author meets them.
"""

import importlib
from typing import Any

_HOME = {
    "Exercise": "authoring.exercise",
    "expect": "authoring.expectations",
    "expect_tuple": "authoring.expectations",
    "expect_shape": "authoring.expectations",
    "expect_close": "authoring.expectations",
    "expect_answer": "authoring.expectations",
    "Unmet": "authoring.expectations",
    "Judged": "authoring.expectations",
    "describe": "authoring.expectations",
    "largest_error": "authoring.expectations",
    "Opaque": "authoring.expectations",
    "Student": "grading.student",
    "Model": "grading.model",
    "StudentRaised": "grading.errors",
    "LearningTask": "authoring.task",
    "learn": "learning.policy",
    "Learned": "learning.learned",
    "sweep": "learning.sweep",
    "hookimpl": "course.hookspecs",
}
_MODULES = ("data", "figures", "plugin", "probes", "scores")
__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"grader.{_HOME[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"grader.{name}")
    raise AttributeError(f"module 'grader' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
