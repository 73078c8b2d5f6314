"""The trusted handle on a student's code: build, call, look. It reads like local code and runs in the jail.

Each verb sends plain data and gets plain data back; a student's exception arrives as `StudentRaised`. What comes back
is a claim about nothing but itself: compare it on this side.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from grader.authoring.expectations import Opaque, describe
from grader.authoring.recipe import Recipe
from grader.authoring.task import LearningTask
from grader.course.calibration import reference_band, reference_scores
from grader.grading.attempt import Attempt, TimeSpent
from grader.jail.handle import WorkerEnded
from grader.jail.shared import messages, wire
from grader.records.errors import StudentFault
from grader.records.figures import Band, Figure
from grader.records.sanitize import plain

_DTYPES: dict[torch.dtype, messages.DtypeName] = {torch.float32: "float32", torch.float64: "float64"}


class StudentRaised(StudentFault):
    """The student's code raised: `type_name`, `message`, and the `frames` in the student's own files."""

    def __init__(self, raised: messages.Raised, doing: str):
        self.type_name = plain(raised.type_name, 100)
        self.message = plain(raised.message, 1000)
        self.frames = [
            messages.Frame(plain(f.file, 100), f.line, plain(f.function, 60), plain(f.text, 200)) for f in raised.frames
        ]
        self.doing = doing
        self.sizes: tuple[str, str] | None = None
        """The shapes that a model answered before, and those at which it raised this, where these are others."""
        super().__init__(self.reason())

    def reason(self) -> str:
        """What a report says: the exception, and where it came from."""
        lines = [f"{self.doing} raised {self.type_name}: {self.message}".rstrip(": ")]
        for frame in self.frames:
            lines.append(f"  {frame.file}, line {frame.line}, in {frame.function}")
            if frame.text:
                lines.append(f"    {frame.text}")
        return "\n".join(lines)


class NotAModule(StudentFault):
    """A class was built, and what came out is no `nn.Module`."""


@dataclass(frozen=True)
class Vjp:
    """A forward pass and the gradients of `sum <output, cotangent>`."""

    outputs: Any
    inputs: tuple[torch.Tensor | None, ...]
    parameters: dict[str, torch.Tensor | None]


@dataclass(frozen=True)
class Trace:
    """What ran: operators with the number of their calls, and each module with whether torch's own is recurrent."""

    operators: dict[str, int]
    modules: list[tuple[str, bool]]


FUSED_RECURRENT = re.compile(r"(aten|quantized)::.*(rnn|gru|lstm)")
"""Operators of PyTorch's own recurrent layers and cells, as the profiler names them."""


def recurrent(short: Trace, long: Trace) -> bool:
    """Whether a recurrent step ran: a fused recurrent operator, or more operators for the longer sequence."""
    if any(FUSED_RECURRENT.match(name) for name in long.operators):
        return True
    return sum(long.operators.values()) > sum(short.operators.values())


class Student:
    """What a check is given: an attempt, and a generator seeded for this check."""

    def __init__(self, attempt: Attempt, check: str):
        self._attempt, self._check = attempt, check
        self.generator = torch.Generator().manual_seed(attempt.seed(f"{check}/host"))
        self._seed: int | None = attempt.seed(f"{check}/worker")

    def build(self, name: str, *arguments: Any, dtype: torch.dtype = torch.float32) -> "Model":
        """Build `name(*arguments)` under this default dtype. Raises `StudentRaised`, `NotAModule`."""
        self._attempt.require(name)
        tensors: list[torch.Tensor] = []
        request = messages.Build(name, [wire.pack(a, tensors) for a in arguments], _DTYPES[dtype])
        doing = f"`{name}({', '.join(str(a) for a in arguments)})`"
        built, _ = self.ask(request, tensors, messages.Built, doing)
        if not built.is_module:
            raise NotAModule(f"{doing} is an object of type {plain(built.type_name, 100)}, not an `nn.Module`")
        self._attempt.built = True
        return Model(self, built.model, request, tensors)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call the function `name` and return what it returns. Raises `StudentRaised`."""
        self._attempt.require(name)
        self._attempt.built = True  # a function needs no building
        tensors: list[torch.Tensor] = []
        request = messages.Call(name, [wire.pack(a, tensors) for a in arguments])
        answer, received = self.ask(request, tensors, messages.Value, f"`{name}`")
        if answer.had_arrays:
            self._attempt.remark(f"`{name}` returns NumPy arrays; they were taken as tensors")
        return self._unpacked(answer, received, 1)[0]

    def once(self, name: str, function: Callable[[], Any]) -> Any:
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
        self._attempt.listener.learned(self._attempt.exercise.id, self._check, learned)

    def flag(self, name: str) -> None:
        """Raise a flag for the instructor's attention; students do not see it."""
        self._attempt.flags.add(name)

    def show(self, figure: Figure) -> None:
        """Attach evidence to the exercise's part of the report."""
        self._attempt.shown.append(figure)

    def task(self, make: Callable[[torch.Generator], LearningTask]) -> LearningTask:
        """A learning task as this submission meets it, as with its tokens numbered anew: the same in all checks."""
        return make(torch.Generator().manual_seed(self._attempt.seed("task")))

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
        return self._attempt.break_off(detail)

    def tell(self, progress: str) -> None:
        """Say how far a long check has come."""
        self._attempt.listener.check(self._attempt.exercise.id, progress)

    def restart(self, purpose: str, *, trains: bool = False) -> None:
        """Go on in a fresh worker, with generators seeded for this purpose; to train a model, on the device for it."""
        self._attempt.fresh(trains=trains)
        self._seed = self._attempt.seed(f"{self._check}/{purpose}/worker")

    def generator_for(self, purpose: str) -> torch.Generator:
        """A generator for the trusted side's data: the same for one submission, check and purpose."""
        return torch.Generator().manual_seed(self._attempt.seed(f"{self._check}/{purpose}/host"))

    def attribute(self, name: str, attribute: str) -> Any:
        """An attribute of the class `name`, as plain data; None where there is none."""
        self._attempt.require(name)
        return self._values(messages.Attribute(name, attribute), [], f"reading `{name}.{attribute}`", 1)[0]

    def find_line(self, name: str, identifiers: list[str]) -> str | None:
        """The first line of class `name` that mentions an identifier: to show, never to judge by."""
        try:
            line, _ = self.ask(messages.FindLine(name, identifiers), [], messages.Line, "reading")
        except (StudentRaised, WorkerEnded, TimeSpent):
            return None  # what was found without it stands
        if line.place is None:
            return None
        return f"{plain(line.place.file, 100)}, line {line.place.line}: `{plain(line.text, 200)}`"

    def ask(
        self, request: Any, tensors: list[torch.Tensor], kind: type, doing: str, deadline: float | None = None
    ) -> tuple[Any, list[torch.Tensor]]:
        """Put a request to the worker and insist on the kind of its answer."""
        if self._seed is not None:
            seed, self._seed = self._seed, None
            self._attempt.ask(messages.Seed(seed))
        try:
            answer, received = self._attempt.ask(request, tensors, deadline=deadline)
        except WorkerEnded as end:
            end.doing = doing
            raise
        if isinstance(answer, messages.Raised):
            self._attempt.out_of_memory |= answer.out_of_memory
            raise StudentRaised(answer, doing)
        if not isinstance(answer, kind):
            raise self._attempt.break_off("it answered something else than was asked")
        return answer, received

    def _values(
        self, request: Any, tensors: list[torch.Tensor], doing: str, count: int, deadline: float | None = None
    ) -> list[Any]:
        """The `count` things that such a request is answered with."""
        answer, received = self.ask(request, tensors, messages.Value, doing, deadline)
        return self._unpacked(answer, received, count)

    def _unpacked(self, answer: messages.Value, received: list[torch.Tensor], count: int) -> list[Any]:
        if len(answer.items) != count:
            raise self._attempt.break_off("it answered with more or fewer things than were asked")
        try:
            return [wire.unpack(item, received, _opaque) for item in answer.items]
        except wire.WireError as error:
            raise self._attempt.break_off(str(error)) from None


class Model:
    """A student's model in the worker. It lives as long as the check that built it."""

    def __init__(self, student: Student, index: int, build: messages.Build, tensors: list[torch.Tensor]):
        self._student, self._index, self._build, self._tensors = student, index, build, tensors
        self._answered: dict[str, str] = {}
        """By method: the shapes of the inputs that it answered first."""

    def twin(self) -> "Model":
        """Another model, built in the same way, that was never called. Raises `StudentRaised`, `NotAModule`."""
        tensors = list(self._tensors)
        doing = f"`{self._build.name}`"
        built, _ = self._student.ask(self._build, tensors, messages.Built, doing)
        if not built.is_module:
            raise NotAModule(f"{doing} is an object of type {plain(built.type_name, 100)}, not an `nn.Module`")
        return Model(self._student, built.model, self._build, self._tensors)

    def __call__(self, *inputs: Any) -> Any:
        """A forward pass without gradients, in the mode the model was built in."""
        return self.method("__call__", *inputs)

    def method(self, name: str, *inputs: Any) -> Any:
        """Call a method without gradients. Raises `StudentRaised`."""
        tensors: list[torch.Tensor] = []
        nodes = [wire.pack(value, tensors) for value in inputs]
        shapes = " and ".join(str(tuple(value.shape)) for value in inputs if isinstance(value, torch.Tensor))
        try:
            found = self._student._values(messages.Apply(self._index, name, nodes), tensors, _named(name), 1)[0]
        except StudentRaised as raised:
            if self._answered.get(name, shapes) != shapes:
                raised.sizes = self._answered[name], shapes
            raise
        self._answered.setdefault(name, shapes)
        return found

    def changes(self, *inputs: Any) -> tuple[int, ...]:
        """Run a forward pass; the positions of the inputs that it modified in place."""
        tensors: list[torch.Tensor] = []
        nodes = [wire.pack(value, tensors) for value in inputs]
        left = self._student._values(messages.Changes(self._index, nodes), tensors, "`forward`", len(inputs))
        pairs = enumerate(zip(inputs, left, strict=True))
        return tuple(i for i, (a, b) in pairs if isinstance(a, torch.Tensor) and not _is_same(a, b))

    def vjp(self, inputs: tuple[Any, ...], cotangents: tuple[torch.Tensor | None, ...]) -> Vjp:
        """Run a forward pass and backpropagate; a gradient is None where none arrived. Raises `StudentRaised`."""
        tensors: list[torch.Tensor] = []
        nodes = [wire.pack(value, tensors) for value in inputs]
        weights = [wire.pack(value, tensors) for value in cotangents]
        request = messages.Vjp(self._index, nodes, weights)
        values = self._values_of_its_own_size(request, tensors, "the backward pass", 3)
        try:
            outputs, of_inputs, of_parameters = values
            gradients = tuple(_gradient(g, x) for g, x in zip(of_inputs, inputs, strict=True))
            return Vjp(outputs, gradients, {name: _gradient(g) for name, g in of_parameters.items()})
        except (ValueError, TypeError, AttributeError):
            raise self._student._attempt.break_off("no gradients where gradients were asked") from None

    def parameters(self) -> dict[str, torch.Tensor]:
        """The registered parameters that are to be trained, by name."""
        values = self._student._values(messages.Parameters(self._index), [], "reading the parameters", 1)[0]
        if not isinstance(values, dict) or not all(_is_floating(value) for value in values.values()):
            raise self._student._attempt.break_off(f"its parameters are {describe(values)}")
        return values

    def predict(
        self,
        *inputs: torch.Tensor,
        method: str = "__call__",
        batch_size: int = 256,
        deadline: float | None = None,
    ) -> Any:
        """What the model returns in eval mode, without gradients, in batches: one tensor, if it returns tensors."""
        tensors: list[torch.Tensor] = []
        nodes = [wire.pack(value, tensors) for value in inputs]
        request = messages.Predict(self._index, method, nodes, batch_size)
        return self._student._values(request, tensors, _named(method), 1, deadline)[0]

    def weights(self) -> torch.Tensor:
        """All parameters that are to be trained, in one row."""
        values = self._student._values(messages.Weights(self._index), [], "reading the parameters", 1)[0]
        if not _is_floating(values) or values.dim() != 1:
            raise self._student._attempt.break_off(f"its parameters are {describe(values)}")
        return values

    def load_weights(self, row: torch.Tensor) -> None:
        """Overwrite all parameters that are to be trained by what `weights` returned. Raises `StudentRaised`."""
        tensors: list[torch.Tensor] = []
        request = messages.LoadWeights(self._index, wire.pack(row, tensors))  # type: ignore[arg-type]
        self._overwrite(request, tensors)

    def start_training(self, recipe: Recipe, loss: Literal["mse", "cross_entropy"]) -> None:
        """Make the recipe's optimizer and schedule for this model. Raises `StudentRaised`."""
        r = recipe
        request = messages.StartTraining(
            self._index, loss, r.optimizer, r.lr, r.weight_decay, r.momentum, r.clip_norm, r.schedule, r.steps
        )
        self._student._values(request, [], "making the optimizer", 0)

    def train(
        self, inputs: Sequence[torch.Tensor], targets: torch.Tensor, batch_size: int, deadline: float
    ) -> messages.Trained:
        """One step per `batch_size` examples. What comes back of losses and gradients is for display."""
        tensors: list[torch.Tensor] = []
        nodes = [wire.pack(value, tensors) for value in (*inputs, targets)]
        request = messages.Train(nodes, batch_size)
        return self._student.ask(request, tensors, messages.Trained, "training", deadline)[0]

    def load(self, values: dict[str, torch.Tensor]) -> None:
        """Overwrite registered parameters by name; those not named stay."""
        tensors: list[torch.Tensor] = []
        node = wire.pack(dict(values), tensors)
        self._overwrite(messages.Assign(self._index, node), tensors)  # type: ignore[arg-type]

    def _overwrite(self, request: Any, tensors: list[torch.Tensor]) -> None:
        self._values_of_its_own_size(request, tensors, "loading parameters", 0)

    def _values_of_its_own_size(self, request: Any, tensors: list[torch.Tensor], doing: str, count: int) -> list[Any]:
        """Ask with tensors that are as many and as large as the student's own: that they are too large is no fault of
        ours."""
        try:
            return self._student._values(request, tensors, doing, count)
        except wire.WireError as error:
            raise StudentRaised(messages.Raised("ValueError", str(error), [], False), doing) from None

    def trace(self, *inputs: Any) -> Trace:
        """Build the model again and run it, under the profiler: what ran, not what the source says."""
        tensors = list(self._tensors)
        nodes = [wire.pack(value, tensors) for value in inputs]
        request = messages.Trace(self._build, nodes)
        traced, _ = self._student.ask(request, tensors, messages.Traced, "`forward`")
        return Trace(traced.operators, [(plain(m.type_name, 200), m.is_torch_recurrent) for m in traced.modules])


def _named(method: str) -> str:
    return "`forward`" if method == "__call__" else f"`{method}`"


def _opaque(type_name: str) -> Opaque:
    return Opaque(plain(type_name, 100))


def _gradient(value: Any, of: Any = None) -> torch.Tensor | None:
    """A gradient as a worker should send it: floating-point, shaped like what it belongs to; or None."""
    if value is not None and not _is_floating(value):
        raise TypeError
    if value is not None and isinstance(of, torch.Tensor) and value.shape != of.shape:
        raise ValueError
    return value


def _is_same(given: torch.Tensor, left: Any) -> bool:
    """Whether a tensor came back as it went."""
    return isinstance(left, torch.Tensor) and given.dtype == left.dtype and torch.equal(given, left)


def _is_floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
