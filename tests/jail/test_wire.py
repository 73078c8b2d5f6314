"""The wire: what goes in comes out; whatever else arrives ends in `WireError` or a value, and in nothing else."""

import json
import math
import struct

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.jail.shared import messages, wire
from grader.jail.shared.messages import DictNode, FloatNode, ListNode, OpaqueNode, TensorNode, TupleNode
from grader.jail.shared.wire import WireError

KINDS = (messages.Answer, messages.Request)
DTYPES = {
    dtype: getattr(torch, dtype)
    for dtype in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
}
EMPTY = msgspec.json.encode(messages.Value([]))

some = settings(max_examples=60, deadline=None, derandomize=True)
many = settings(max_examples=300, deadline=None, derandomize=True)


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    """Any bits at all, NaNs and denormals among them, in any shape that may cross, not always contiguous."""
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    shape = draw(st.lists(st.integers(0, 4), max_size=wire.RANK_CAP))
    count = math.prod(shape)
    data = draw(st.binary(min_size=count * dtype.itemsize, max_size=count * dtype.itemsize))
    if dtype is torch.bool:
        data = bytes(byte % 2 for byte in data)
    tensor = torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0, dtype=dtype)
    tensor = tensor.reshape(shape)
    return tensor.transpose(0, -1) if shape and draw(st.booleans()) else tensor


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT


def containers(children):
    """Tuples, lists and dicts of these."""
    few = st.lists(children, max_size=3)
    return few | few.map(tuple) | st.dictionaries(TEXT, children, max_size=3)


def trees(depth: int):
    """Plain data nested at most so deep."""
    return LEAVES if depth == 0 else LEAVES | containers(trees(depth - 1))


def receive(frame: bytes, kind=messages.Answer):
    """Read a frame as both sides do: prefix, header, blob."""
    header, blob = wire.lengths(frame[: wire.PREFIX.size])
    body = frame[wire.PREFIX.size :]
    assert len(body) == header + blob
    return wire.decode(body[:header], body[header:], kind)


def judge(header: bytes, blob: bytes) -> str:
    """Decode as either side would and unpack what came: `value` or `refused`. Any other exception is a failure."""
    verdict = "refused"
    for kind in KINDS:
        try:
            message, received = wire.decode(header, blob, kind)
            for node in getattr(message, "items", []) or getattr(message, "arguments", []):
                wire.unpack(node, received)
            verdict = "value"
        except WireError:
            pass
    return verdict


def value_frame(*items) -> bytes:
    """The header of a `Value` with these items, spelled as given."""
    return b'{"type":"Value","items":[' + b",".join(items) + b"]}"


def blob_of(entries, data: bytes = b"") -> bytes:
    """A blob whose own header says `entries` (as given where they are bytes)."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(1,), begin=0, end=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


# What goes in comes out.


@some
@given(st.lists(tensors(), max_size=5))
def test_tensors_cross_bit_by_bit(sent):
    _, received = receive(wire.encode(messages.Value([]), sent))
    assert [(t.dtype, t.shape, bits(t)) for t in received] == [(t.dtype, t.shape, bits(t)) for t in sent]


@many
@given(trees(wire.DEPTH))
def test_trees_cross_unchanged(sent):
    """`repr` tells True from 1, a tuple from a list, -0.0 from 0.0, and finds NaN equal to itself."""
    message, received = receive(wire.encode(messages.Value([wire.pack(sent, [])]), []))
    assert repr(wire.unpack(message.items[0], received)) == repr(sent)


def test_tensors_cross_inside_trees():
    a, b = torch.arange(3), torch.tensor([[math.nan, -0.0]], dtype=torch.bfloat16)
    sent: list[torch.Tensor] = []
    node = wire.pack({"a": (a, [b]), "again": a}, sent)
    message, received = receive(wire.encode(messages.Value([node]), sent))
    back = wire.unpack(message.items[0], received)
    assert torch.equal(back["a"][0], a)
    assert torch.equal(back["again"], a)
    assert bits(back["a"][1][0]) == bits(b)


def test_tensors_cross_detached_and_whole():
    """Gradients, views, shared and expanded memory stay behind."""
    weight = torch.ones(2, 3, requires_grad=True)
    sent = [weight * 2, weight.t()[1:], torch.ones(1).expand(4), weight, weight]
    _, received = receive(wire.encode(messages.Value([]), sent))
    assert [t.tolist() for t in received] == [t.tolist() for t in sent]
    assert not any(t.requires_grad for t in received)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "object"),
        (2**63, "int of more than 64 bits"),
        (1j, "complex"),
        ({1: 2}, "dict with keys that are not strings"),
        ({1, 2}, "set"),
        (torch.ones(1, dtype=torch.complex64), "complex64"),
        (torch.ones(1).to_sparse(), "sparse"),
        (torch.ones(1, device="meta"), "meta"),
        (torch.ones((1,) * 7), "7 dimensions"),
        ([0] * (wire.NODES_CAP + 1), "list"),
        ([[0] * 200] * 100, "list"),
        ((x for x in ()), "generator"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_not_plain_is_named_by_its_type(value, named):
    """Too much is named as well: what `pack` makes, `unpack` takes."""
    packed = wire.pack((value, 1), [])
    assert named in str(packed)
    wire.unpack(packed, [])


def test_containers_below_the_depth_are_named():
    value: list = []
    value.append(value)
    assert "OpaqueNode(type_name='list')" in str(wire.pack(value, []))


def test_text_that_is_no_utf8_crosses_escaped():
    assert wire.pack("a\ud800", []) == "a\\ud800"
    receive(wire.encode(messages.Value([wire.pack({"\ud800": "\udfff"}, [])]), []))


def test_more_than_the_caps_is_refused_before_it_is_sent():
    """An expanded tensor is measured by what it would become."""
    for sent in (
        [torch.ones(1)] * 65,
        [torch.ones(1).expand(2**40)],
        [torch.zeros(wire.BLOB_CAP + 1, dtype=torch.int8)],
    ):
        with pytest.raises(WireError):
            wire.encode(messages.Value([]), sent)
    with pytest.raises(WireError):
        wire.encode(messages.Value(["a" * 20_000] * 60), [])


# What else arrives is refused.


@some
@given(
    st.binary(min_size=wire.PREFIX.size, max_size=wire.PREFIX.size)
    | st.builds(wire.PREFIX.pack, st.just(wire.MAGIC), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
)
def test_lengths_are_capped_before_anything_is_allocated(prefix):
    try:
        header, blob = wire.lengths(prefix)
    except WireError:
        magic, header, blob = wire.PREFIX.unpack(prefix)
        assert magic != wire.MAGIC or header > wire.HEADER_CAP or blob > wire.BLOB_CAP
    else:
        assert header <= wire.HEADER_CAP
        assert blob <= wire.BLOB_CAP


@many
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_garbage_is_refused(header, blob):
    judge(header, b"")
    judge(EMPTY, blob)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A valid frame, then cut, overwritten, or with bytes put in."""
    sent = draw(st.lists(tensors(), max_size=3))
    tree = wire.pack(draw(containers(LEAVES)), [])
    frame = wire.encode(messages.Value([tree, *(TensorNode(i) for i in range(len(sent)))]), sent)
    header_bytes, _ = wire.lengths(frame[: wire.PREFIX.size])
    body = frame[wire.PREFIX.size :]
    parts = [bytearray(body[:header_bytes]), bytearray(body[header_bytes:])]
    for _ in range(draw(st.integers(1, 3))):
        part = parts[draw(st.integers(0, 1))]
        at = draw(st.integers(0, len(part)))
        piece = draw(st.binary(max_size=4) | st.sampled_from([b'"', b"{", b"9", b"-1", b"[", b"null", b",", b" "]))
        part[at : at + draw(st.integers(0, 4))] = piece
    return bytes(parts[0]), bytes(parts[1])


@pytest.mark.slow
@many
@given(damaged())
def test_damaged_frames_are_refused_or_mean_something(frame):
    judge(*frame)


@pytest.mark.parametrize(
    "header",
    {
        "nothing": b"",
        "a number": b"3",
        "another type": b'{"type":"Exec","code":"1"}',
        "no type": b'{"items":[]}',
        "a key unknown": b'{"type":"Value","items":[],"more":1}',
        "a key missing": b'{"type":"Value"}',
        "a key twice": b'{"type":"Value","items":[],"items":[]}',
        "the type twice": b'{"type":"Value","type":"Value","items":[]}',
        "the type last": b'{"items":[],"type":"Value"}',
        "spaces": b'{"type": "Value","items":[]}',
        "a space behind": EMPTY + b" ",
        "an escaped letter": b'{"type":"Value","items":["\\u0061"]}',
        "an escaped slash": b'{"type":"Value","items":["\\/"]}',
        "1.50": value_frame(b"1.50"),
        "1e2": value_frame(b"1e2"),
        "-0": value_frame(b"-0"),
        "01": value_frame(b"01"),
        "NaN": value_frame(b"NaN"),
        "Infinity": value_frame(b"Infinity"),
        "1e400": value_frame(b"1e400"),
        "2**63": value_frame(b"9223372036854775808"),
        "60,000 digits": value_frame(b"9" * 60_000),
        "60,000 decimals": value_frame(b"0." + b"9" * 60_000),
        "a lone surrogate": value_frame(b'"\\ud800"'),
        "invalid UTF-8": value_frame(b'"\xff"'),
        "an overlong NUL": value_frame(b'"\xc0\x80"'),
        "a byte order mark": b"\xef\xbb\xbf" + EMPTY,
        "a negative index": value_frame(b'{"type":"TensorNode","index":-1}'),
        "a fractional index": value_frame(b'{"type":"TensorNode","index":0.0}'),
        "a huge index": value_frame(b'{"type":"TensorNode","index":4294967296}'),
        "a float spelled otherwise": value_frame(b'{"type":"FloatNode","value":"-nan"}'),
        "a dict's key that is no string": value_frame(b'{"type":"DictNode","items":[[1,2]]}'),
        "a pair of three": value_frame(b'{"type":"DictNode","items":[["a",2,3]]}'),
        "brackets without end": b"[" * 500_000,
        "lists without end": b'{"type":"Value","items":[' + b'{"type":"ListNode","items":[' * 30_000,
        "closed deep lists": value_frame(b'{"type":"ListNode","items":[' * 5_000 + b"]}" * 5_000),
    }.items(),
    ids=lambda item: item[0],
)
def test_headers_that_no_encoder_writes_are_refused(header):
    assert judge(header[1], b"") == "refused"


TWO = {"0": entry(end=4), "1": entry(begin=4, end=8)}
HUGE = 2**31


@pytest.mark.parametrize(
    "blob",
    {
        "one byte": b"\0",
        "no header": b"\0" * 8,
        "a header longer than the blob": (100).to_bytes(8, "little") + b"{}",
        "a header of 2**63 bytes": (2**63).to_bytes(8, "little") + b"{}",
        "a list": blob_of([]),
        "no JSON": blob_of(b"{"),
        "a name twice": blob_of(
            b'{"0":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"0":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
            b"\0",
        ),
        "metadata": blob_of({"__metadata__": {"a": "b"}, "0": entry()}, b"\0" * 4),
        "another name": blob_of({"a": entry()}, b"\0" * 4),
        "a number missing": blob_of({"1": entry()}, b"\0" * 4),
        "a key unknown": blob_of({"0": {**entry(), "more": 1}}, b"\0" * 4),
        "a key missing": blob_of({"0": {"dtype": "F32", "shape": [1]}}, b"\0" * 4),
        "another dtype": blob_of({"0": entry("C64", (1,), 0, 8)}, b"\0" * 8),
        "a float8": blob_of({"0": entry("F8_E4M3", (4,))}, b"\0" * 4),
        "a negative dimension": blob_of({"0": entry(shape=(-1,))}, b"\0" * 4),
        "two negative dimensions": blob_of({"0": entry(shape=(-1, -1))}, b"\0" * 4),
        "a fractional dimension": blob_of({"0": entry(shape=(1.0,))}, b"\0" * 4),
        "a bool dimension": blob_of({"0": entry(shape=(True,))}, b"\0" * 4),
        "a huge rank": blob_of({"0": entry(shape=(1,) * 7)}, b"\0" * 4),
        "a rank of 10,000": blob_of({"0": entry(shape=(1,) * 10_000)}, b"\0" * 4),
        "empty and 2**62": blob_of({"0": entry(shape=(0, 2**62), end=0)}),
        "empty and huge at the end": blob_of({"0": entry(shape=(0, HUGE, HUGE, HUGE), end=0)}),
        "empty and huge in front": blob_of({"0": entry(shape=(HUGE, HUGE, HUGE, 0), end=0)}),
        "a product that wraps to the size": blob_of({"0": entry("U8", (2**31, 2**31, 4), 0, 0)}),
        "fewer bytes": blob_of({"0": entry()}, b"\0" * 3),
        "more bytes": blob_of({"0": entry()}, b"\0" * 5),
        "another byte count": blob_of({"0": entry(end=8)}, b"\0" * 8),
        "an end before the begin": blob_of({"0": entry(begin=4, end=0)}, b"\0" * 4),
        "an overlap": blob_of({"0": entry(), "1": entry(begin=2, end=6)}, b"\0" * 6),
        "the same bytes twice": blob_of({"0": entry(), "1": entry()}, b"\0" * 4),
        "a gap": blob_of({"0": entry(), "1": entry(begin=5, end=9)}, b"\0" * 9),
        "an offset in front": blob_of({"0": entry(begin=1, end=5)}, b"\0" * 5),
        "a bool of 2": blob_of({"0": entry("BOOL", (2,), 0, 2)}, b"\1\2"),
        "a bool of 255": blob_of({"0": entry("BOOL", (2,), 0, 2)}, b"\0\xff"),
        "65 tensors": blob_of({str(i): entry("U8", (1,), i, i + 1) for i in range(65)}, b"\0" * 65),
        "a dimension of 60,000 digits": blob_of(
            b'{"0":{"dtype":"U8","shape":[' + b"9" * 60_000 + b'],"data_offsets":[0,0]}}'
        ),
        "NaN as an offset": blob_of(b'{"0":{"dtype":"U8","shape":[0],"data_offsets":[NaN,0]}}'),
        "spaces in the header": blob_of(b'{"0": {"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    }.items(),
    ids=lambda item: item[0],
)
def test_blobs_that_lie_are_refused(blob):
    with pytest.raises(WireError):
        wire.decode(EMPTY, blob[1], messages.Answer)


@pytest.mark.parametrize("byte", range(2, 256, 23))
def test_every_bool_byte_but_0_and_1_is_refused(byte):
    with pytest.raises(WireError):
        wire.decode(EMPTY, blob_of({"0": entry("BOOL", (1,), 0, 1)}, bytes([byte])), messages.Answer)


def test_blobs_that_tell_the_truth_are_read():
    """The refusals above are not for some other reason."""
    _, received = wire.decode(EMPTY, blob_of(TWO, struct.pack("<ff", 1.5, -2)), messages.Answer)
    assert [t.tolist() for t in received] == [[1.5], [-2.0]]
    _, received = wire.decode(EMPTY, blob_of({"0": entry("BOOL", (2,), 0, 2)}, b"\0\1"), messages.Answer)
    assert received[0].tolist() == [False, True]
    _, received = wire.decode(EMPTY, blob_of({"0": entry(shape=(3, 0), end=0)}), messages.Answer)
    assert received[0].shape == (3, 0)


def nested(depth: int, node=None):
    for _ in range(depth):
        node = ListNode([node])
    return node


@pytest.mark.parametrize(
    "node",
    {
        "a tensor that was not sent": TensorNode(1),
        "a key twice": DictNode([("a", 1), ("a", 2)]),
        "a level too deep": nested(wire.DEPTH + 1),
        "levels of all kinds": TupleNode([DictNode([("a", nested(wire.DEPTH - 1))])]),
        "a node too many": ListNode([None] * wire.NODES_CAP),
        "too many in parts": ListNode([ListNode([None] * 999)] * 11),
    }.items(),
    ids=lambda item: item[0],
)
def test_trees_that_break_a_cap_are_refused(node):
    with pytest.raises(WireError):
        wire.unpack(node[1], [torch.ones(1)])


def test_trees_at_the_caps_are_read():
    assert wire.unpack(nested(wire.DEPTH), []) == [[[[None]]]]
    assert len(wire.unpack(ListNode([None] * (wire.NODES_CAP - 1)), [])) == wire.NODES_CAP - 1
    assert math.isnan(wire.unpack(FloatNode("nan"), []))
    assert wire.unpack(OpaqueNode("set"), [], lambda name: f"<{name}>") == "<set>"


@pytest.mark.parametrize("kind", KINDS)
def test_each_side_understands_the_other_alone(kind):
    """A worker's answer is no request, and a request no answer."""
    other = messages.Ready(None) if kind is messages.Request else messages.Seed(1)
    with pytest.raises(WireError):
        wire.decode(msgspec.json.encode(other), b"", kind)
