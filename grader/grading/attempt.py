"""One submission's try at one exercise: loads it into a worker, again after each end, within the attempt's time.

What a worker says is passed on; what happened to the worker (time, memory, a crash) is known here.
"""

import contextlib
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from grader.authoring.exercise import Exercise
from grader.course.calibration import TRAININGS, Calibrations
from grader.grading.budget import Budget
from grader.grading.errors import TimeSpent
from grader.grading.listener import Listener
from grader.grading.load import Loader, Retry
from grader.intake.staging import Submission
from grader.jail.handle import Worker, WorkerEnded, ZygoteGone
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.records.figures import Figure
from grader.records.limits import Limits
from grader.records.seeds import derive

if TYPE_CHECKING:
    import torch

TRAINING_SECONDS = 600.0
"""The longest one training may ever take: a limit of the kernel's, behind the task's own deadline."""
_OUTPUT_LIMIT = "output-limit"


class Attempt:
    """Owns the attempt's worker, one at a time. Close it."""

    trainings: int = TRAININGS
    """How many trainings a learning check may make; their median counts."""
    built: bool = False
    """Whether any check had an object to look at."""
    out_of_memory: bool = False
    """Whether the student's code was refused memory."""
    ends: list[WorkerEnded]
    """How its workers ended before they could answer, in turn."""
    flags: set[str]
    """For the instructor's attention."""
    memory: dict[Hashable, Any]
    """What one check found out and another uses."""
    shown: list[Figure]
    """The evidence that its checks attached."""
    learned: list[Any]
    """What its learning checks came to, in turn."""

    def __init__(
        self,
        jail: Jail,
        submission: Submission,
        exercise: Exercise,
        limits: Limits,
        seed: int,
        listener: Listener,
        calibrations: Calibrations | None = None,
    ):
        self.exercise = exercise
        self.listener = listener
        self.calibrations: Calibrations = calibrations or {}
        self.ends, self.flags, self.memory, self.shown, self.learned = [], set(), {}, [], []
        self._remarks: list[str] = []
        self._jail, self._submission, self._limits, self._seed = jail, submission, limits, seed
        self._budget = Budget(limits)
        self._loader = Loader(exercise, self._budget)
        self._worker: Worker | None = None
        self._trains = False

    @property
    def spent(self) -> float:
        """How many of the seconds for all checks were spent; trainings have their own."""
        return self._budget.spent

    @property
    def has_gpu(self) -> bool:
        """Whether its trainings run on a GPU."""
        return self._jail.device == "cuda"

    def load(self) -> None:
        """Load the module once. Raises `NotLoaded` where there is nothing to check, `WorkerEnded`, `TimeSpent`."""
        self._ready_worker()
        self._loader.require_any()

    def require(self, name: str) -> None:
        """Raise `NameNotFound` unless the module defines `name`."""
        self._loader.require(name)

    def ask(
        self, request: msgspec.Struct, tensors: "Iterable[torch.Tensor]" = (), *, deadline: float | None = None
    ) -> "tuple[Any, list[torch.Tensor]]":
        """Put a request to the loaded worker. Raises `WorkerEnded`, or `TimeSpent` before it starts.

        What has a `deadline` of its own (of `time.monotonic`), as a training has, is not charged to the attempt's time.
        """
        worker = self._ready_worker()
        charged = self._budget.charging() if deadline is None else contextlib.nullcontext(deadline)
        with charged as until:
            try:
                return worker.ask(request, tensors, deadline=until)
            except WorkerEnded as end:
                if end.kind == "timeout":
                    end.detail = self._budget.reason if deadline is None else "the time for a training was spent"
                self._note(end, is_training=deadline is not None)
                raise
            finally:
                self._look_at_output(worker)

    def fresh(self, *, trains: bool = False) -> None:
        """Let the next request meet a new worker; one that `trains` is on the device of the trainings."""
        self._trains = trains
        worker, self._worker = self._worker, None
        if worker is not None:
            with contextlib.suppress(ZygoteGone):  # then it is gone as well
                worker.close()

    def close(self) -> None:
        """End the worker."""
        self.fresh()

    def break_off(self, detail: str) -> WorkerEnded:
        """End a worker whose answer makes no sense; the exception to raise."""
        end = WorkerEnded("protocol", detail)
        self.fresh()
        self._note(end)
        return end

    def seed(self, purpose: str) -> int:
        """A seed for one purpose, derived from the submission's; 63 bits."""
        return derive(self._seed, self.exercise.id, purpose, bits=63)

    def remark(self, note: str) -> None:
        """Note something for the student, once."""
        if note not in self._remarks:
            self._remarks.append(note)

    def failures(self) -> list[messages.Failure]:
        """The top-level statements that raised or were cut."""
        return self._loader.failures()

    def notes(self) -> list[str]:
        """What is worth telling the student beside the checks: statements that failed or were cut."""
        notes = [*self._loader.reading_notes(), *self._remarks, *self._loader.failure_notes()]
        if _OUTPUT_LIMIT in self.flags:
            notes.append(f"it printed more than {self._limits.output_kib} KiB; the rest was dropped")
        return notes

    def _ready_worker(self) -> Worker:
        """The loaded worker. Raises `TimeSpent`, `WorkerEnded`, `NotLoaded`."""
        while self._worker is None:
            if self._budget.is_spent:
                raise TimeSpent(self._budget.reason)
            worker = self._spawn()
            try:
                self._load_into(worker)
                self._worker = worker
            except Retry as cut:
                self._note_cut(cut)
            except BaseException:
                worker.close()
                raise
            finally:
                self._look_at_output(worker)
        return self._worker

    def _spawn(self) -> Worker:
        seconds = self._limits.seconds + (TRAINING_SECONDS if self.exercise.trains else 0.0)
        jail = self._jail.trainer if self._trains else self._jail
        return jail.spawn(self._submission.entry, self._limits, cpu_seconds=seconds, waiting=self._waiting)

    def _waiting(self) -> None:
        self.listener.check(self.exercise.id, "waits for the GPU, which another grading uses")

    def _load_into(self, worker: Worker) -> None:
        with self._budget.charging() as deadline:
            worker.ask(messages.Seed(self.seed("load")), deadline=deadline)
        try:
            self._loader.load(worker)
        except WorkerEnded as end:
            self._note(end)
            raise

    def _note(self, end: WorkerEnded, *, is_training: bool = False) -> None:
        """A worker has ended before it could answer."""
        self.ends.append(end)
        if end.kind == "timeout" and not is_training:
            self._budget.exhaust()
        self._flag_protocol(end)
        self._worker = None

    def _note_cut(self, cut: Retry) -> None:
        """A worker has ended while it loaded, and another will load without the statement that ended it."""
        if cut.lost_definition:
            self.ends.append(cut.end)
        self._flag_protocol(cut.end)

    def _flag_protocol(self, end: WorkerEnded) -> None:
        if end.kind == "protocol":
            self.flags.add("protocol")

    def _look_at_output(self, worker: Worker) -> None:
        if worker.cut_output:
            self.flags.add(_OUTPUT_LIMIT)
