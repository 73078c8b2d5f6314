"""What an exercise is: a statement, the names it asks for, its rules and its checks with their points."""

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
"""Takes the `Student`; returns nothing (all points), a share in [0, 1] or a `Judged`; raises where a promise is broken.
"""

About = Literal["idea", "form"]
"""What a check asks for, or a mistake lacks: what the exercise is about, or shapes, dtypes and the like."""


@dataclass(frozen=True)
class Check:
    """One promise about an attempt, worth points."""

    id: str
    promise: str
    """What the student reads: the first paragraph of the function's docstring."""
    points: float
    needs: tuple[str, ...]
    run: CheckFunction
    task: "Callable[[torch.Generator], LearningTask] | None" = None
    """Makes the task of a learning check, for one run: what calibration trains."""
    about: About | None = None
    """Whether it asks for the idea of the exercise, or for its form; None for neither."""


@dataclass(frozen=True)
class Rule:
    """A condition of the exercise: an attempt that breaks it is `disallowed` and earns nothing."""

    id: str
    promise: str
    flag: str
    run: CheckFunction


@dataclass
class Exercise:
    """One piece of set work. The author's file makes one and decorates its rules and checks with it.

    Args:
        id: the module students hand in, and the exercise's name everywhere.
        title: a few words for reports and lists.
        statement: what the student is asked, in Markdown (usually the module docstring).
        names: what the module must define, classes and functions.
        limits: overrides of `Limits` fields for this exercise.
        options: what a course may set in its `[tool.grade.exercises.<id>]`, with the defaults.
        data: describes the data behind the exercise, with a hash, where it does not come from the file itself.
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
    """The course's folder, once it is loaded."""

    def path(self, option: str) -> Path | None:
        """The path that an option names, relative to the course's folder; None where it is empty."""
        text = self.options[option]
        return (self.folder or Path()) / text if text else None

    def rule(self, *, flag: str) -> Callable[[CheckFunction], CheckFunction]:
        """Add a rule: judged before the checks, by what the attempt does in a worker of its own."""

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
        `LearningTask` that a learning check is about, or a function that makes it where each run has its own data;
        `about` marks what holds the exercise's idea ("idea") and what asks for shapes, dtypes and the like ("form")."""
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
                    raise ValueError(f"{self.id}.{name}: needs '{_id(need)}', which is no check defined above it")
            needs_ids = tuple(known[n] for n in needed)
            self.checks.append(Check(name, _promise(self.id, function), points, needs_ids, function, make, about))
            return function

        return add

    @property
    def trains(self) -> bool:
        """Whether a check trains models: the jail then prepares for it."""
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
        raise ValueError(f"{exercise}.{_id(function)}: a check needs a docstring, the promise students read")
    return re.sub(r"\s+", " ", doc.split("\n\n")[0]).strip()
