"""Inside the jail: answer the requests for one submission, one after another, until the wire closes."""

import linecache
import os
import random
import traceback
from typing import Any

import msgspec
import numpy
import torch

from grader.jail.inside import converting, loading, self_test, source, unzip
from grader.jail.inside.models import Models, arguments_of, value_of
from grader.jail.shared import messages, wire

WIRE = 3
_FRAMES = 8
_LAST_LINE = 2**31 - 1
_NO_MEMORY = ("allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


class Server:
    """Serves the requests for one submission; its models are on `device`."""

    def __init__(self, submission: str, device: torch.device):
        self.submission = submission
        self.loader = loading.Loader(submission, set(), _announce)
        self.models = Models(device)

    def serve(self) -> None:
        """Answer until the wire closes."""
        while True:
            request, tensors = receive()
            if request is None:
                return
            try:
                answer, sent = self._answer(request, tensors)
                frame = wire.encode(answer, sent)
            except wire.WireError as error:
                frame = wire.encode(messages.Raised("ValueError", str(error), [], False), [])
            except BaseException as error:
                frame = wire.encode(self._describe_error(error), [])
            _write(frame)

    def _answer(self, request: messages.Request, tensors: list[torch.Tensor]) -> tuple[Any, list[torch.Tensor]]:
        models = self.models
        tensors = [tensor.to(models.device) for tensor in tensors]
        match request:
            case messages.Seed(value=value):  # a check begins: the models of the previous one are no longer needed
                models.clear()
                _seed(value)
                return messages.Value([]), []
            case messages.Load(module=module, names=names, skip=skip, scripts=scripts):
                self.loader = loading.Loader(self.submission, set(skip), _announce, scripts)
                return self.loader.load(module, names), []
            case messages.Build(name=name):
                return models.build(self._named(name), request, tensors), []
            case messages.Call(name=name, arguments=arguments):
                returned = self._named(name)(*arguments_of(arguments, tensors))
                converted = _without_arrays(returned)
                answer, sent = value_of(converted)
                return messages.Value(answer.items, had_arrays=converted is not returned), sent
            case messages.Apply(model=model, method=method, arguments=arguments):
                return models.apply(model, method, arguments_of(arguments, tensors))
            case messages.Changes(model=model, arguments=arguments):
                return models.changes(model, arguments_of(arguments, tensors))
            case messages.Vjp(model=model, arguments=arguments, cotangents=cotangents):
                return models.vjp(model, arguments_of(arguments, tensors), arguments_of(cotangents, tensors))
            case messages.Parameters(model=model):
                return models.parameters(model)
            case messages.Assign(model=model, values=values):
                return models.assign(model, wire.unpack(values, tensors))
            case messages.Predict(model=model, method=method, arguments=arguments, batch_size=size):
                return models.predict(model, method, arguments_of(arguments, tensors), size)
            case messages.Attribute(name=name, attribute=attribute):
                return value_of(_without_scalars(getattr(self._named(name), attribute, None)))
            case messages.Weights(model=model):
                return models.weights(model)
            case messages.LoadWeights(model=model, values=values):
                return models.load_weights(model, wire.unpack(values, tensors))
            case messages.StartTraining(model=model):
                return models.start_training(model, request)
            case messages.Train(arguments=arguments, batch_size=size):
                return models.train(arguments_of(arguments, tensors), size), []
            case messages.Trace(build=build, arguments=arguments):
                return models.trace(self._named(build.name), build, arguments_of(arguments, tensors), tensors), []
            case messages.FindLine(name=name, identifiers=identifiers):
                return self._find_line(name, set(identifiers)), []
            case messages.Unpack():
                return unzip.unpack(os.path.join(self.submission, request.file), request)
            case messages.UnpackPiece():
                return unzip.unpack_piece(os.path.join(self.submission, request.file), request)
            case messages.Convert():
                return converting.convert(self.submission, request)
            case messages.Probe(outside=outside, inside=inside):
                return self_test.probe(outside, inside), []
            case messages.TryDevice():
                return value_of(*self_test.try_device(models.device))

    def _named(self, name: str) -> Any:
        return getattr(self.loader.module, name)

    def _find_line(self, name: str, identifiers: set[str]) -> messages.Line:
        path = getattr(self.loader.module, "__file__", None)
        found = source.find_line(path, name, identifiers) if path else None
        if path is None or found is None:
            return messages.Line(None, "")
        return messages.Line(self.loader.place(path, found[0]), found[1])

    def _describe_error(self, error: BaseException) -> messages.Raised:
        try:
            return self._raised(error)
        except BaseException:  # inspecting an exception may run student code, such as its `__str__`
            return messages.Raised("Exception", "(inspecting it raises an exception)", [], False)

    def _raised(self, error: BaseException) -> messages.Raised:
        """The exception that the student's code raised, with the frames in the student's own files."""
        frames = []
        for frame in traceback.extract_tb(error.__traceback__, limit=10_000):
            if frame.filename.startswith(self.submission + os.sep):
                line = min(max(frame.lineno or 0, 0), _LAST_LINE)  # a forged frame may hold any number
                text = wire.clean(linecache.getline(frame.filename, line).strip(), 200)
                place = self.loader.relative(frame.filename)
                frames.append(messages.Frame(place, line, wire.clean(frame.name, 100), text))
        text = source.message_of(error)
        failed = isinstance(error, MemoryError | torch.OutOfMemoryError)
        failed |= isinstance(error, RuntimeError) and any(words in text for words in _NO_MEMORY)
        shown = frames if len(frames) <= _FRAMES else [*frames[:2], *frames[2 - _FRAMES :]]
        return messages.Raised(wire.type_name(error), wire.clean(text, 4000), shown, failed)


def _announce(place: messages.Place, defines: source.Defines) -> None:
    send(messages.Step(place, defines))


def _seed(value: int) -> None:
    random.seed(value)
    numpy.random.seed(value % 2**32)
    torch.manual_seed(value)


def _without_scalars(value: Any) -> Any:
    """A dictionary with its NumPy numbers converted to Python's; anything else unchanged."""
    if type(value) is not dict:
        return value
    return {key: number.item() if isinstance(number, numpy.generic) else number for key, number in value.items()}


def _without_arrays(value: Any) -> Any:
    """Convert NumPy arrays to tensors, in tuples and lists too; the same object if it holds none."""
    if isinstance(value, numpy.ndarray) and str(value.dtype) in wire.TENSOR_DTYPES:
        return torch.from_numpy(value.copy())
    if type(value) in (tuple, list):
        parts = [_without_arrays(part) for part in value[: wire.TENSORS_CAP]]
        if any(new is not old for new, old in zip(parts, value, strict=False)):
            return type(value)([*parts, *value[wire.TENSORS_CAP :]])
    return value


def receive() -> tuple[Any, list[torch.Tensor]]:
    """The next request; None at the end of the wire."""
    prefix = _read(wire.PREFIX.size)
    if not prefix:
        return None, []
    header, blob = wire.lengths(prefix)
    return wire.decode(_read(header), _read(blob), messages.Request)


def send(message: msgspec.Struct) -> None:
    """Send a message without tensors."""
    _write(wire.encode(message, []))


def _read(size: int) -> bytes:
    """Exactly `size` bytes, or none at the end of the wire."""
    parts: list[bytes] = []
    while size:
        part = os.read(WIRE, min(size, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(WIRE, view) :]
