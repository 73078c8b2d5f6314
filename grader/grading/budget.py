"""The time budget of an attempt: how much is left, and what is charged to which part of it."""

import contextlib
import time
from collections.abc import Iterator
from typing import Literal

from grader.records.limits import Limits

SLOW_SECONDS = 1.0
"""A top-level statement that takes longer is slow. A slow assignment is charged to the time for scripts, and a slow
script that finished is not run again in a later worker: it defines nothing, and would be paid for several times."""
_RELOADS = 30

StatementKind = Literal["definition", "assignment", "nothing"]
"""What a top-level statement defines; one that defines nothing is called a script."""


class Budget:
    """The seconds for all checks, the seconds for top-level scripts, and the number of reloads.

    Every second of a worker is charged, except in trainings, which have their own deadlines. Times are those of
    `time.monotonic`.
    """

    def __init__(self, limits: Limits):
        self._seconds = limits.seconds
        self._left = limits.seconds
        self._top_level_left = limits.top_level_seconds
        self._reloads_left = _RELOADS

    @property
    def spent(self) -> float:
        """How many of the seconds for all checks were used."""
        return self._seconds - self._left

    @property
    def is_spent(self) -> bool:
        """Whether no time is left for a check."""
        return self._left <= 0

    @property
    def is_top_level_spent(self) -> bool:
        """Whether no time is left for scripts."""
        return self._top_level_left <= 0

    @property
    def reason(self) -> str:
        """The reason to report for what is stopped once the time is used up."""
        return f"the {self._seconds:g} s for all checks were spent"

    def deadline(self, since: float, kind: StatementKind = "definition") -> float:
        """The deadline of something that began at `since`: a check, or a top-level statement of this kind."""
        if kind == "definition":
            return since + self._left
        return since + min(max(self._top_level_left, SLOW_SECONDS), self._left)

    def charge(self, seconds: float, kind: StatementKind = "definition") -> None:
        """Charge seconds to the time for scripts where they belong there and some is left, else to that for checks."""
        is_shared = kind == "nothing" or (kind == "assignment" and seconds > SLOW_SECONDS)
        if is_shared and self._top_level_left > 0:
            self._top_level_left -= seconds
        else:
            self._left -= seconds

    @contextlib.contextmanager
    def charging(self) -> Iterator[float]:
        """Charge the block to the time for all checks; yields its deadline."""
        started = time.monotonic()
        try:
            yield self.deadline(started)
        finally:
            self.charge(time.monotonic() - started)

    def exhaust(self) -> None:
        """Set the time left to zero: the attempt ran into its deadline."""
        self._left = 0.0

    def reload(self) -> bool:
        """Use up one reload; return whether one was left, and there is time for it."""
        self._reloads_left -= 1
        return self._reloads_left >= 0 and not self.is_spent
