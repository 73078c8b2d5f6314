"""Encode and decode frames: a length prefix, a JSON header with a closed schema, a safetensors blob. Never pickle.

The reading side checks lengths before it allocates, then the header, then the blob's own header before its bytes.
A header must be canonical: encoding what it decodes to gives the same bytes. This rejects duplicate keys, unknown keys,
unusual spellings of numbers and anything else that two parsers could read differently.
"""

import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from grader.jail.shared.messages import DictNode, FloatNode, ListNode, Node, OpaqueNode, TensorNode, TupleNode

if TYPE_CHECKING:  # torch takes a second to import; the host starts the fork server first
    import torch

HEADER_CAP = 1 << 20  # bytes
BLOB_CAP = 80 << 20  # bytes: 64 MiB of files or tensors and some room
TENSORS_CAP = 64
RANK_CAP = 6
DIMENSION_CAP = 2**31
NODES_CAP = 10_000
DEPTH = 4
PREFIX = struct.Struct(">4sII")
MAGIC = b"rnn1"

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
TENSOR_DTYPES = frozenset(_DTYPES.values())
"""Names of the dtypes that can be sent."""


class WireError(Exception):
    """Bytes that violate the schema, or data that cannot be sent."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: Literal["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"]
    shape: Annotated[list[Annotated[int, Meta(ge=0, le=DIMENSION_CAP)]], Meta(max_length=RANK_CAP)]
    data_offsets: tuple[Annotated[int, Meta(ge=0, le=BLOB_CAP)], Annotated[int, Meta(ge=0, le=BLOB_CAP)]]


def encode(message: msgspec.Struct, tensors: "list[torch.Tensor]") -> bytes:
    """Encode one frame. Raises `WireError` where the data is over a limit."""
    header = msgspec.json.encode(message)
    blob = _encode_tensors(tensors)
    if len(header) > HEADER_CAP:
        raise WireError(f"a header of {len(header)} bytes is over the limit of {HEADER_CAP}")
    if len(blob) > BLOB_CAP:
        raise WireError(f"tensors of {len(blob)} bytes are over the limit of {BLOB_CAP}")
    return PREFIX.pack(MAGIC, len(header), len(blob)) + header + blob


def lengths(prefix: bytes) -> tuple[int, int]:
    """Header and blob length from the first `PREFIX.size` bytes. Raises `WireError` where they are invalid."""
    magic, header, blob = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError("not a frame")
    if header > HEADER_CAP or blob > BLOB_CAP:
        raise WireError(f"a frame of {header} + {blob} bytes is over the limit")
    return header, blob


def decode(header: bytes, blob: bytes, kind: Any) -> "tuple[Any, list[torch.Tensor]]":
    """Decode a message and its tensors. Raises `WireError` for anything that violates the schema."""
    try:
        message = msgspec.json.decode(header, type=kind)
        canonical = msgspec.json.encode(message)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(f"bad header: {error}") from None
    if canonical != header:
        raise WireError("bad header: not in canonical form")
    return message, _decode_tensors(blob)


def _encode_tensors(tensors: "list[torch.Tensor]") -> bytes:
    if not tensors:
        return b""
    if len(tensors) > TENSORS_CAP:
        raise WireError(f"{len(tensors)} tensors, at most {TENSORS_CAP} can be sent at once")
    size = sum(t.numel() * t.element_size() for t in tensors)
    if size > BLOB_CAP:
        raise WireError(f"tensors of {size} bytes are over the limit of {BLOB_CAP}")
    from safetensors.torch import save

    return save({str(i): _detached(tensor) for i, tensor in enumerate(tensors)})


def _detached(tensor: "torch.Tensor") -> "torch.Tensor":
    # a clone, because safetensors refuses tensors that share memory
    return tensor.detach().cpu().contiguous().clone()


def _decode_tensors(blob: bytes) -> "list[torch.Tensor]":
    if not blob:
        return []
    count = _check_tensors(blob)
    from safetensors.torch import load

    tensors = load(bytes(blob))
    return [tensors[str(i)] for i in range(count)]


def _check_tensors(blob: bytes) -> int:
    """Check the blob's own header against its bytes; return the number of tensors."""
    if len(blob) < 8:
        raise WireError("bad tensors: no header")
    size = int.from_bytes(blob[:8], "little")
    if size > min(len(blob) - 8, HEADER_CAP):
        raise WireError("bad tensors: the header is longer than the blob")
    text = bytes(blob[8 : 8 + size]).rstrip(b" ")
    try:
        entries = msgspec.json.decode(text, type=dict[str, _Entry])
        canonical = msgspec.json.encode(entries)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(f"bad tensors: {error}") from None
    if canonical != text:
        raise WireError("bad tensors: header not in canonical form")
    if len(entries) > TENSORS_CAP or set(entries) != {str(i) for i in range(len(entries))}:
        raise WireError("bad tensors: too many, or wrongly named")
    data = memoryview(blob)[8 + size :]
    position = 0
    for entry in sorted(entries.values(), key=lambda entry: entry.data_offsets):
        begin, end = entry.data_offsets
        if math.prod(max(size, 1) for size in entry.shape) > BLOB_CAP:  # empty, but torch cannot count its strides
            raise WireError("bad tensors: a shape that is too large")
        if begin != position or end - begin != math.prod(entry.shape) * _ITEM_BYTES[entry.dtype]:
            raise WireError("bad tensors: shapes and bytes do not match")
        if entry.dtype == "BOOL" and bytes(data[begin:end]).translate(None, b"\0\1"):
            raise WireError("bad tensors: a bool that is neither 0 nor 1")
        position = end
    if position != len(data):
        raise WireError("bad tensors: bytes left over")
    return len(entries)


def pack(value: Any, tensors: "list[torch.Tensor]", depth: int = 0, budget: list[int] | None = None) -> Node:
    """Convert plain data to a tree of nodes; tensors are appended to `tensors`.

    Anything else is replaced by the name of its type, and so is a container that would make the tree larger than
    `unpack` accepts: a long list is a mistake, not an attack.
    """
    import torch

    budget = [NODES_CAP] if budget is None else budget
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, torch.Tensor):
        return _pack_tensor(value, tensors)
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**63 else OpaqueNode("int of more than 64 bits")
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else FloatNode(_spell(value))
    if depth >= DEPTH or not isinstance(value, tuple | list | dict):
        return OpaqueNode(type_name(value))
    if budget[0] <= len(value):
        return OpaqueNode(f"{type_name(value)} with too many parts")
    budget[0] -= len(value)
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            return OpaqueNode("dict with keys that are not strings")
        pairs = [(clean(str(key)), pack(item, tensors, depth + 1, budget)) for key, item in value.items()]
        return DictNode(pairs)
    items = [pack(item, tensors, depth + 1, budget) for item in value]
    return TupleNode(items) if isinstance(value, tuple) else ListNode(items)


def _pack_tensor(tensor: "torch.Tensor", tensors: "list[torch.Tensor]") -> Node:
    import torch

    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized or dtype not in TENSOR_DTYPES:
        return OpaqueNode(f"tensor of {tensor.dtype}, layout {tensor.layout}, device {tensor.device}")
    if tensor.dim() > RANK_CAP:
        return OpaqueNode(f"tensor with {tensor.dim()} dimensions")
    tensors.append(tensor)
    return TensorNode(len(tensors) - 1)


def unpack(node: Node, tensors: "list[torch.Tensor]", opaque: Callable[[str], Any] = OpaqueNode) -> Any:
    """Convert a tree of nodes back to data, with `opaque(type_name)` for non-plain data. Raises `WireError`."""
    budget = [NODES_CAP]
    unpacked: set[int] = set()

    def walk(node: Node, depth: int) -> Any:
        budget[0] -= 1
        if budget[0] < 0 or depth > DEPTH:
            raise WireError("the reply is too large or nested too deeply")
        match node:
            case TensorNode(index=index):
                if index >= len(tensors) or index in unpacked:
                    raise WireError("a tensor that was not sent, or is named twice")
                unpacked.add(index)
                return tensors[index]
            case TupleNode(items=items):
                return tuple(walk(item, depth + 1) for item in items)
            case ListNode(items=items):
                return [walk(item, depth + 1) for item in items]
            case DictNode(items=pairs):
                if len({key for key, _ in pairs}) != len(pairs):
                    raise WireError("a dict with a key given twice")
                return {key: walk(item, depth + 1) for key, item in pairs}
            case FloatNode(value=value):
                return float(value)
            case OpaqueNode(type_name=name):
                return opaque(name)
        return node

    return walk(node, 0)


def _spell(value: float) -> Literal["nan", "inf", "-inf"]:
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def type_name(value: Any) -> str:
    """The name of a value's type; not of its `__class__`, which can be forged."""
    kind = type(value)
    name = str(getattr(kind, "__qualname__", "object"))
    module = str(getattr(kind, "__module__", "builtins"))
    return clean(name if module == "builtins" else f"{module}.{name}", 200)


def clean(text: str, cap: int = 20_000) -> str:
    """Text that can be encoded as UTF-8, cut to `cap` characters."""
    if len(text) > cap:
        text = text[:cap] + " ..."
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
