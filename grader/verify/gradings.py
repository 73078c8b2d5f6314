"""What solutions and starters were graded to: each once in a session with one seed, as far as is asked."""

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
    """One solution, or a starter, as it was graded."""

    name: str
    grade: ExerciseGrade
    upto: str | None
    """The check that was the last one to be judged; None where all were."""
    learned: Sequence[tuple[str, Learned]]
    """The learning checks that trained something, and what came of it."""
    figures: Sequence[Figure]
    spent: float
    """How many of the seconds for all checks were spent."""

    @property
    def points(self) -> str:
        """Its points in words, and as far as which check they go."""
        reached = f"{self.grade.points:g} of {self.grade.max_points:g}"
        return reached if self.upto is None else f"{reached}, up to {self.upto}"

    @property
    def failed(self) -> set[str]:
        """The checks that did not pass, though they were judged."""
        return {check.id for check in self.grade.checks if check.status in ("failed", "partial", "error")}


Seen = Callable[[Grading], None]
"""Called with each grading as it is made; a solution that is graded again, further, comes again."""


class Gradings:
    """The gradings of one session with one seed, each made when it is first asked for."""

    is_whole: bool
    """Whether mistakes are always graded to the last check."""

    def __init__(self, session: Session, seed: int, *, is_whole: bool = False, seen: Seen = lambda _: None):
        self.session, self.seed = session, seed
        self.is_whole = is_whole
        self._seen = seen
        self._made: dict[tuple[str, Path, str | None], Grading] = {}

    def of(self, path: Path, exercise: Exercise, *, upto: str | None = None, name: str | None = None) -> Grading:
        """A folder or a file graded as one exercise: to the last check, or up to the one named."""
        cut = as_far_as(exercise, upto)
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


def as_far_as(exercise: Exercise, check: str | None) -> Exercise:
    """An exercise without the checks below one of its own: all above it are kept, since one that fails is read first,
    and those it needs are among them. The exercise itself for its last check, and for what is no check of it."""
    ids = [known.id for known in exercise.checks]
    if check not in ids[:-1]:
        return exercise
    return replace(exercise, checks=exercise.checks[: ids.index(check) + 1])
