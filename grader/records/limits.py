"""Resource limits of an attempt, and isolation levels."""

from typing import Literal

import msgspec

Level = Literal["full", "strong", "basic", "process", "none"]

LEVELS: tuple[Level, ...] = ("none", "process", "basic", "strong", "full")
"""Isolation levels, weakest first."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of one attempt. A course overrides the defaults in its `[tool.grade.limits]`."""

    seconds: float = 60.0
    """Wall-clock seconds for an attempt's checks without training."""
    top_level_seconds: float = 10.0
    """Wall-clock seconds shared by top-level statements that define nothing."""
    memory_mib: int = 2048
    files_mib: int = 64
    output_kib: int = 1024
