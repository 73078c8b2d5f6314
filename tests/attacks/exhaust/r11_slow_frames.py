"""R11: begins a frame, and takes its time."""

import os
import time

from grader.jail.shared import wire

CASE = "silence"


def quick():
    return 7


def attack():
    os.write(3, wire.PREFIX.pack(wire.MAGIC, 1000, 0))
    while CASE == "silence":
        time.sleep(1)
    while True:
        os.write(3, b" ")
        time.sleep(0.01)
