"""The messages between host and worker: a closed schema, shared by both sides.

The worker answers a request with any number of `Step` events and exactly one reply. A worker's messages are never
trusted. No message holds an expected output, a tolerance or a score.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**31)]
DtypeName = Literal["float32", "float64"]


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    pass


# The tree of plain data that a call takes and returns. Containers are nested at most `wire.DEPTH` deep.


class TensorNode(_Message, frozen=True):
    """The tensor with this number in the frame's blob."""

    index: Count


class TupleNode(_Message, frozen=True):
    items: "list[Node]"


class ListNode(_Message, frozen=True):
    items: "list[Node]"


class DictNode(_Message, frozen=True):
    items: "list[tuple[str, Node]]"


class FloatNode(_Message, frozen=True):
    """A float that JSON cannot represent."""

    value: Literal["nan", "inf", "-inf"]


class OpaqueNode(_Message, frozen=True):
    """Anything that is not plain data, replaced by the name of its type."""

    type_name: str


Node = None | bool | Int64 | float | str | TensorNode | TupleNode | ListNode | DictNode | FloatNode | OpaqueNode


# Requests.


class Place(_Message, frozen=True):
    """A top-level statement: a file of the submission (relative, with `/`) and its first line."""

    file: Annotated[str, Meta(max_length=5000)]  # longer than any path; the host sends it back
    line: Count


class Seed(_Message, frozen=True):
    """Seed every random generator that a student's code may use."""

    value: Int64


class Load(_Message, frozen=True):
    """Find and run the module of an exercise, without the statements in `skip`.

    Of the statements that define nothing, only the first `scripts` run, if that is given.
    """

    module: str
    names: list[str]
    skip: list[Place]
    scripts: Count | None


class Build(_Message, frozen=True):
    name: str
    arguments: list[Node]
    dtype: DtypeName


class Call(_Message, frozen=True):
    """Call a function of the module."""

    name: str
    arguments: list[Node]


class Apply(_Message, frozen=True):
    """Call a method of a built model (`__call__` for a forward pass), without gradients."""

    model: Count
    method: str
    arguments: list[Node]


class Changes(_Message, frozen=True):
    """Run a forward pass and say which inputs it modified in place."""

    model: Count
    arguments: list[Node]


class Vjp(_Message, frozen=True):
    """Run a forward pass and backpropagate the cotangents through it."""

    model: Count
    arguments: list[Node]
    cotangents: list[Node]


class Parameters(_Message, frozen=True):
    """Send the registered trainable parameters."""

    model: Count


class Assign(_Message, frozen=True):
    """Overwrite registered parameters by name."""

    model: Count
    values: DictNode


class Predict(_Message, frozen=True):
    """Call a method of a model in eval mode without gradients, `batch_size` examples at a time; join the answers."""

    model: Count
    method: str
    arguments: list[Node]
    batch_size: Count


class Attribute(_Message, frozen=True):
    """Read an attribute of a class of the module; None where there is none."""

    name: str
    attribute: str


class Weights(_Message, frozen=True):
    """Send all trainable parameters of a model, flattened into one row."""

    model: Count


class LoadWeights(_Message, frozen=True):
    """Overwrite all trainable parameters with one row, as sent by `Weights`."""

    model: Count
    values: TensorNode


class StartTraining(_Message, frozen=True):
    """Make the optimizer and the schedule for a model, in training mode."""

    model: Count
    loss: Literal["mse", "cross_entropy"]
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"]
    lr: float
    weight_decay: float
    momentum: float
    clip_norm: float | None
    schedule: Literal["constant", "cosine", "step"]
    steps: Count


class Train(_Message, frozen=True):
    """Take one step per `batch_size` examples of the inputs and, last among the arguments, the targets."""

    arguments: list[Node]
    batch_size: Count


class Trace(_Message, frozen=True):
    """Build and run a model under the profiler."""

    build: Build
    arguments: list[Node]


class FindLine(_Message, frozen=True):
    """Find the first line of a class that mentions one of the identifiers."""

    name: str
    identifiers: list[str]


class Unpack(_Message, frozen=True):
    """Unpack the archive that is the only file of the submission."""

    file: str
    max_entries: Count
    max_bytes: Count
    max_ratio: Count
    max_depth: Count


class UnpackPiece(_Message, frozen=True):
    """Unpack as many entries of the archive as fit into one answer, starting with the entry `start`."""

    file: str
    start: Count
    max_entries: Count
    max_entry_bytes: Count
    max_piece_bytes: Count
    max_depth: Count


class Convert(_Message, frozen=True):
    """Convert a file of the submission to Python files, with a converter that comes from a plugin."""

    file: str
    source: str
    """The converter: a module that defines `convert(path)`."""


class Probe(_Message, frozen=True):
    """Try what a jailed process must not be able to do. Answered before any student code runs."""

    outside: str
    inside: str


class TryDevice(_Message, frozen=True):
    """Compute something on the worker's device. Answered before any student code runs."""


Request = (
    Seed
    | Load
    | Build
    | Call
    | Apply
    | Changes
    | Vjp
    | Parameters
    | Assign
    | Predict
    | Attribute
    | Weights
    | LoadWeights
    | StartTraining
    | Train
    | Trace
    | FindLine
    | Unpack
    | UnpackPiece
    | Convert
    | Probe
    | TryDevice
)


# Answers.


class Ready(_Message, frozen=True):
    """The first frame of a worker, sent before any student code: it is locked down, or `error` says why not."""

    error: str | None


class Step(_Message, frozen=True):
    """Event: a top-level statement begins."""

    place: Place
    defines: Literal["definition", "assignment", "nothing"]


class Failure(_Message, frozen=True):
    """A top-level statement that raised or was skipped: the names that it should have defined, and the reason."""

    place: Place
    defines: list[str]
    error: str


class Named(_Message, frozen=True):
    name: str
    file: str


class Loaded(_Message, frozen=True):
    """The module ran, or none was found (`file` is None). `found` are the requested names that it defines, `others` the
    names that it defines apart from those (if none was found, the names that any file defines)."""

    file: str | None
    found: list[str]
    others: list[Named]
    failures: list[Failure]
    notes: list[str]
    error: str | None
    """Why nothing could be loaded, where a file was found: a syntax error with its line."""


class Value(_Message, frozen=True):
    """Plain data. `had_arrays`: NumPy arrays in it were turned into tensors."""

    items: list[Node]
    had_arrays: bool = False


class Built(_Message, frozen=True):
    model: Count
    is_module: bool
    type_name: str


class Frame(_Message, frozen=True):
    """One frame of a traceback, in the student's own files."""

    file: str
    line: Count
    function: str
    text: str


class Raised(_Message, frozen=True):
    """The student's code raised."""

    type_name: str
    message: str
    frames: list[Frame]
    out_of_memory: bool


class Trained(_Message, frozen=True):
    """Loss and gradient norm (before clipping) at each step; None where they were not finite."""

    losses: list[float | None]
    gradient_norms: list[float | None]


class ModuleEntry(_Message, frozen=True):
    type_name: str
    is_torch_recurrent: bool


class Traced(_Message, frozen=True):
    operators: dict[str, Count]
    modules: list[ModuleEntry]


class Line(_Message, frozen=True):
    place: Place | None
    text: str


class Entry(_Message, frozen=True):
    path: str
    size: Count


class Unpacked(_Message, frozen=True):
    """The files of an archive, concatenated in a single byte tensor; or the reason for refusing it."""

    entries: list[Entry]
    notes: list[str]
    error: str | None


class Piece(_Message, frozen=True):
    """Files of an archive as in `Unpacked`; `next` is the entry to continue with, None at the end."""

    entries: list[Entry]
    notes: list[str]
    next: Count | None
    error: str | None


class ConvertedFile(_Message, frozen=True):
    name: str
    size: Count
    parts: list[tuple[Count, str, Count]]
    """(first line in the file, label of the original part, first line in that part)"""


class Converted(_Message, frozen=True):
    """The files that another one was converted to, concatenated in a byte tensor; or the reason for refusing it."""

    files: list[ConvertedFile]
    notes: list[str]
    error: str | None


class Probed(_Message, frozen=True):
    """The outcome of each probe: `done`, or the name of the errno that stopped it."""

    outcomes: dict[str, str]


Answer = (
    Ready | Step | Loaded | Value | Built | Raised | Trained | Traced | Line | Unpacked | Piece | Converted | Probed
)
