"""R1: sends a frame of its own ahead of its answer, of any kind that there is."""

import os
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec

from grader.jail.shared import messages, wire

CASE = "Value"


def quick():
    return 7


def sample(kind):
    """Something of this type."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind(**{name: sample(of) for name, of in get_type_hints(kind, vars(messages)).items()})
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is not None or kind is dict:
        made = {list: list, dict: dict}.get(get_origin(kind))
        return made() if made else None
    return kind() if kind in (int, str, float, bool) else None


def attack():
    os.write(3, wire.encode(sample(getattr(messages, CASE)), []))
    return []
