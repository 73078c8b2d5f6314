"""A grading session: a warm jail and a loaded course that grade one submission after another.

Every command that grades uses it, and so do `pytest --grade` and each process of a batch: only this module decides what
a submission is, which limits apply, where models are trained and what isolation is sufficient.
"""

import contextlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from grader.course.settings import Settings, bundled
from grader.grading.listener import Listener
from grader.records.errors import GraderFault
from grader.records.grade import Conditions, Grade, Record
from grader.records.limits import LEVELS, Level
from grader.records.sanitize import one_line

# Nothing at the top imports torch: the fork server is started first, so that both processes import it at the same time.
if TYPE_CHECKING:
    from grader.authoring.exercise import Exercise
    from grader.course.calibration import Calibrations
    from grader.course.loading import Course
    from grader.grading.attempt import Attempt
    from grader.intake.bundle import Bundle
    from grader.intake.staging import Submission
    from grader.jail.host import Jail
    from grader.jail.isolation import Isolation
    from grader.records.grade import ExerciseGrade


class CannotGrade(GraderFault):
    """This machine, or this course, cannot grade; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Graded:
    """The result of grading one submission."""

    record: Record
    internal_errors: list[str]
    """The tracebacks of failures of the grader itself."""


@dataclass(frozen=True)
class Session:
    """An open session, created by `open_session`."""

    course: "Course"
    exercises: "list[Exercise]"
    """The chosen exercises, in the course's order."""
    jail: "Jail"
    isolation: "Isolation"
    calibrations: "Calibrations" = field(default_factory=dict)
    """The calibration of each learning check, by (exercise id, check id), where it was measured."""

    @contextlib.contextmanager
    def staged(
        self, source: "Path | Bundle", *, without: Path | None = None, left_out: Sequence[str] = ()
    ) -> "Iterator[Submission]":
        """Stage a submission: make a read-only copy for the workers, under the course's limits and formats.

        Args:
            without: a folder inside it that is not part of the submission.
            left_out: notes on what was left out earlier, phrased for the student.
        """
        from grader.course.loading import effective_limits
        from grader.intake.staging import stage, unstage

        limits, formats = effective_limits(self.course.settings), self.course.formats
        submission = stage(source, self.jail, limits, without=without, formats=formats, left_out=left_out)
        try:
            yield submission
        finally:
            unstage(submission, self.jail)

    def grade(
        self,
        submission: "Submission",
        *,
        seed: int,
        exercises: "Sequence[Exercise] | None" = None,
        listener: Listener | None = None,
    ) -> Grade:
        """Grade a staged submission: the session's exercises, or those given. Student code never makes this raise."""
        from grader.grading.grading import grade

        chosen = self.exercises if exercises is None else exercises
        self._prepare(*chosen)
        return grade(
            submission,
            chosen,
            self.course,
            self.jail,
            level=self.isolation.level,
            seed=seed,
            listener=listener,
            calibrations=self.calibrations,
        )

    def grade_exercise(
        self, submission: "Submission", exercise: "Exercise", *, seed: int, listener: Listener | None = None
    ) -> "ExerciseGrade":
        """Grade one exercise of a staged submission; `exercise` may hold only some of its checks."""
        from grader.course.loading import effective_limits
        from grader.grading.grading import grade_exercise

        self._prepare(exercise)
        limits = effective_limits(self.course.settings, exercise)
        return grade_exercise(
            submission, exercise, limits, self.jail, seed=seed, listener=listener, calibrations=self.calibrations
        )

    @contextlib.contextmanager
    def attempt(self, submission: "Submission", exercise: "Exercise", *, seed: int) -> "Iterator[Attempt]":
        """Open an attempt at one exercise, not loaded yet, for callers that run single checks."""
        from grader.course.loading import effective_limits
        from grader.grading.attempt import Attempt

        self._prepare(exercise)
        limits = effective_limits(self.course.settings, exercise)
        attempt = Attempt(self.jail, submission, exercise, limits, seed, Listener())
        try:
            yield attempt
        finally:
            attempt.close()

    def record(
        self,
        source: "Path | Bundle",
        *,
        name: str,
        seed: int,
        chosen: Sequence[str] = (),
        without: Path | None = None,
        left_out: Sequence[str] = (),
        listener: Listener | None = None,
        staged: "Callable[[Submission], None]" = lambda _: None,
    ) -> Graded:
        """Stage and grade a submission, and collect everything that a report shows.

        Args:
            name: the submission's name in the command that repeats the grading.
            chosen: the requested exercise ids, for that command.
            staged: called with the staged submission before it is graded.
        """
        evidence: dict[str, list] = {}
        internal_errors: list[str] = []
        collecting = replace(
            listener or Listener(),
            internal_error=internal_errors.append,
            figure=lambda exercise, figure: evidence.setdefault(exercise, []).append(figure),
        )
        with self.staged(source, without=without, left_out=left_out) as submission:
            staged(submission)
            grade = self.grade(submission, seed=seed, listener=collecting)
        return Graded(Record(grade, self._conditions(name, chosen, seed), evidence), internal_errors)

    def _prepare(self, *exercises: "Exercise") -> None:
        """Warm up training before the first worker that may train is forked."""
        if any(exercise.trains for exercise in exercises):
            self.jail.prepare_training()

    def _conditions(self, name: str, chosen: Sequence[str], seed: int) -> Conditions:
        from grader.course.calibration import statement
        from grader.records.versions import versions

        folder, device = self.course.settings.folder, self.jail.device
        options = [part for exercise in chosen for part in ("--exercise", exercise)]
        options += [] if folder == bundled() else ["--course", folder.name]
        options += [] if device == "cpu" else ["--device", device]
        command = shlex.join(["grade", "submit", one_line(name, 255), *options, "--seed", str(seed)])
        rates = [statement(found) for found in self.calibrations.values()]
        return Conditions(command, {**versions(), **self.jail.device_versions}, self.isolation.probes, [], rates)


@contextlib.contextmanager
def open_session(
    settings: Settings,
    ids: Sequence[str] = (),
    *,
    device: str = "auto",
    required: Level | None = None,
    course: "Course | None" = None,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Session]:
    """Start the jail, load the course, choose exercises, measure the isolation, choose the training device.

    Args:
        ids: the exercises to choose; empty for all of the course.
        device: `auto`, `cpu` or `cuda`: where models are trained.
        required: the isolation level that must be reached.
        course: the course of these settings, if it was loaded before.
        note: called with the reason for what was skipped, such as a GPU that cannot be used.

    Raises `CourseError`, `UnknownExercise`, `JailError`, `NoDevice`, `CannotGrade`.
    """
    from grader.jail.host import Jail

    with Jail(settings.packages) as jail:
        import torch

        from grader.course.calibration import known
        from grader.course.loading import load_course
        from grader.jail.device import choose_device
        from grader.jail.isolation import measure

        torch.set_num_threads(1)  # leave the other cores to the worker; the tensors compared here are small
        course = course or load_course(settings)
        exercises = course.pick(tuple(ids))
        isolation = measure(jail)
        if device == "cuda" or any(exercise.trains for exercise in exercises):
            isolation = choose_device(device, jail, isolation, required=required, say=note)
        _require(required, isolation)
        yield Session(course, exercises, jail, isolation, known(settings.folder, exercises, jail.device))


def _require(level: Level | None, isolation: "Isolation") -> None:
    if level is not None and LEVELS.index(isolation.level) < LEVELS.index(level):
        raise CannotGrade(
            f"isolation '{level}' is required, this machine reaches '{isolation.level}': "
            f"{isolation.missing_for(level)}; see `grade doctor`"
        )
