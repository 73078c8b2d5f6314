"""What a worker is locked with, and where it finds things in a root of its own."""

from typing import NamedTuple

SPOOL, SUBMISSION, SCRATCH, CANARY = "/spool", "/submission", "/scratch", "/canary"


class Layers(NamedTuple):
    """What every worker of this zygote will be locked with."""

    namespaces: bool
    landlock_abi: int
    rules: list[tuple[int, int]]
    has_filter: bool
    uid: int | None
    keep_capabilities: list[int]
    data_bytes: int
    """Private writable memory that a worker inherits."""
    device: str | None
    """Where tensors live, with the rules that a GPU needs; None: on the CPU, with all rules."""
    address_bytes: int = 0
    """Addresses that a worker inherits."""
