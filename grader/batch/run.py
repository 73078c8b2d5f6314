"""Grade many submissions into a gradebook, with any executor. What is already graded is skipped, and each new grade is
saved as soon as it is computed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field

import msgspec

from grader.batch.gradebook import Gradebook
from grader.batch.standings import Adjust
from grader.batch.worker import NAME, Task, TaskResult, TaskSpec, run_task
from grader.course.layouts import Upload
from grader.course.loading import Course, effective_limits
from grader.course.settings import CourseError
from grader.grading.session import CannotGrade
from grader.intake.bundle import Identity, identify, pack
from grader.records.grade import Adjustment, Conditions, ExerciseGrade, Grade, HandIn, Record, Verdict
from grader.records.seeds import derive
from grader.records.versions import versions

_TASKS_PER_SLOT = 2
"""Tasks submitted per slot: one running and one queued behind it."""
_MAX_LOST_IN_A_ROW = 10
"""Give up if an executor loses more tasks in a row than this."""


@dataclass(frozen=True)
class Work:
    """One distinct submission and all uploads with the same content; graded once."""

    content: str
    uploads: list[Upload]
    stamp: str
    """Changes if the first upload, the one that is graded, is modified."""
    number: int | None = None
    """The number of the existing attempt, if it is still valid."""

    @property
    def name(self) -> str:
        """Who submitted it, for progress output."""
        names = [member.name or member.key for upload in self.uploads for member in upload.members]
        return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


@dataclass(frozen=True)
class Plan:
    """What to grade, and what is already graded."""

    todo: list[Work]
    done: list[Work]


@dataclass(frozen=True)
class Done:
    """A submission that has just been graded."""

    work: Work
    grade: Grade
    fault: str | None


@dataclass
class Batch:
    """A run over one gradebook."""

    course: Course
    spec: TaskSpec
    book: Gradebook
    seed: int
    """The run's seed: never shown, and never part of a task."""
    force: bool = False
    ids: list[str] = field(init=False)
    adjust: Adjust = field(init=False)

    def __post_init__(self) -> None:
        self.exercises = self.course.pick(tuple(self.spec.exercises))
        self.ids = [exercise.id for exercise in self.exercises]
        self.adjust = adjustments_of(self.course)

    def plan(self, uploads: Sequence[Upload], show: Callable[[int], None] = lambda _: None) -> Plan:
        """Read the submissions, record them in the gradebook, and find those without a grade.

        Calls `show` with the number read so far.
        """
        limits = effective_limits(self.course.settings)
        by_content: dict[str, tuple[Identity, list[Upload]]] = {}
        for count, upload in enumerate(uploads, 1):
            identity = identify(upload, limits)
            by_content.setdefault(identity.content, (identity, []))[1].append(upload)
            show(count)
        todo: list[Work] = []
        done: list[Work] = []
        students: list[str] = []
        for (content, stamp), same in by_content.values():
            for upload in same:
                for member in upload.members:
                    hand_in = HandIn(member.key, member.name, upload.when, upload.late)
                    self.book.hand_in(hand_in, member.email, content)
                    students.append(member.key)
            made = self.book.graded(content, self.spec.course_hash, self.ids, self.seed_of(content))
            is_done = made is not None and not self.force
            (done if is_done else todo).append(Work(content, same, stamp, made))
        self.book.recompute_standings(self.adjust, students)
        return Plan(todo, done)

    def seed_of(self, content: str) -> int:
        """A submission's own seed, 53 bits. It reveals neither the run's seed nor any other submission's."""
        return derive(self.seed, content, bits=53)

    def run(self, todo: Sequence[Work], executor: Executor, jobs: int) -> Iterator[Done]:
        """Grade with a bounded window of tasks; each result is saved before it is yielded.

        An internal error is retried once. Raises `CannotGrade` if nothing can be graded.
        """
        waiting = list(reversed(todo))
        running: dict[Future[TaskResult], tuple[Work, bool]] = {}
        lost = 0
        while waiting or running:
            while waiting and len(running) < jobs * _TASKS_PER_SLOT:
                self._submit(executor, running, waiting.pop(), again=False)
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                work, again = running.pop(future)
                graded, is_lost = _result(future)
                lost = lost + 1 if is_lost else 0
                if graded.refused is not None:
                    raise CannotGrade(graded.refused)
                if lost > _MAX_LOST_IN_A_ROW:
                    raise CannotGrade(f"the executor lost {lost} tasks in a row; last error: {graded.fault}")
                if graded.fault is not None and not again:
                    self._submit(executor, running, work, again=True)
                    continue
                yield self._write(work, graded)

    def _submit(
        self, executor: Executor, running: "dict[Future[TaskResult], tuple[Work, bool]]", work: Work, *, again: bool
    ) -> None:
        limits = effective_limits(self.course.settings)
        packed = pack(work.uploads[0], limits)
        if packed.stamp != work.stamp:
            raise CannotGrade(f"the submission from {work.name} changed during the run; run the command again")
        task = Task(self.spec, self.seed_of(work.content), packed.bundle)
        try:
            running[executor.submit(run_task, task)] = (work, again)
        except BrokenExecutor as problem:
            raise CannotGrade(f"the executor stopped: {problem}") from None

    def _write(self, work: Work, graded: TaskResult) -> Done:
        record = graded.record or self._broken(work)
        self.book.write(work.content, self.spec.course_hash, self.ids, record, graded.sources, self.adjust)
        return Done(work, record.grade, graded.fault)

    def _broken(self, work: Work) -> Record:
        """The record of a submission that an internal error prevented from being graded; it costs no points."""
        message = "The grader itself failed here; this exercise does not count."
        broken = [
            ExerciseGrade(
                exercise.id,
                exercise.title,
                "broken",
                message,
                0.0,
                exercise.max_points,
                0.0,
                [],
                [],
                [
                    Verdict(c.id, c.promise, "skipped", 0.0, c.points, "not judged: the grader failed")
                    for c in exercise.checks
                ],
            )
            for exercise in self.exercises
        ]
        seed = self.seed_of(work.content)
        grade = Grade(1, NAME, "graded", None, 0.0, 0.0, 0.0, "cpu", "none", seed, 0.0, [], broken)
        return Record(grade, Conditions(f"grade submit {NAME} --seed {seed}", versions(), {}, []), {})


def adjustments_of(course: Course) -> Adjust:
    """The point adjustments made by the course's plugins. Raises `CourseError` if a plugin fails."""

    def adjust(grade: Grade, hand_in: HandIn) -> list[Adjustment]:
        try:
            lists = course.hooks.grader_adjustments(grade=grade, hand_in=hand_in, settings=course.settings.plugins)
            return msgspec.convert([one for listed in lists for one in listed], list[Adjustment], from_attributes=True)
        except Exception as problem:
            raise CourseError(
                f"grader_adjustments: {type(problem).__name__}: {' '.join(str(problem).split())}"
            ) from None

    return adjust


def _result(future: "Future[TaskResult]") -> tuple[TaskResult, bool]:
    """The result of a task, and whether the task was lost because its process or machine died."""
    try:
        return future.result(), False
    except BrokenExecutor as problem:
        return TaskResult(None, fault=f"the grading process died: {problem}"), True
    except Exception as problem:
        return TaskResult(None, fault=f"{type(problem).__name__}: {problem}"), True


class Estimate:
    """Estimates the remaining time from the progress so far."""

    def __init__(self, total: int):
        self._started, self._total, self._count = time.monotonic(), total, 0

    def done(self) -> float:
        """Count one task as done. Returns the estimated seconds remaining."""
        self._count += 1
        return (time.monotonic() - self._started) / self._count * (self._total - self._count)
