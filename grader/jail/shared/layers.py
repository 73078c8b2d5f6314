"""The layers of the jail, and the paths in a worker's own root."""

from typing import NamedTuple

SPOOL, SUBMISSION, SCRATCH, CANARY = "/spool", "/submission", "/scratch", "/canary"


class Layers(NamedTuple):
    """The layers that every worker of a zygote is locked with."""

    namespaces: bool
    landlock_abi: int
    rules: list[tuple[int, int]]
    has_filter: bool
    uid: int | None
    keep_capabilities: list[int]
    data_bytes: int
    """Private writable memory that a worker inherits from the zygote."""
    device: str | None
    """The GPU device, whose driver needs weaker rules; None for the CPU, where all rules apply."""
    address_bytes: int = 0
    """Address space that a worker inherits from the zygote."""
