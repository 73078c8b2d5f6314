"""The public API for plugins: the hook marker, the objects that hooks return, and the records they receive."""

from typing import TYPE_CHECKING, Any

from grader.authoring.exercise import Exercise
from grader.course.contributions import (
    CannotExport,
    ClassView,
    ExecutorSpec,
    Exported,
    Exporter,
    Exporting,
    Format,
    ReportWriter,
)
from grader.course.hookspecs import hookimpl
from grader.course.layouts import BadDownload, Collected, Layout, Member, Part, Skipped, Upload
from grader.records.errors import UsageError
from grader.records.extras import require_extra
from grader.records.grade import Adjustment, Conditions, ExerciseGrade, Grade, HandIn, Row, Verdict
from grader.records.summary import first_to_fix, format_points

if TYPE_CHECKING:
    from grader.batch.database import GradebookError
    from grader.batch.gradebook import open_gradebook

__all__ = [
    "Adjustment",
    "BadDownload",
    "CannotExport",
    "ClassView",
    "Collected",
    "Conditions",
    "ExecutorSpec",
    "Exercise",
    "ExerciseGrade",
    "Exported",
    "Exporter",
    "Exporting",
    "Format",
    "Grade",
    "GradebookError",
    "HandIn",
    "Layout",
    "Member",
    "Part",
    "ReportWriter",
    "Row",
    "Skipped",
    "Upload",
    "UsageError",
    "Verdict",
    "first_to_fix",
    "format_points",
    "hookimpl",
    "open_gradebook",
    "require_extra",
]


def __getattr__(name: str) -> Any:
    """Imported on first use: SQLAlchemy takes a while to import, and few plugins need it."""
    if name in ("GradebookError", "open_gradebook"):
        from grader.batch import gradebook

        return getattr(gradebook, name)
    raise AttributeError(f"module 'grader.plugin' has no attribute {name!r}")
