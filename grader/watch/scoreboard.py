"""Keeps the latest verdicts of a submission across saves, and compares them."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

import msgspec

from grader.authoring.exercise import Exercise
from grader.records.grade import ExerciseGrade
from grader.watch.changes import Digests

_CHECK_WORDS = {
    "passed": "now passes",
    "partial": "now passes in part",
    "failed": "fails now",
    "error": "raises an error now",
    "skipped": "cannot be judged now",
}
_STATUS_WORDS = {
    "missing": "is missing now",
    "error": "cannot be loaded or built now",
    "disallowed": "breaks a rule of the exercise now",
    "crashed": "crashes its process now",
    "timeout": "runs out of time now",
    "memory": "needs too much memory now",
    "broken": "could not be judged: the grader itself failed",
}


@dataclass(frozen=True)
class Difference:
    """How one check, or a whole exercise, has changed since it was last graded."""

    exercise: str
    check: str | None
    points: float
    """Gained, or lost if negative."""
    words: str


@dataclass
class Scoreboard:
    """The latest verdict of every check, by exercise."""

    grades: dict[str, ExerciseGrade] = field(default_factory=dict)
    stale: dict[str, set[str]] = field(default_factory=dict)
    """The checks of each exercise that were not graded since the last save."""

    def mark_stale(self, exercise: Exercise) -> None:
        """Mark all verdicts of an exercise as out of date."""
        self.stale[exercise.id] = {check.id for check in exercise.checks}

    def update(self, exercise: Exercise, found: ExerciseGrade) -> list[Difference]:
        """Record new verdicts of some or all checks of an exercise; return the differences."""
        before = self.grades.get(exercise.id)
        verdicts = {verdict.id: verdict for verdict in [*(before.checks if before else []), *found.checks]}
        checks = [verdicts[check.id] for check in exercise.checks if check.id in verdicts]
        self.grades[exercise.id] = msgspec.structs.replace(found, checks=checks, max_points=exercise.max_points)
        self.stale.setdefault(exercise.id, set()).difference_update(verdict.id for verdict in found.checks)
        return list(_differences(before, found)) if before else []

    def current(self, exercise: str) -> ExerciseGrade:
        """An exercise's grade from the checks that were graded since the last save."""
        grade = self.grades[exercise]
        checks = [verdict for verdict in grade.checks if verdict.id not in self.stale[exercise]]
        points = round(sum(verdict.points for verdict in checks), 2)
        most = round(sum(verdict.max_points for verdict in checks), 2)
        return msgspec.structs.replace(grade, checks=checks, points=points, max_points=most)


def without_training(exercise: Exercise) -> Exercise:
    """The exercise without the checks that train or need a check that trains."""
    trained: set[str] = set()
    for check in exercise.checks:
        if check.task is not None or trained & set(check.needs):
            trained.add(check.id)
    return replace(exercise, checks=[check for check in exercise.checks if check.id not in trained])


def affected_exercises(
    exercises: Iterable[Exercise],
    before: Digests,
    after: Digests,
    mentions: Callable[[str], bool],
    suffixes: Collection[str] = (".py",),
) -> set[str]:
    """The ids of the exercises whose grade a save may have changed.

    All, unless only exercises' own modules changed and no other file `mentions` them. An exercise without a module of
    its own may be defined anywhere. A module is named after its exercise and has one of the `suffixes`.
    """
    modules = {f"{exercise.id}{suffix}": exercise.id for exercise in exercises for suffix in suffixes}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if any(name not in modules or mentions(modules[name]) for name in changed):
        return set(modules.values())
    there = {exercise for name, exercise in modules.items() if name in after}
    return {exercise for name, exercise in modules.items() if name in changed or exercise not in there}


def _differences(before: ExerciseGrade, after: ExerciseGrade) -> Iterator[Difference]:
    old = {verdict.id: verdict for verdict in before.checks}
    pairs = [(old[verdict.id], verdict) for verdict in after.checks if verdict.id in old]
    if before.status != after.status:
        words = "can be judged again" if after.status == "graded" else _STATUS_WORDS[after.status]
        yield Difference(after.id, None, round(sum(new.points - was.points for was, new in pairs), 2), words)
        return
    for was, new in pairs:
        points = round(new.points - was.points, 2)
        if points or new.status != was.status:
            yield Difference(after.id, new.id, points, _CHECK_WORDS[new.status])
