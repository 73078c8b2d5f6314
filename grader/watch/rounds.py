"""Save after save: what `grade watch` grades of each one, and what it then knows. How that looks is the screen's.

What is graded comes in two answers: first all that needs no training, then everything. A save stops what is under way.
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
from grader.watch.scoreboard import Difference, Scoreboard, touched, without_training


@dataclass(frozen=True)
class View:
    """What is known after a part of a round."""

    when: str
    """When the save was, and what was judged since."""
    problem: str | None
    """Why nothing could be judged."""
    news: list[Difference] = field(default_factory=list)
    """What the last save changed, and those before it of which nothing was shown."""
    grades: list[ExerciseGrade] = field(default_factory=list)
    """The exercises that were begun, or all, where none was; what was saved last comes first."""
    others: list[str] = field(default_factory=list)
    """The ids of those that were not begun."""
    due: frozenset[str] = frozenset()
    """The ids of those whose training follows."""
    grade: Grade | None = None
    """The latest answer, with the exercises of `grades`."""


class Screen(Protocol):
    """Where a round is shown."""

    def absent(self) -> None:
        """There is nothing at the path."""

    def show(self, view: View) -> None:
        """A part of a round is done."""

    def judging(self) -> AbstractContextManager[Listener]:
        """Who listens while something is graded."""


@dataclass
class Rounds:
    """Grades one path again and again through one session, always with the same seed."""

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
        """Answer each save until something else than another save ends it."""
        before: Digests = {}
        while True:
            files = self.changes.next()
            try:
                if files:
                    self._saved(before, files)
                    before = files
                    self._judge()
                else:
                    before = files
                    self.screen.absent()
            except Saved:
                continue

    def _saved(self, before: Digests, files: Digests) -> None:
        exercises, suffixes = self.session.exercises, self._suffixes
        ids = touched(exercises, before, files, lambda module: mentions(self.path, module, suffixes), suffixes)
        there = {Path(name).stem for name in files if Path(name).suffix.lower() in suffixes and "/" not in name}
        changed = {Path(name).stem for name in files if files[name] != before.get(name)}
        self._order = sorted((exercise.id for exercise in exercises), key=lambda name: name not in changed)
        self._due |= ids
        self._begun |= {exercise.id for exercise in exercises if exercise.id in there}
        for exercise in exercises:
            if exercise.id in ids:
                self._scoreboard.doubt(exercise)
        if self._is_shown:
            self._news, self._is_shown = [], False

    @property
    def _suffixes(self) -> tuple[str, ...]:
        """What a module's file may end in."""
        return (".py", *(suffix for format_ in self.session.course.formats for suffix in format_.suffixes))

    def _judge(self) -> None:
        """First what needs no training, of all exercises; then the trainings, one exercise at a time."""
        when = time.strftime("%H:%M:%S")
        with self.session.staged(self.path) as submission:
            if submission.problem is not None:
                self._show(f"saved at {when}", submission.problem)
                return
            for exercise in self._in_turn():
                self._judge_one(submission, exercise, without_training(exercise))
                if not exercise.trains or self._scoreboard.grades[exercise.id].status != "graded":
                    self._scoreboard.stale[exercise.id] = set()
                    self._due.discard(exercise.id)
            self._show(f"saved at {when}")
            for exercise in self._in_turn():
                self._judge_one(submission, exercise, exercise)
                self._due.discard(exercise.id)
                self._show(f"saved at {when}, {exercise.id} trained")

    def _in_turn(self) -> list[Exercise]:
        known = {exercise.id: exercise for exercise in self.session.exercises}
        return [known[name] for name in self._order if name in self._due]

    def _judge_one(self, submission: Submission, whole: Exercise, part: Exercise) -> None:
        """Judge some of an exercise's checks."""
        with self.screen.judging() as listener:
            heard = replace(listener, check=_both(self.changes.interrupt, listener.check))
            grade = self.session.grade(submission, seed=self.seed, exercises=[part], listener=heard)
        self._news += self._scoreboard.take(whole, grade.exercises[0])
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
