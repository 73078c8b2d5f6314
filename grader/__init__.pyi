"""The types of the public API: what an exercise may import, in the order in which an author meets it."""

from grader import data as data
from grader import figures as figures
from grader import plugin as plugin
from grader import probes as probes
from grader import scores as scores
from grader.authoring.exercise import Exercise as Exercise
from grader.authoring.expectations import Judged as Judged
from grader.authoring.expectations import Opaque as Opaque
from grader.authoring.expectations import Unmet as Unmet
from grader.authoring.expectations import describe as describe
from grader.authoring.expectations import expect as expect
from grader.authoring.expectations import expect_answer as expect_answer
from grader.authoring.expectations import expect_close as expect_close
from grader.authoring.expectations import expect_shape as expect_shape
from grader.authoring.expectations import expect_tuple as expect_tuple
from grader.authoring.expectations import largest_error as largest_error
from grader.authoring.task import LearningTask as LearningTask
from grader.course.hookspecs import hookimpl as hookimpl
from grader.grading.errors import StudentRaised as StudentRaised
from grader.grading.model import Model as Model
from grader.grading.student import Student as Student
from grader.learning.learned import Learned as Learned
from grader.learning.policy import learn as learn
from grader.learning.sweep import sweep as sweep

__all__ = [
    "Exercise",
    "Judged",
    "Learned",
    "LearningTask",
    "Model",
    "Opaque",
    "Student",
    "StudentRaised",
    "Unmet",
    "data",
    "describe",
    "expect",
    "expect_answer",
    "expect_close",
    "expect_shape",
    "expect_tuple",
    "figures",
    "hookimpl",
    "largest_error",
    "learn",
    "plugin",
    "probes",
    "scores",
    "sweep",
]
