"""An attempt: one submission's code for one exercise, loaded into a worker, and reloaded after that dies.

It passes requests and answers on, enforces the attempt's time, and records how workers ended (time, memory, a crash).
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
"""The longest that one training may take: the worker's CPU limit, as a backup for the task's own deadline."""
_OUTPUT_LIMIT = "output-limit"


class Attempt:
    """Owns the attempt's worker; there is one at a time. Close it."""

    trainings: int = TRAININGS
    """How many trainings a learning check may make; their median counts."""
    built: bool = False
    """Whether any check had an object to judge; without one, an error means that the code could not be built at all."""
    out_of_memory: bool = False
    """Whether an allocation of the student's code failed."""
    ends: list[WorkerEnded]
    """How workers ended before they could answer, in order."""
    flags: set[str]
    """For the instructor's attention."""
    cache: dict[Hashable, Any]
    """Results that checks share, such as a trained model's."""
    figures: list[Figure]
    """The evidence that its checks attached."""
    learned: list[Any]
    """The results of its learning checks, in order."""

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
        self.ends, self.flags, self.cache, self.figures, self.learned = [], set(), {}, [], []
        self._remarks: list[str] = []
        self._jail, self._submission, self._limits, self._seed = jail, submission, limits, seed
        self._budget = Budget(limits)
        self._loader = Loader(exercise, self._budget)
        self._worker: Worker | None = None
        self._on_training_device = False

    @property
    def spent(self) -> float:
        """How many of the seconds for all checks were used; trainings have their own deadlines."""
        return self._budget.spent

    @property
    def has_gpu(self) -> bool:
        """Whether trainings run on a GPU."""
        return self._jail.device == "cuda"

    def load(self) -> None:
        """Load the module. Raises `NotLoaded` where it defines nothing to check, `WorkerEnded`, `TimeSpent`."""
        self._loaded_worker()
        self._loader.require_any()

    def require(self, name: str) -> None:
        """Raise `NameNotFound` unless the module defines `name`."""
        self._loader.require(name)

    def ask(
        self, request: msgspec.Struct, tensors: "Iterable[torch.Tensor]" = (), *, deadline: float | None = None
    ) -> "tuple[Any, list[torch.Tensor]]":
        """Send a request to the loaded worker. Raises `WorkerEnded`, or `TimeSpent` before it starts.

        A request with its own `deadline` (of `time.monotonic`), such as a training, is not charged to the attempt.
        """
        worker = self._loaded_worker()
        # a training's budget is counted in steps and its seconds are only a safety net: charging them here would take
        # time from the checks that need no training
        charged = self._budget.charging() if deadline is None else contextlib.nullcontext(deadline)
        with charged as until:
            try:
                return worker.ask(request, tensors, deadline=until)
            except WorkerEnded as end:
                if end.kind == "timeout":
                    end.detail = self._budget.reason if deadline is None else "the time for a training was spent"
                self._record_end(end, is_training=deadline is not None)
                raise
            finally:
                self._check_output(worker)

    def replace_worker(self, *, trains: bool = False) -> None:
        """Use a new worker from the next request on; with `trains`, one on the training device."""
        self._on_training_device = trains
        worker, self._worker = self._worker, None
        if worker is not None:
            with contextlib.suppress(ZygoteGone):  # workers die with their fork server, so this one is gone already
                worker.close()

    def close(self) -> None:
        """End the worker."""
        self.replace_worker()

    def protocol_violation(self, detail: str) -> WorkerEnded:
        """End a worker whose answer is invalid; return the exception to raise."""
        end = WorkerEnded("protocol", detail)
        self.replace_worker()
        self._record_end(end)
        return end

    def seed(self, purpose: str) -> int:
        """A seed of 63 bits for one purpose, derived from the submission's."""
        return derive(self._seed, self.exercise.id, purpose, bits=63)

    def add_note(self, note: str) -> None:
        """Add a note for the student, unless it is there already."""
        if note not in self._remarks:
            self._remarks.append(note)

    def failures(self) -> list[messages.Failure]:
        """The top-level statements that raised or were cut."""
        return self._loader.failures()

    def notes(self) -> list[str]:
        """Notes for the student in addition to the checks, such as on statements that failed or were cut."""
        notes = [*self._loader.reading_notes(), *self._remarks, *self._loader.failure_notes()]
        if _OUTPUT_LIMIT in self.flags:
            notes.append(f"it printed more than {self._limits.output_kib} KiB; the rest was dropped")
        return notes

    def _loaded_worker(self) -> Worker:
        """The loaded worker; starts one if there is none. Raises `TimeSpent`, `WorkerEnded`, `NotLoaded`."""
        # a top-level statement that ended the worker must not keep the definitions from being graded: each `Retry`
        # loads the module again, without it. `Budget.reload` bounds how often, and every load is charged
        while self._worker is None:
            if self._budget.is_spent:
                raise TimeSpent(self._budget.reason)
            worker = self._spawn()
            try:
                self._load_into(worker)
                self._worker = worker
            except Retry as cut:
                self._record_cut(cut)
            except BaseException:
                worker.close()
                raise
            finally:
                self._check_output(worker)  # here, too: top-level code may print as much as a check
        return self._worker

    def _spawn(self) -> Worker:
        # a hard limit cannot be raised once a worker runs, so it always has room for a training
        seconds = self._limits.seconds + (TRAINING_SECONDS if self.exercise.trains else 0.0)
        jail = self._jail.trainer if self._on_training_device else self._jail
        return jail.spawn(self._submission.entry, self._limits, cpu_seconds=seconds, waiting=self._report_gpu_wait)

    def _report_gpu_wait(self) -> None:
        self.listener.check(self.exercise.id, "waiting for the GPU, which another grading is using")

    def _load_into(self, worker: Worker) -> None:
        # seeded before the code runs, so that top-level code draws the same numbers in every worker of the attempt
        with self._budget.charging() as deadline:
            worker.ask(messages.Seed(self.seed("load")), deadline=deadline)
        try:
            self._loader.load(worker)
        except WorkerEnded as end:
            self._record_end(end)
            raise

    def _record_end(self, end: WorkerEnded, *, is_training: bool = False) -> None:
        """Record that a worker ended before it could answer."""
        self.ends.append(end)
        # the attempt's time is over. A training has its own: the checks that need no training can still be judged
        if end.kind == "timeout" and not is_training:
            self._budget.exhaust()
        self._flag_protocol(end)
        self._worker = None

    def _record_cut(self, cut: Retry) -> None:
        """Record that a worker ended while loading; the next one skips the statement that ended it."""
        # a script's end is only a note; without a definition, the exercise may fail, so its status must say why
        if cut.lost_definition:
            self.ends.append(cut.end)
        self._flag_protocol(cut.end)

    def _flag_protocol(self, end: WorkerEnded) -> None:
        if end.kind == "protocol":
            self.flags.add("protocol")

    def _check_output(self, worker: Worker) -> None:
        if worker.cut_output:
            self.flags.add(_OUTPUT_LIMIT)
