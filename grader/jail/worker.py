"""The worker: locks itself, says that it is ready, then answers one request after another until it is killed.

Once a submission is loaded, nothing in this process can be trusted; all it sends are claims.
"""

import ctypes  # noqa: F401  (used by lockdown; imported before the file system closes)
import inspect  # noqa: F401  (torch.jit.script and students ask for it; warm in the zygote)
import linecache
import os
import random
import sys
import tempfile
import traceback
from typing import Any, NoReturn

import msgspec
import numpy
import torch

from grader.jail import archive, landlock, loading, lockdown, messages, probe, seccomp, training, wire, zygote

WIRE = 3
_FRAMES = 8
_RECURRENT = (torch.nn.RNNBase, torch.nn.RNNCellBase)
_PROFILE = torch.autograd.profiler.profile
_NO_MEMORY = ("allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


def prepare(importable: list[str]) -> None:
    """In the zygote: what every worker would otherwise do again."""
    loading.Guard.install(importable)
    sys.dont_write_bytecode = True


def main(request: dict[str, Any], descriptors: list[int], layers: zygote.Layers) -> NoReturn:
    """In the fork: lock, report, serve."""
    device = torch.device("cpu")
    try:
        _lock(request, descriptors, layers)
        if layers.device is not None:
            device = _start_device(layers.device)
        error = None
    except BaseException as problem:
        error = f"{type(problem).__name__}: {problem}"
    _send(messages.Ready(error), [])
    if error is None:
        Worker(request["submission"], device).serve()
    os._exit(0)


def _lock(request: dict[str, Any], descriptors: list[int], layers: zygote.Layers) -> None:
    """Put on every layer, in the order in which each is still possible. Any failure raises."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDONLY)
    for source, target in zip([null, *descriptors[1:], descriptors[0]], (0, 1, 2, WIRE), strict=True):
        os.dup2(source, target)
    lockdown.close_descriptors([0, 1, 2, WIRE, *(descriptor for descriptor, _ in layers.rules)])
    if layers.namespaces:
        _private_mounts(request)
    if layers.uid is not None:
        lockdown.become(layers.uid, layers.uid, layers.keep_capabilities)
    else:
        lockdown.drop_capabilities()
    lockdown.die_with_parent()
    os.chdir(request["submission"])
    os.environ.clear()
    os.environ.update(environment(request["scratch"], layers))
    tempfile.tempdir = request["scratch"]
    lockdown.forbid_new_privileges()
    if layers.landlock_abi:
        own = [(request["scratch"], landlock.WRITE), (request["submission"], landlock.READ)]
        if layers.device is not None:  # the driver looks at its own process, and gives its threads names
            own += [("/proc/self/maps", landlock.READ), ("/proc/self/status", landlock.READ)]
            own += [("/proc/self/task", landlock.THREADS)]
        landlock.restrict([*layers.rules, *landlock.open_rules(own)], layers.landlock_abi)
    lockdown.close_descriptors([0, 1, 2, WIRE])
    lockdown.limit_resources(resources(request["limits"], layers))
    if layers.has_filter:
        seccomp.install(seccomp.build(os.getpid(), gpu=layers.device is not None))


def environment(scratch: str, layers: zygote.Layers) -> dict[str, str]:
    """All the variables that a worker has."""
    own = {"HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}
    if layers.device is None:
        return {**own, "CUDA_VISIBLE_DEVICES": ""}  # a student's `cuda.is_available()` must agree with what is given
    # one GPU is shown, so it is the first; cuBLAS repeats its sums in one order with a workspace of this size
    return {**own, "CUDA_VISIBLE_DEVICES": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8", "CUDA_CACHE_DISABLE": "1"}


def resources(limits: dict[str, int], layers: zygote.Layers) -> lockdown.Resources:
    """What a worker may have. A GPU's driver reserves huge ranges of memory: there, the host's watch alone counts."""
    has_gpu = layers.device is not None
    # without a user or a namespace of its own the limit would count everything else this user runs
    is_alone = layers.uid is not None or layers.namespaces
    return lockdown.Resources(
        data_bytes=None if has_gpu else layers.data_bytes + (limits["memory_mib"] << 20),
        file_bytes=limits["files_mib"] << 20,
        cpu_seconds=limits["cpu_seconds"],
        processes=(512 if has_gpu else 64) if is_alone else None,
        descriptors=512 if has_gpu else 256,
    )


def _start_device(name: str) -> torch.device:
    """Make a GPU answer like the CPU, and the same each time, as far as torch can. Raises where it does not start."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # sums with ten bits
    torch.set_deterministic_debug_mode("warn")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # as elsewhere
    device = torch.device(name)
    torch.zeros(1, device=device)  # what the driver takes for itself comes before the memory watch begins
    return device


def _private_mounts(request: dict[str, Any]) -> None:
    """Show this worker its own submission and an empty scratch folder, and no other's."""
    lockdown.unshare(lockdown.CLONE_NEWNS | lockdown.CLONE_NEWIPC)
    flags = lockdown.MS_NOSUID | lockdown.MS_NODEV | lockdown.MS_NOEXEC
    size = request["limits"]["files_mib"]
    lockdown.mount("tmpfs", zygote.SCRATCH, "tmpfs", flags, f"size={size}m,nr_inodes=2000,mode=1777")
    lockdown.bind_read_only(f"{zygote.SPOOL}/{request['entry']}", zygote.SUBMISSION)
    lockdown.unmount(zygote.SPOOL)


class Worker:
    """Serves the requests for one submission."""

    def __init__(self, submission: str, device: torch.device):
        self.submission, self.device = submission, device
        self.loader = loading.Loader(submission, set(), self._announce)
        self.models: list[Any] = []
        self.dtypes: list[torch.dtype] = []
        self.trainer: training.Trainer | None = None

    def serve(self) -> None:
        """Answer until the wire closes."""
        while True:
            request, tensors = _receive()
            if request is None:
                return
            try:
                answer, sent = self._answer(request, tensors)
                frame = wire.encode(answer, sent)
            except wire.WireError as error:
                frame = wire.encode(messages.Raised("ValueError", str(error), [], False), [])
            except BaseException as error:
                frame = wire.encode(self._raised(error), [])
            _write(frame)

    def _answer(self, request: messages.Request, tensors: list[torch.Tensor]) -> tuple[Any, list[torch.Tensor]]:
        tensors = [tensor.to(self.device) for tensor in tensors]
        match request:
            case messages.Seed(value=value):  # a check begins: the models of the one before it are done with
                self.models.clear()
                self.dtypes.clear()
                _seed(value)
                return messages.Value([]), []
            case messages.Load(module=module, names=names, skip=skip, scripts=scripts):
                self.loader = loading.Loader(self.submission, set(skip), self._announce, scripts)
                return self.loader.load(module, names), []
            case messages.Build():
                return self._build(request, tensors), []
            case messages.Call(name=name, arguments=arguments):
                returned = self._named(name)(*_arguments(arguments, tensors))
                plain = _without_arrays(returned)
                answer, sent = _value(plain)
                return messages.Value(answer.items, had_arrays=plain is not returned), sent
            case messages.Apply(model=model, method=method, arguments=arguments):
                return self._apply(model, method, _arguments(arguments, tensors))
            case messages.Changes(model=model, arguments=arguments):
                return self._changes(model, _arguments(arguments, tensors))
            case messages.Vjp(model=model, arguments=arguments, cotangents=cotangents):
                return self._vjp(model, _arguments(arguments, tensors), _arguments(cotangents, tensors))
            case messages.Parameters(model=model):
                return _value(_trainable(self.models[model]))
            case messages.Assign(model=model, values=values):
                return self._assign(model, wire.unpack(values, tensors))
            case messages.Predict(model=model, method=method, arguments=arguments, batch_size=size):
                return self._predict(model, method, _arguments(arguments, tensors), size)
            case messages.Attribute(name=name, attribute=attribute):
                return _value(getattr(self._named(name), attribute, None))
            case messages.Weights(model=model):
                parts = [parameter.detach().flatten() for parameter in _trainable(self.models[model]).values()]
                return _value(torch.cat(parts) if parts else torch.zeros(0))
            case messages.LoadWeights(model=model, values=values):
                return self._load_weights(model, wire.unpack(values, tensors))
            case messages.StartTraining(model=model):
                parameters = list(_trainable(self.models[model]).values())
                self.trainer = training.Trainer(self.models[model], parameters, request)
                return _value()
            case messages.Train(arguments=arguments, batch_size=size):
                return self._train(_arguments(arguments, tensors), size), []
            case messages.Trace(build=build, arguments=arguments):
                return self._trace(build, _arguments(arguments, tensors), tensors), []
            case messages.FindLine(name=name, identifiers=identifiers):
                return self._find_line(name, set(identifiers)), []
            case messages.Unpack():
                return archive.unpack(os.path.join(self.submission, request.file), request)
            case messages.Probe(outside=outside, inside=inside):
                return probe.probe(outside, inside), []
            case messages.TryDevice():
                return _value(*probe.try_device(self.device))

    def _announce(self, place: messages.Place, defines: loading.Defines) -> None:
        _send(messages.Step(place, defines), [])

    def _named(self, name: str) -> Any:
        return getattr(self.loader.module, name)

    def _build(self, build: messages.Build, tensors: list[torch.Tensor]) -> messages.Built:
        dtype = getattr(torch, build.dtype)
        with _DefaultDtype(dtype):
            model = self._named(build.name)(*_arguments(build.arguments, tensors))
        is_module = isinstance(model, torch.nn.Module)
        if is_module:
            torch.nn.Module.to(model, self.device, dtype)
        self.models.append(model)
        self.dtypes.append(dtype)
        return messages.Built(len(self.models) - 1, is_module, wire.type_name(model))

    def _apply(self, index: int, method: str, arguments: list[Any]) -> tuple[messages.Value, list[torch.Tensor]]:
        with torch.no_grad(), _DefaultDtype(self.dtypes[index]):
            return _value(getattr(self.models[index], method)(*arguments))

    def _changes(self, index: int, arguments: list[Any]) -> tuple[messages.Value, list[torch.Tensor]]:
        before = [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]
        self._apply(index, "__call__", arguments)
        pairs = enumerate(zip(arguments, before, strict=True))
        changed = [i for i, (a, b) in pairs if isinstance(a, torch.Tensor) and not torch.equal(a, b)]
        return _value(changed)

    def _vjp(
        self, index: int, arguments: list[Any], cotangents: list[Any]
    ) -> tuple[messages.Value, list[torch.Tensor]]:
        model = self.models[index]
        inputs = [a.requires_grad_() if _is_floating(a) else a for a in arguments]
        with _DefaultDtype(self.dtypes[index]):
            outputs = model(*inputs)
        weighted = [
            (output * cotangent).sum()
            for output, cotangent in zip(_tensors_in(outputs), cotangents, strict=False)
            if cotangent is not None and output.requires_grad
        ]
        parameters = _trainable(model)
        leaves = [*(a for a in inputs if _is_floating(a)), *parameters.values()]
        gradients: list[Any] = [None] * len(leaves)
        if weighted and leaves:
            # one scalar: with `grad_outputs` torch would import its symbolic-maths packages first, for seconds
            gradients = list(torch.autograd.grad(sum(weighted), leaves, allow_unused=True))
        of_inputs = tuple(gradients.pop(0) if _is_floating(a) else None for a in inputs)
        return _value(outputs, of_inputs, dict(zip(parameters, gradients, strict=True)))

    def _assign(self, index: int, values: dict[str, Any]) -> tuple[messages.Value, list[torch.Tensor]]:
        parameters = _trainable(self.models[index])
        with torch.no_grad():
            for name, value in values.items():
                parameters[name].copy_(value)
        return _value()

    def _load_weights(self, index: int, row: torch.Tensor) -> tuple[messages.Value, list[torch.Tensor]]:
        parameters = list(_trainable(self.models[index]).values())
        with torch.no_grad():
            for parameter, part in zip(parameters, row.split([p.numel() for p in parameters]), strict=True):
                parameter.copy_(part.view_as(parameter))
        return _value()

    def _predict(
        self, index: int, method: str, arguments: list[Any], batch_size: int
    ) -> tuple[messages.Value, list[torch.Tensor]]:
        model = self.models[index]
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), _DefaultDtype(self.dtypes[index]):
                batches = zip(*(a.split(batch_size) for a in arguments), strict=True)
                parts = [getattr(model, method)(*batch) for batch in batches]
                can_join = all(isinstance(part, torch.Tensor) and part.dim() for part in parts)
                return _value(torch.cat(parts) if can_join else parts[0])  # else its kind is told outside
        finally:
            model.train(was_training)

    def _train(self, arguments: list[Any], batch_size: int) -> messages.Trained:
        assert self.trainer is not None
        *inputs, targets = (a.split(batch_size) for a in arguments)
        return self.trainer.train((list(batch[:-1]), batch[-1]) for batch in zip(*inputs, targets, strict=True))

    def _trace(self, build: messages.Build, arguments: list[Any], tensors: list[torch.Tensor]) -> messages.Traced:
        with _PROFILE() as profile:
            index = self._build(build, tensors).model
            self._apply(index, "__call__", arguments)
        operators: dict[str, int] = {}
        for event in profile.function_events:
            name = wire.clean(event.name, 100)
            operators[name] = operators.get(name, 0) + 1
        modules = [
            messages.ModuleEntry(wire.type_name(module), isinstance(module, _RECURRENT))
            for module in torch.nn.Module.modules(self.models[index])
        ]
        return messages.Traced(dict(sorted(operators.items())[:1000]), modules[:1000])

    def _find_line(self, name: str, identifiers: set[str]) -> messages.Line:
        path = getattr(self.loader.module, "__file__", None)
        found = loading.find_line(path, name, identifiers) if path else None
        if path is None or found is None:
            return messages.Line(None, "")
        return messages.Line(messages.Place(self.loader.relative(path), found[0]), found[1])

    def _raised(self, error: BaseException) -> messages.Raised:
        """What the student's code raised, with the frames that lie in the student's own files."""
        frames = []
        for frame in traceback.extract_tb(error.__traceback__, limit=10_000):
            if frame.filename.startswith(self.submission + os.sep):
                text = wire.clean(linecache.getline(frame.filename, frame.lineno or 0).strip(), 200)
                place = self.loader.relative(frame.filename)
                frames.append(messages.Frame(place, frame.lineno or 0, wire.clean(frame.name, 100), text))
        text = loading.message_of(error)
        failed = isinstance(error, MemoryError | torch.OutOfMemoryError)
        failed |= isinstance(error, RuntimeError) and any(words in text for words in _NO_MEMORY)
        shown = frames if len(frames) <= _FRAMES else [*frames[:2], *frames[2 - _FRAMES :]]
        return messages.Raised(wire.type_name(error), wire.clean(text, 4000), shown, failed)


class _DefaultDtype:
    """Set torch's default dtype for a block: `torch.zeros(...)` in a student's forward follows it."""

    def __init__(self, dtype: torch.dtype):
        self.dtype = dtype

    def __enter__(self) -> None:
        self.previous = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)

    def __exit__(self, *_: object) -> None:
        torch.set_default_dtype(self.previous)


def _trainable(model: Any) -> dict[str, torch.Tensor]:
    """The registered parameters that are to be trained; a frozen one is a constant of the student's."""
    parameters = torch.nn.Module.named_parameters(model)
    return {name: parameter for name, parameter in parameters if parameter.requires_grad}


def _seed(value: int) -> None:
    random.seed(value)
    numpy.random.seed(value % 2**32)
    torch.manual_seed(value)


def _arguments(nodes: list[messages.Node], tensors: list[torch.Tensor]) -> list[Any]:
    return [wire.unpack(node, tensors) for node in nodes]


def _without_arrays(value: Any) -> Any:
    """NumPy arrays as tensors, in tuples and lists too; the same object where there are none."""
    if isinstance(value, numpy.ndarray) and str(value.dtype) in wire.TENSOR_DTYPES:
        return torch.from_numpy(value.copy())
    if type(value) in (tuple, list):
        parts = [_without_arrays(part) for part in value[: wire.TENSORS_CAP]]
        if any(new is not old for new, old in zip(parts, value, strict=False)):
            return type(value)([*parts, *value[wire.TENSORS_CAP :]])
    return value


def _value(*items: Any) -> tuple[messages.Value, list[torch.Tensor]]:
    tensors: list[torch.Tensor] = []
    return messages.Value([wire.pack(item, tensors) for item in items]), tensors


def _is_floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _tensors_in(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in _tensors_in(item)]
    return []


def _receive() -> tuple[Any, list[torch.Tensor]]:
    prefix = _read(wire.PREFIX.size)
    if not prefix:
        return None, []
    header, blob = wire.lengths(prefix)
    return wire.decode(_read(header), _read(blob), messages.Request)


def _send(message: msgspec.Struct, tensors: list[torch.Tensor]) -> None:
    _write(wire.encode(message, tensors))


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
