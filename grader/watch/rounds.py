"""The loop of `grade watch`: regrades the affected exercises after each save. A `Screen` displays the results.

Checks that need no training are graded and shown first, then all others. Another save stops a grading in progress.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import msgspec

from grader.authoring.exercise import Exercise
from grader.grading.listener import Listener
from grader.grading.session import Session
from grader.intake.staging import Submission
from grader.records.grade import ExerciseGrade, Grade
from grader.watch.changes import ChangeQueue, Digests, Saved, mentions
from grader.watch.scoreboard import Difference, Scoreboard, affected_exercises, without_training


@dataclass(frozen=True)
class View:
    """What is shown after each part of a round."""

    when: str
    """When the save was, and what has been graded since."""
    problem: str | None
    """Why nothing could be graded."""
    news: list[Difference] = field(default_factory=list)
    """What has changed since the last view."""
    grades: list[ExerciseGrade] = field(default_factory=list)
    """The exercises that the student has begun, or all if there are none; those saved last come first."""
    others: list[str] = field(default_factory=list)
    """The ids of exercises that were not begun."""
    due: frozenset[str] = frozenset()
    """The ids of exercises whose training follows."""
    grade: Grade | None = None
    """The latest grade, with the exercises in `grades`."""


class Screen(Protocol):
    """Displays rounds."""

    def absent(self) -> None:
        """Nothing exists at the path."""

    def show(self, view: View) -> None:
        """Show the state after a part of a round."""

    def judging(self) -> AbstractContextManager[Listener]:
        """The listener for a grading."""


@dataclass
class Rounds:
    """Regrades one path through one session, always with the same seed."""

    session: Session
    path: Path
    seed: int
    changes: ChangeQueue
    screen: Screen
    _scoreboard: Scoreboard = field(default_factory=Scoreboard)
    _order: list[str] = field(default_factory=list)
    _begun: set[str] = field(default_factory=set)
    _due: set[str] = field(default_factory=set)
    _news: list[Difference] = field(default_factory=list)
    _is_shown: bool = True
    _grade: Grade | None = None

    def run(self) -> None:
        """Grade after each save until an exception other than `Saved` ends it."""
        before: Digests = {}
        while True:
            files = self.changes.next()
            try:
                if files:
                    self._saved(before, files)
                    before = files
                    self._grade_changes()
                else:
                    before = files
                    self.screen.absent()
            except Saved:
                continue

    def _saved(self, before: Digests, files: Digests) -> None:
        exercises, suffixes = self.session.exercises, self._suffixes
        ids = affected_exercises(
            exercises, before, files, lambda module: mentions(self.path, module, suffixes), suffixes
        )
        there = {Path(name).stem for name in files if Path(name).suffix.lower() in suffixes and "/" not in name}
        changed = {Path(name).stem for name in files if files[name] != before.get(name)}
        self._order = sorted((exercise.id for exercise in exercises), key=lambda name: name not in changed)
        self._due |= ids
        self._begun |= {exercise.id for exercise in exercises if exercise.id in there}
        for exercise in exercises:
            if exercise.id in ids:
                self._scoreboard.mark_stale(exercise)
        if self._is_shown:
            self._news, self._is_shown = [], False

    @property
    def _suffixes(self) -> tuple[str, ...]:
        """The suffixes that a module's file may have."""
        return (".py", *(suffix for format_ in self.session.course.formats for suffix in format_.suffixes))

    def _grade_changes(self) -> None:
        """First the checks of all exercises that need no training; then the trainings, one exercise at a time."""
        when = time.strftime("%H:%M:%S")
        with self.session.staged(self.path) as submission:
            if submission.problem is not None:
                self._show(f"saved at {when}", submission.problem)
                return
            for exercise in self._due_exercises():
                self._grade_one(submission, exercise, without_training(exercise))
                if not exercise.trains or self._scoreboard.grades[exercise.id].status != "graded":
                    self._scoreboard.stale[exercise.id] = set()
                    self._due.discard(exercise.id)
            self._show(f"saved at {when}")
            for exercise in self._due_exercises():
                self._grade_one(submission, exercise, exercise)
                self._due.discard(exercise.id)
                self._show(f"saved at {when}, {exercise.id} trained")

    def _due_exercises(self) -> list[Exercise]:
        known = {exercise.id: exercise for exercise in self.session.exercises}
        return [known[name] for name in self._order if name in self._due]

    def _grade_one(self, submission: Submission, whole: Exercise, part: Exercise) -> None:
        """Grade some of an exercise's checks."""
        with self.screen.judging() as listener:
            heard = replace(listener, check=_both(self.changes.interrupt, listener.check))
            grade = self.session.grade(submission, seed=self.seed, exercises=[part], listener=heard)
        self._news += self._scoreboard.update(whole, grade.exercises[0])
        if grade.exercises[0].status not in ("missing", "error"):
            self._begun.add(whole.id)
        self._grade = grade

    def _show(self, when: str, problem: str | None = None) -> None:
        self.screen.show(View(when, problem) if problem is not None else self._view(when))
        self._is_shown = True

    def _view(self, when: str) -> View:
        grades = {name: self._scoreboard.current(name) for name in self._order}
        there = [grade for grade in grades.values() if grade.id in self._begun] or list(grades.values())
        others = [name for name, grade in grades.items() if grade not in there]
        news = [one for one in self._news if one.exercise in self._begun]
        grade = self._grade and msgspec.structs.replace(self._grade, exercises=there)
        return View(when, None, news, there, others, frozenset(self._due), grade)


def _both(first: Callable[..., None], then: Callable[..., None]) -> Callable[..., None]:
    def call(*arguments: object) -> None:
        first(*arguments)
        then(*arguments)

    return call
