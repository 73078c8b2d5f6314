"""The trusted handle on a student's code: build, call, look. It reads like local code and runs in the jail.

Each verb sends plain data and gets plain data back; a student's exception arrives as `StudentRaised`. What comes back
is a claim about nothing but itself: compare it on this side.
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
    """What a check is given: an attempt, and a generator seeded for this check."""

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
        self._attempt.built = True  # a function needs no building
        nodes, tensors = self._channel.pack(arguments)
        answer, received = self._channel.ask(messages.Call(name, nodes), tensors, messages.Value, f"`{name}`")
        if answer.had_arrays:
            self._attempt.remark(f"`{name}` returns NumPy arrays; they were taken as tensors")
        return self._channel.unpack(answer, received, 1)[0]

    def once(self, name: Hashable, function: Callable[[], Any]) -> Any:
        """What `function` returns, found out once per attempt: checks share the result of a training."""
        memory = self._attempt.memory
        if name not in memory:
            memory[name] = function()
        return memory[name]

    @property
    def trainings(self) -> int:
        """How many trainings a learning check may make."""
        return self._attempt.trainings

    def keep(self, learned: Any) -> None:
        """Note what a learning check came to, for whoever measures how often it errs."""
        self._attempt.learned.append(learned)
        self._attempt.memory[_learned_in(self._check)] = learned
        self._attempt.listener.learned(self._attempt.exercise.id, self._check, learned)

    def learned(self, check: CheckFunction) -> Any:
        """What a learning check came to that ran before this one, which needs it: its `Learned`.

        Raises `KeyError` where it has trained nothing.
        """
        return self._attempt.memory[_learned_in(getattr(check, "__name__", ""))]

    def flag(self, name: str) -> None:
        """Raise a flag for the instructor's attention; students do not see it."""
        self._attempt.flags.add(name)

    def show(self, figure: Figure) -> None:
        """Attach evidence to the exercise's part of the report."""
        self._attempt.shown.append(figure)

    def task(self, make: Callable[[torch.Generator], LearningTask]) -> LearningTask:
        """A learning task as this submission meets it, as with its tokens numbered anew: the same in all checks, and
        made once for all of them."""
        return self.once(make, lambda: make(torch.Generator().manual_seed(self._attempt.seed("task"))))

    def band(self) -> Band | None:
        """How the references' trainings went in this learning check, where that has been measured."""
        found = self._attempt.calibrations.get((self._attempt.exercise.id, self._check))
        return None if found is None else reference_band(found)

    def reference_scores(self, check: str) -> dict[str, float]:
        """The median held-out score of each reference in a learning check, by its folder; empty where not measured."""
        found = self._attempt.calibrations.get((self._attempt.exercise.id, check))
        return {} if found is None else reference_scores(found)

    def distrust(self, detail: str) -> WorkerEnded:
        """End a worker whose answer makes no sense; the exception to raise."""
        return self._channel.distrust(detail)

    def tell(self, progress: str) -> None:
        """Say how far a long check has come."""
        self._attempt.listener.check(self._attempt.exercise.id, progress)

    def restart(self, purpose: str, *, trains: bool = False) -> None:
        """Go on in a fresh worker, with generators seeded for this purpose; to train a model, on the device for it."""
        self._attempt.fresh(trains=trains)
        self._channel.reseed(self._attempt.seed(f"{self._check}/{purpose}/worker"))

    def generator_for(self, purpose: str) -> torch.Generator:
        """A generator for the trusted side's data: the same for one submission, check and purpose."""
        return torch.Generator().manual_seed(self._attempt.seed(f"{self._check}/{purpose}/host"))

    def attribute(self, name: str, attribute: str) -> Any:
        """An attribute of the class `name`, as plain data; None where there is none."""
        self._attempt.require(name)
        return self._channel.value(messages.Attribute(name, attribute), [], f"reading `{name}.{attribute}`")

    def find_line(self, name: str, identifiers: list[str]) -> str | None:
        """The first line of class `name` that mentions an identifier: to show, never to judge by."""
        try:
            line, _ = self._channel.ask(messages.FindLine(name, identifiers), [], messages.Line, "reading")
        except (StudentRaised, WorkerEnded, TimeSpent):
            return None  # what was found without it stands
        if line.place is None:
            return None
        return f"{sanitize(line.place.file, 100)}, line {line.place.line}: `{sanitize(line.text, 200)}`"


def _learned_in(check: str) -> str:
    return f"learned in {check}"
