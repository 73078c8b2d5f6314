"""The public face of the grader: all that an exercise or a plugin may import.

Names are looked up when they are first used, so that a worker can import its own rooms without the rest of the house.
"""

import importlib
from typing import Any

_HOME = {
    "Adjustment": "records.grade",
    "BadDownload": "course.layouts",
    "Band": "records.figures",
    "CannotExport": "course.contributions",
    "Cell": "records.figures",
    "ClassView": "course.contributions",
    "Collected": "course.layouts",
    "Conditions": "records.grade",
    "Curve": "records.figures",
    "ExecutorSpec": "course.contributions",
    "Exercise": "authoring.exercise",
    "ExerciseGrade": "records.grade",
    "Exported": "course.contributions",
    "Exporter": "course.contributions",
    "Exporting": "course.contributions",
    "FUSED_RECURRENT": "grading.student",
    "Figure": "records.figures",
    "Format": "course.contributions",
    "Grade": "records.grade",
    "GradebookError": "batch.database",
    "HandIn": "records.grade",
    "Judged": "authoring.expectations",
    "Layout": "course.layouts",
    "Learned": "learning.learned",
    "LearningTask": "authoring.task",
    "Level": "records.figures",
    "Line": "records.figures",
    "Mark": "records.figures",
    "Matrix": "records.figures",
    "Member": "course.layouts",
    "Opaque": "authoring.expectations",
    "Part": "course.layouts",
    "ReportWriter": "course.contributions",
    "Row": "records.grade",
    "Samples": "records.figures",
    "Skipped": "course.layouts",
    "Student": "grading.student",
    "StudentRaised": "grading.student",
    "Trace": "grading.student",
    "Unmet": "authoring.expectations",
    "Upload": "course.layouts",
    "Verdict": "records.grade",
    "Vjp": "grading.student",
    "describe": "authoring.expectations",
    "differing": "records.figures",
    "expect": "authoring.expectations",
    "expect_close": "authoring.expectations",
    "expect_column": "probes.sequence",
    "expect_every_step_reached": "probes.sequence",
    "expect_real": "probes.sequence",
    "expect_recurrent_step": "probes.sequence",
    "expect_repeatable": "probes.sequence",
    "expect_shape": "authoring.expectations",
    "expect_tuple": "authoring.expectations",
    "first_to_fix": "records.summary",
    "format_points": "records.summary",
    "hookimpl": "course.hookspecs",
    "input_gradient": "probes.sequence",
    "largest_error": "authoring.expectations",
    "learn": "learning.policy",
    "near": "probes.sequence",
    "open_gradebook": "batch.gradebook",
    "recurrent": "grading.student",
    "show_training": "learning.policy",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"grader.{_HOME[name]}"), name)
    raise AttributeError(f"module 'grader' has no attribute {name!r}")
