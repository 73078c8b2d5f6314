"""One submission's try at one exercise: loads it into a worker, again after each end, within the attempt's time.

What a worker says is passed on; what happened to the worker (time, memory, a crash) is known here.
"""

import contextlib
import difflib
import hashlib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from grader.authoring.exercise import Exercise
from grader.course.calibration import Calibrations
from grader.grading.listener import Listener
from grader.intake.staging import Submission
from grader.jail.handle import Worker, WorkerEnded, ZygoteGone
from grader.jail.host import Jail
from grader.jail.shared import messages
from grader.records.errors import StudentFault
from grader.records.figures import Figure
from grader.records.grade import ExerciseStatus
from grader.records.limits import Limits
from grader.records.sanitize import plain

if TYPE_CHECKING:
    import torch

_SLOW_SECONDS = 1.0
"""A statement that defines nothing and takes longer is not run again in a later worker."""
_RELOADS = 30
TRAINING_SECONDS = 600.0
"""The longest one training may ever take: a limit of the kernel's, behind the task's own deadline."""
_SHOWN_FAILURES = 5


class NotLoaded(StudentFault):
    """There is nothing to check: the code is missing or cannot be loaded."""

    def __init__(self, status: ExerciseStatus, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


class NameNotFound(StudentFault):
    """One of the names of the exercise is not defined."""


class TimeSpent(StudentFault):
    """The attempt's time was spent before this began."""


class Attempt:
    """Owns the attempt's worker, one at a time. Close it."""

    def __init__(
        self,
        zygote: Jail,
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
        self.ends: list[WorkerEnded] = []
        """How its workers ended before they could answer, in turn."""
        self.out_of_memory = False
        self.broke_protocol = False
        self.built = False
        self.loaded: messages.Loaded | None = None
        self.cut_output = False
        self.flags: set[str] = set()
        self._remarks: list[str] = []
        self.memory: dict[str, Any] = {}
        """What one check found out and another uses."""
        self.trainings = 3
        """How many trainings a learning check may make; their median counts."""
        self.shown: list[Figure] = []
        """The evidence that its checks attached."""
        self.learned: list[Any] = []
        """What its learning checks came to, in turn."""
        self._zygote, self._submission, self._limits, self._seed = zygote, submission, limits, seed
        self._worker: Worker | None = None
        self._trains = False
        self._remaining = limits.seconds
        self._top_level_remaining = limits.top_level_seconds
        self._cut: dict[messages.Place, str] = {}
        self._ran_once: set[messages.Place] = set()
        self._scripts: int | None = None
        self._reloads = 0
        self._all_spent = f"the {limits.seconds:g} s for all checks were spent"

    @property
    def spent(self) -> float:
        """How many of the seconds for all checks were spent; trainings have their own."""
        return self._limits.seconds - self._remaining

    @property
    def has_gpu(self) -> bool:
        """Whether its trainings run on a GPU."""
        return self._zygote.device == "cuda"

    def load(self) -> None:
        """Load the module once. Raises `NotLoaded` where there is nothing to check."""
        self._ready_worker()
        loaded = self.loaded
        assert loaded is not None
        if loaded.error is not None:
            raise NotLoaded("error", plain(loaded.error))
        if not loaded.found:
            failed = [self._failure_of(name) for name in self.exercise.names]
            if any(failed):
                raise NotLoaded("error", next(text for text in failed if text))
            raise NotLoaded("missing", self._missing(self.exercise.names[0]))

    def ask(
        self, request: msgspec.Struct, tensors: "Iterable[torch.Tensor]" = (), *, deadline: float | None = None
    ) -> "tuple[Any, list[torch.Tensor]]":
        """Put a request to the loaded worker. Raises `WorkerEnded`, or `TimeSpent` before it starts.

        What has a `deadline` of its own (of `time.monotonic`), as a training has, is not charged to the attempt's time.
        """
        worker = self._ready_worker()
        started = time.monotonic()
        try:
            return worker.ask(request, tensors, deadline=deadline or started + self._remaining)
        except WorkerEnded as end:
            if end.kind == "timeout":
                end.detail = "the time for a training was spent" if deadline is not None else self._all_spent
            self._ended(end, is_training=deadline is not None)
            raise
        finally:
            if deadline is None:
                self._remaining -= time.monotonic() - started
            self.cut_output |= worker.cut_output

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
        self._ended(end)
        return end

    def seed(self, purpose: str) -> int:
        """A seed for one purpose, derived from the submission's; 63 bits."""
        text = f"{self._seed}/{self.exercise.id}/{purpose}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1

    def require(self, name: str) -> None:
        """Raise `NameNotFound` unless the module defines `name`."""
        if self.loaded is None or name not in self.loaded.found:
            raise NameNotFound(self._failure_of(name) or self._missing(name))

    def remark(self, note: str) -> None:
        """Note something for the student, once."""
        if note not in self._remarks:
            self._remarks.append(note)

    def failures(self) -> list[messages.Failure]:
        """The top-level statements that raised or were cut."""
        loaded = self.loaded
        return [] if loaded is None else [f for f in loaded.failures if f.place not in self._ran_once]

    def notes(self) -> list[str]:
        """What is worth telling the student beside the checks: statements that failed or were cut."""
        # a forged answer may hold any number
        notes = [] if self.loaded is None else [plain(note) for note in self.loaded.notes[:_SHOWN_FAILURES]]
        notes += self._remarks
        failures = self.failures()
        for failure in failures[:_SHOWN_FAILURES]:
            reason = self._cut.get(failure.place) or plain(failure.error, 300)
            notes.append(f"`{plain(failure.place.file)}`, line {failure.place.line}, was left out: {reason}")
        if len(failures) > _SHOWN_FAILURES:
            notes.append(f"{len(failures) - _SHOWN_FAILURES} more statements were left out")
        if self.cut_output:
            notes.append(f"it printed more than {self._limits.output_kib} KiB; the rest was dropped")
        return notes

    def _ready_worker(self) -> Worker:
        while self._worker is None:
            if self._remaining <= 0:
                raise TimeSpent(self._all_spent)
            seconds = self._limits.seconds + (TRAINING_SECONDS if self.exercise.trains else 0.0)
            zygote = self._zygote.trainer if self._trains else self._zygote
            worker = zygote.spawn(self._submission.entry, self._limits, cpu_seconds=seconds, waiting=self._waiting)
            try:
                self.loaded = _Loading(self, worker).run()
                self._worker = worker
            except _Retry:
                continue
            except BaseException:
                worker.close()
                raise
            finally:
                self.cut_output |= worker.cut_output
        return self._worker

    def _waiting(self) -> None:
        self.listener.check(self.exercise.id, "waits for the GPU, which another grading uses")

    def _ended(self, end: WorkerEnded, *, is_training: bool = False) -> None:
        self.ends.append(end)
        if end.kind == "timeout" and not is_training:
            self._remaining = 0.0
        self._worker = None

    def _failure_of(self, name: str) -> str | None:
        for failure in self.failures():
            if name in failure.defines:
                reason = self._cut.get(failure.place) or plain(failure.error, 500)
                return (
                    f"`{name}` could not be defined: {plain(failure.place.file)}, line {failure.place.line}: {reason}"
                )
        return None

    def _missing(self, name: str) -> str:
        """What was expected, and the nearest thing found."""
        loaded = self.loaded
        assert loaded is not None
        where = f"`{plain(loaded.file)}`" if loaded.file else "no file"
        text = f"{where} defines `{name}`"
        if loaded.file:
            text = f"{where} does not define `{name}`"
        by_folded = {other.name.casefold().replace("_", ""): other for other in loaded.others}
        near = difflib.get_close_matches(name.casefold().replace("_", ""), list(by_folded), 1, 0.6)
        if near:
            other = by_folded[near[0]]
            return f"found `{plain(other.name)}` in `{plain(other.file)}`, expected `{name}`"
        return text


class _Retry(Exception):
    """A top-level statement had to be cut: load again without it."""


class _Loading:
    """One run of the module's statements, charging each to the budget it belongs to."""

    def __init__(self, attempt: Attempt, worker: Worker):
        self.attempt, self.worker = attempt, worker
        self.current: messages.Step | None = None
        self.since = time.monotonic()
        self.scripts = 0
        """Statements that defined nothing and came to a quick end."""

    def run(self) -> messages.Loaded:
        attempt = self.attempt
        deadline = self.since + attempt._remaining
        self.worker.ask(messages.Seed(attempt.seed("load")), deadline=deadline)
        skip = [*attempt._cut, *attempt._ran_once]
        request = messages.Load(attempt.exercise.id, list(attempt.exercise.names), skip, attempt._scripts)
        try:
            loaded, _ = self.worker.ask(request, deadline=deadline, on_step=self._step)
        except WorkerEnded as end:
            self._cut(end)
            raise _Retry from None
        self._charge()
        if isinstance(loaded, messages.Raised):
            raise NotLoaded("error", plain(f"loading it raised {loaded.type_name}: {loaded.message}").rstrip(": "))
        if not isinstance(loaded, messages.Loaded):
            raise attempt.break_off("it answered something else than was asked")
        return loaded

    def _step(self, step: messages.Step, deadline: float) -> float:
        self._charge()
        self.current = step
        attempt = self.attempt
        if step.defines == "definition":
            return self.since + attempt._remaining
        if step.defines == "nothing" and attempt._scripts is None and attempt._top_level_remaining <= 0:
            return self.since  # the time is spent: it is left out, and so are those behind it
        return self.since + min(max(attempt._top_level_remaining, _SLOW_SECONDS), attempt._remaining)

    def _charge(self) -> None:
        """Charge what ran to the budget it shares; the attempt's time pays what no other budget does."""
        now = time.monotonic()
        seconds, self.since = now - self.since, now
        attempt, step = self.attempt, self.current
        is_slow = seconds > _SLOW_SECONDS
        is_script = step is not None and step.defines == "nothing"
        is_shared = is_script or (is_slow and step is not None and step.defines == "assignment")
        if is_shared and attempt._top_level_remaining > 0:
            attempt._top_level_remaining -= seconds
        else:
            attempt._remaining -= seconds
        if is_script and is_slow and step is not None:
            attempt._ran_once.add(step.place)
        elif is_script:
            self.scripts += 1

    def _cut(self, end: WorkerEnded) -> None:
        """Leave the statement under way out of the next load, or give the attempt up."""
        attempt, step = self.attempt, self.current
        scripts = self.scripts
        self._charge()
        attempt._reloads += 1
        attempt.broke_protocol |= end.kind == "protocol"
        hopeless = step is None or attempt._reloads > _RELOADS or attempt._remaining <= 0
        if step is not None and step.defines == "definition":
            end.doing = f"line {step.place.line} of `{plain(step.place.file, 100)}`"
            hopeless |= end.kind == "timeout"
            if not hopeless:
                attempt.ends.append(end)
        if end.kind == "timeout" and attempt._remaining <= 0:
            end.detail = attempt._all_spent
        if hopeless or step is None:
            attempt._ended(end)
            raise end
        attempt._ran_once.discard(step.place)  # long, but not to its end
        if step.defines == "nothing" and end.kind == "timeout":
            attempt._scripts = scripts  # the time is spent: none of those behind it either
        attempt._cut[step.place] = {
            "timeout": "it did not come to an end in time",
            "memory": "it used too much memory",
            "protocol": "it wrote to the channel that belongs to the grader",
        }.get(end.kind, "it ended the process")
