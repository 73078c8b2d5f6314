"""Grades solutions and starters, each at most once per session and seed, up to the check that is needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.authoring.exercise import Exercise
from grader.grading.listener import Listener
from grader.grading.session import Session
from grader.learning.learned import Learned
from grader.records.figures import Figure
from grader.records.grade import ExerciseGrade


@dataclass(frozen=True)
class Grading:
    """The result of grading one solution or starter."""

    name: str
    grade: ExerciseGrade
    upto: str | None
    """The last check that was run; None if all were."""
    learned: Sequence[tuple[str, Learned]]
    """The learning checks that trained a model, each with its result."""
    figures: Sequence[Figure]
    spent: float
    """Seconds that the checks without training took."""

    @property
    def points(self) -> str:
        """Its points as text and, if grading stopped early, the last check."""
        reached = f"{self.grade.points:g} of {self.grade.max_points:g}"
        return reached if self.upto is None else f"{reached}, up to {self.upto}"

    @property
    def failed(self) -> set[str]:
        """The checks that ran and did not pass."""
        return {check.id for check in self.grade.checks if check.status in ("failed", "partial", "error")}


Seen = Callable[[Grading], None]
"""Called with each new grading, and again for a solution that is graded further."""


class Gradings:
    """The gradings of one session with one seed, each made when it is first needed."""

    is_whole: bool
    """Whether mistakes are always graded up to the last check."""

    def __init__(self, session: Session, seed: int, *, is_whole: bool = False, seen: Seen = lambda _: None):
        self.session, self.seed = session, seed
        self.is_whole = is_whole
        self._seen = seen
        self._made: dict[tuple[str, Path, str | None], Grading] = {}

    def of(self, path: Path, exercise: Exercise, *, upto: str | None = None, name: str | None = None) -> Grading:
        """The grading of a folder or a file: up to the last check, or up to `upto`."""
        cut = truncated_at(exercise, upto)
        whole, part = (exercise.id, path, None), (exercise.id, path, upto if cut is not exercise else None)
        if whole in self._made:
            return self._made[whole]
        if part not in self._made:
            self._made[part] = self._grade(path, cut, part[2], name or path.name)
        return self._made[part]

    def _grade(self, path: Path, exercise: Exercise, upto: str | None, name: str) -> Grading:
        learned: list[tuple[str, Learned]] = []
        figures: list[Figure] = []
        spent: list[float] = []
        listener = Listener(
            learned=lambda _, check, found: learned.append((check, found)),
            figure=lambda _, figure: figures.append(figure),
            spent=lambda _, seconds: spent.append(seconds),
        )
        with self.session.staged(path) as submission:
            grade = self.session.grade_exercise(submission, exercise, seed=self.seed, listener=listener)
        grading = Grading(name, grade, upto, learned, figures, sum(spent))
        self._seen(grading)
        return grading


def truncated_at(exercise: Exercise, check: str | None) -> Exercise:
    """The exercise without the checks below `check`.

    All above are kept: students read the first one that fails, and those that `check` needs are among them. Returns the
    exercise itself for its last check and for None."""
    ids = [known.id for known in exercise.checks]
    if check not in ids[:-1]:
        return exercise
    return replace(exercise, checks=exercise.checks[: ids.index(check) + 1])
