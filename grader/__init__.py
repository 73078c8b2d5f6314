"""The public face of the grader: all that an exercise or a plugin may import.

Names are looked up when they are first used, so that a worker can import its own rooms without the rest of the house.
"""

import importlib
from typing import Any

_HOME = {
    "Adjustment": "records",
    "BadDownload": "collecting",
    "Band": "figures",
    "CannotExport": "hookspecs",
    "Cell": "figures",
    "ClassView": "hookspecs",
    "Collected": "collecting",
    "Conditions": "records",
    "Curve": "figures",
    "ExecutorSpec": "hookspecs",
    "Exercise": "exercise",
    "ExerciseGrade": "records",
    "Exported": "hookspecs",
    "Exporter": "hookspecs",
    "Exporting": "hookspecs",
    "FUSED_RECURRENT": "student",
    "Figure": "figures",
    "Format": "hookspecs",
    "Grade": "records",
    "GradebookError": "gradebook",
    "HandIn": "records",
    "Judged": "expectations",
    "Layout": "collecting",
    "Learned": "task",
    "LearningTask": "task",
    "Level": "figures",
    "Line": "figures",
    "Mark": "figures",
    "Matrix": "figures",
    "Member": "collecting",
    "Opaque": "expectations",
    "Part": "collecting",
    "ReportWriter": "hookspecs",
    "Row": "records",
    "Samples": "figures",
    "Skipped": "collecting",
    "Student": "student",
    "StudentRaised": "student",
    "Trace": "student",
    "Unmet": "expectations",
    "Upload": "collecting",
    "Verdict": "records",
    "Vjp": "student",
    "describe": "expectations",
    "differing": "figures",
    "expect": "expectations",
    "expect_close": "expectations",
    "expect_column": "probes",
    "expect_every_step_reached": "probes",
    "expect_real": "probes",
    "expect_recurrent_step": "probes",
    "expect_repeatable": "probes",
    "expect_shape": "expectations",
    "expect_tuple": "expectations",
    "first_to_fix": "summary",
    "format_points": "summary",
    "hookimpl": "hookspecs",
    "input_gradient": "probes",
    "largest_error": "expectations",
    "learn": "learning",
    "near": "probes",
    "open_gradebook": "gradebook",
    "recurrent": "student",
    "show_training": "learning",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"grader.{_HOME[name]}"), name)
    raise AttributeError(f"module 'grader' has no attribute {name!r}")
