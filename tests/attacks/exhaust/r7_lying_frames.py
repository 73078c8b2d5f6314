"""R7: sends frames that say something else than they hold, and spellings that two readers may read in two ways."""

import json
import os

from grader.jail.shared import wire


def quick():
    return 7


def attack():
    return []


def send(header, blob=b""):
    header = header if isinstance(header, bytes) else header.encode()
    os.write(3, wire.PREFIX.pack(wire.MAGIC, len(header), len(blob)) + header + blob)


def tensor(text=None, data=bytes(8), **lies):
    """A value with one tensor, whose own header says this."""
    true = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    text = (text or json.dumps({"0": {**true, **lies}}, separators=(",", ":"))).encode()
    blob = len(text).to_bytes(8, "little") + text + data
    send('{"type":"Value","items":[{"type":"TensorNode","index":0}],"had_arrays":false}', blob)


def value(item):
    send(b'{"type":"Value","items":[' + item + b'],"had_arrays":false}')


tensor(shape=[-2])
tensor(shape=[2**32, 2**32])
tensor(shape=[2**63, 2])
tensor(shape=[True, 2])
tensor(shape=[2.0])
tensor(shape=[0, 2**31, 2**31], data_offsets=[0, 0], data=b"")
tensor(shape=[3])
tensor(shape=[1] * 60 + [2])
tensor(dtype="O")
tensor(dtype="C64")
tensor(dtype="BOOL", shape=[8], data=bytes(range(8)))
tensor(data_offsets=[4, 12])
tensor(data_offsets=[8, 0])
tensor(data=bytes(80))
tensor(extra=1)
tensor('{"0":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,8]}}')
tensor('{"__metadata__":{"a":"b"},"0":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}')
send('{"type":"Value","items":[],"had_arrays":false}', b"\xff" * 8)
send('{"type":"Value","items":[],"had_arrays":false,"score":100}')
send('{"type":"Value","items":[],"items":[],"had_arrays":false}')
send('{"type":"Value","items":[],"had_arrays":0}')
value(b"NaN")
value(b"[" * 60_000 + b"]" * 60_000)
value(b'{"type":"ListNode","items":[' * 20_000 + b"]}" * 20_000)
value(b"9" * 60_000)
value(b"1e999")
value(b'"\\ud800"')
value(b'"\xed\xa0\x80"')
