"""R2: floods the wire."""

import os

from grader.jail.shared import messages, wire

CASE = "no frame"


def quick():
    return 7


def without_end(data):
    while True:
        os.write(3, data)


def largest():
    header = b'{"type":"Value","items":[],"had_arrays":false}'
    os.write(3, wire.PREFIX.pack(wire.MAGIC, len(header), wire.BLOB_CAP) + header)
    without_end(bytes(1 << 20))


STEP = wire.encode(messages.Step(messages.Place("task.py", 1), "nothing"), [])
RAISED = wire.encode(messages.Raised("x" * 900_000, "", [], False), [])
WAYS = {
    "no frame": lambda: without_end(b"x" * (1 << 20)),
    "no line end": lambda: [os.write(3, b"[" * (1 << 20)) for _ in range(300)],
    "a header beyond the cap": lambda: without_end(wire.PREFIX.pack(wire.MAGIC, (1 << 32) - 1, 0)),
    "tensors beyond the cap": lambda: without_end(wire.PREFIX.pack(wire.MAGIC, 2, wire.BLOB_CAP + 1)),
    "all that the cap allows": largest,
    "small frames": lambda: without_end(STEP * 1000),
    "answers": lambda: without_end(RAISED),
}


def attack():
    WAYS[CASE]()
    return []
