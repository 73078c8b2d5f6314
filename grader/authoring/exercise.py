"""Exercises: a statement, the names students must define, rules, and checks with points."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from grader.authoring.expectations import Judged

if TYPE_CHECKING:
    import torch

    from grader.authoring.task import LearningTask

CheckFunction = Callable[[Any], "float | Judged | None"]
"""Takes the `Student`; returns None (all points), a share in [0, 1] or a `Judged`; raises if the promise is not kept.
"""

About = Literal["idea", "form"]
"""What a check tests, or a mistake lacks: the idea of the exercise, or its form (shapes, dtypes and the like)."""


@dataclass(frozen=True)
class Check:
    """A promise about the student's code, worth points."""

    id: str
    promise: str
    """What the student reads: the first paragraph of the function's docstring."""
    points: float
    needs: tuple[str, ...]
    run: CheckFunction
    task: "Callable[[torch.Generator], LearningTask] | None" = None
    """Makes the task of a learning check for one run; calibration uses it too."""
    about: About | None = None
    """Whether it tests the idea of the exercise or its form; None for neither."""


@dataclass(frozen=True)
class Rule:
    """A condition of the exercise: an attempt that breaks it is `disallowed` and earns nothing."""

    id: str
    promise: str
    flag: str
    run: CheckFunction


@dataclass
class Exercise:
    """An exercise. The author's file creates one and decorates its rules and checks with it.

    Args:
        id: the module that students submit, and the exercise's name everywhere.
        title: a few words for reports and lists.
        statement: what the student is asked, in Markdown (usually the module docstring).
        names: the classes and functions that the module must define.
        limits: overrides of `Limits` fields for this exercise.
        options: what a course may set in its `[tool.grade.exercises.<id>]`, with the defaults.
        data: describes the data of the exercise, with a hash, if it does not come from the file itself.
    """

    id: str
    title: str
    statement: str
    names: Sequence[str]
    limits: dict[str, float] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    data: Callable[[], str] | None = None
    folder: Path | None = None
    """The course's folder, set when the course is loaded."""

    def path(self, option: str) -> Path | None:
        """The path in an option, relative to the course's folder; None if the option is empty."""
        text = self.options[option]
        return (self.folder or Path()) / text if text else None

    def rule(self, *, flag: str) -> Callable[[CheckFunction], CheckFunction]:
        """Add a rule. It runs before the checks, in its own worker; breaking it sets the flag."""

        def add(function: CheckFunction) -> CheckFunction:
            self.rules.append(Rule(_id(function), _promise(self.id, function), flag, function))
            return function

        return add

    def check(
        self,
        *,
        points: float,
        needs: CheckFunction | Sequence[CheckFunction] = (),
        task: "LearningTask | Callable[[torch.Generator], LearningTask] | None" = None,
        about: About | None = None,
    ) -> Callable[[CheckFunction], CheckFunction]:
        """Add a check. `needs` takes the checks themselves, so that a typo is a NameError in the editor; `task` is the
        `LearningTask` of a learning check, or a function that makes it if each run has its own data; `about` marks a
        check of the exercise's idea ("idea"), or of shapes, dtypes and the like ("form")."""
        needed = [needs] if callable(needs) else list(needs)
        make = task if task is None or callable(task) else lambda _: task

        def add(function: CheckFunction) -> CheckFunction:
            name = _id(function)
            if any(check.id == name for check in self.checks):
                raise ValueError(f"{self.id}: two checks are called '{name}'; rename one")
            if not points > 0:
                raise ValueError(f"{self.id}.{name}: points must be positive, found {points}")
            if about not in (None, *get_args(About)):
                raise ValueError(f"{self.id}.{name}: about is {about!r}, expected 'idea', 'form' or None")
            known = {check.run: check.id for check in self.checks}
            for need in needed:
                if need not in known:
                    raise ValueError(f"{self.id}.{name}: needs '{_id(need)}', which is not a check defined above it")
            needs_ids = tuple(known[n] for n in needed)
            self.checks.append(Check(name, _promise(self.id, function), points, needs_ids, function, make, about))
            return function

        return add

    @property
    def trains(self) -> bool:
        """Whether any check trains a model, so that the jail prepares for it."""
        return any(check.task is not None for check in self.checks)

    @property
    def max_points(self) -> float:
        """The sum of the checks' points."""
        return round(sum(check.points for check in self.checks), 2)


def _id(function: CheckFunction) -> str:
    return getattr(function, "__name__", "check")


def _promise(exercise: str, function: CheckFunction) -> str:
    doc = inspect.getdoc(function)
    if not doc:
        raise ValueError(f"{exercise}.{_id(function)}: a check needs a docstring, which students read as its promise")
    return re.sub(r"\s+", " ", doc.split("\n\n")[0]).strip()
