"""R12: names statements so long that the request to leave them out is larger than a frame may be."""

import os
import time

from grader.jail.shared import messages, wire


def quick():
    return 8


def attack():
    return []


def die():
    place = messages.Place(f"{time.time_ns()}{'x' * 600_000}", 1)
    os.write(3, wire.encode(messages.Step(place, "nothing"), []))
    os._exit(0)


die()
