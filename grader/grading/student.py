"""The trusted handle on a student's code, which runs in the jail but is used like local code: build, call, inspect.

Each method sends plain data and gets plain data back; a student's exception arrives as `StudentRaised`. What comes back
proves nothing by itself: compare it on this side.
"""

from collections.abc import Callable, Hashable
from typing import Any

import torch

from grader.authoring.exercise import CheckFunction
from grader.authoring.task import LearningTask
from grader.course.calibration import reference_band, reference_scores
from grader.grading.attempt import Attempt
from grader.grading.channel import Channel
from grader.grading.errors import StudentRaised, TimeSpent
from grader.grading.model import Model, build_model
from grader.jail.handle import WorkerEnded
from grader.jail.shared import messages
from grader.records.figures import Band, Figure
from grader.records.sanitize import sanitize

_DTYPES: dict[torch.dtype, messages.DtypeName] = {torch.float32: "float32", torch.float64: "float64"}


class Student:
    """The argument of a check: access to one submission's code, and a generator seeded for this check."""

    def __init__(self, attempt: Attempt, check: str):
        self.generator = torch.Generator().manual_seed(attempt.seed(f"{check}/host"))
        self._attempt, self._check = attempt, check
        self._channel = Channel(attempt, attempt.seed(f"{check}/worker"))

    def build(self, name: str, *arguments: Any, dtype: torch.dtype = torch.float32) -> Model:
        """Build `name(*arguments)` under this default dtype. Raises `StudentRaised`, `NotAModule`."""
        self._attempt.require(name)
        nodes, tensors = self._channel.pack(arguments)
        request = messages.Build(name, nodes, _DTYPES[dtype])
        shown = ", ".join(str(argument) for argument in arguments)
        model = build_model(self._channel, request, tensors, f"`{name}({shown})`")
        self._attempt.built = True
        return model

    def call(self, name: str, *arguments: Any) -> Any:
        """Call the function `name` and return what it returns. Raises `StudentRaised`."""
        self._attempt.require(name)
        self._attempt.built = True  # a function does not have to be built
        nodes, tensors = self._channel.pack(arguments)
        answer, received = self._channel.ask(messages.Call(name, nodes), tensors, messages.Value, f"`{name}`")
        if answer.had_arrays:
            self._attempt.add_note(f"`{name}` returns NumPy arrays; they were converted to tensors")
        return self._channel.unpack(answer, received, 1)[0]

    def once(self, name: Hashable, function: Callable[[], Any]) -> Any:
        """The result of `function`, computed once per attempt: checks share the result of a training."""
        cache = self._attempt.cache
        if name not in cache:
            cache[name] = function()
        return cache[name]

    @property
    def trainings(self) -> int:
        """How many trainings a learning check may make."""
        return self._attempt.trainings

    def keep(self, learned: Any) -> None:
        """Record the result of this learning check, for other checks and for the calibration."""
        self._attempt.learned.append(learned)
        self._attempt.cache[_learned_key(self._check)] = learned
        self._attempt.listener.learned(self._attempt.exercise.id, self._check, learned)

    def learned(self, check: CheckFunction) -> Any:
        """The result of a learning check that this one needs and that ran before: its `Learned`.

        Raises `KeyError` where it trained nothing.
        """
        return self._attempt.cache[_learned_key(getattr(check, "__name__", ""))]

    def flag(self, name: str) -> None:
        """Raise a flag for the instructor's attention; students do not see it."""
        self._attempt.flags.add(name)

    def show(self, figure: Figure) -> None:
        """Attach evidence to the exercise's part of the report."""
        self._attempt.figures.append(figure)

    def task(self, make: Callable[[torch.Generator], LearningTask]) -> LearningTask:
        """The learning task for this submission, with its own random choices, such as the numbering of tokens.

        It is created once per attempt, so that all checks see the same one.
        """
        return self.once(make, lambda: make(torch.Generator().manual_seed(self._attempt.seed("task"))))

    def band(self) -> Band | None:
        """The range of the references' learning curves in this learning check, where it was measured."""
        found = self._attempt.calibrations.get((self._attempt.exercise.id, self._check))
        return None if found is None else reference_band(found)

    def reference_scores(self, check: str) -> dict[str, float]:
        """The median held-out score of each reference in a learning check, by its folder; empty if not measured."""
        found = self._attempt.calibrations.get((self._attempt.exercise.id, check))
        return {} if found is None else reference_scores(found)

    def distrust(self, detail: str) -> WorkerEnded:
        """End a worker whose answer is invalid; return the exception to raise."""
        return self._channel.distrust(detail)

    def tell(self, progress: str) -> None:
        """Report the progress of a long check."""
        self._attempt.listener.check(self._attempt.exercise.id, progress)

    def restart(self, purpose: str, *, trains: bool = False) -> None:
        """Continue in a new worker, with generators seeded for this purpose; with `trains`, on the training device."""
        self._attempt.replace_worker(trains=trains)
        self._channel.reseed(self._attempt.seed(f"{self._check}/{purpose}/worker"))

    def generator_for(self, purpose: str) -> torch.Generator:
        """A generator for data made on the trusted side: the same for one submission, check and purpose."""
        return torch.Generator().manual_seed(self._attempt.seed(f"{self._check}/{purpose}/host"))

    def attribute(self, name: str, attribute: str) -> Any:
        """An attribute of the class `name`, as plain data; None where it does not exist."""
        self._attempt.require(name)
        return self._channel.value(messages.Attribute(name, attribute), [], f"reading `{name}.{attribute}`")

    def find_line(self, name: str, identifiers: list[str]) -> str | None:
        """The first line of class `name` that mentions one of the identifiers: for display, never to judge by."""
        try:
            line, _ = self._channel.ask(messages.FindLine(name, identifiers), [], messages.Line, "reading")
        except (StudentRaised, WorkerEnded, TimeSpent):
            return None  # it is only for display: the verdict stands without it
        if line.place is None:
            return None
        return f"{sanitize(line.place.file, 100)}, line {line.place.line}: `{sanitize(line.text, 200)}`"


def _learned_key(check: str) -> str:
    return f"learned in {check}"
