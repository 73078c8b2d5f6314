"""What an attempt may still spend, and what is charged to which share of it."""

import contextlib
import time
from collections.abc import Iterator
from typing import Literal

from grader.records.limits import Limits

SLOW_SECONDS = 1.0
"""A top-level statement that takes longer is slow: an assignment shares the time of the scripts, and a script that came
to its end is not run again in a later worker."""
_RELOADS = 30

StatementKind = Literal["definition", "assignment", "nothing"]
"""What a top-level statement defines; one that defines nothing is part of a script."""


class Budget:
    """The seconds for all checks, those for top-level statements, and the loads after a cut.

    Every second of a worker is charged, but those of a training, which has a deadline of its own. Moments are those of
    `time.monotonic`.
    """

    def __init__(self, limits: Limits):
        self._seconds = limits.seconds
        self._left = limits.seconds
        self._top_level_left = limits.top_level_seconds
        self._reloads_left = _RELOADS

    @property
    def spent(self) -> float:
        """How many of the seconds for all checks were spent."""
        return self._seconds - self._left

    @property
    def is_spent(self) -> bool:
        """Whether no time is left for a check."""
        return self._left <= 0

    @property
    def is_top_level_spent(self) -> bool:
        """Whether no time is left for top-level statements that define nothing."""
        return self._top_level_left <= 0

    @property
    def reason(self) -> str:
        """Why something is stopped once the time is spent."""
        return f"the {self._seconds:g} s for all checks were spent"

    def deadline(self, since: float, kind: StatementKind = "definition") -> float:
        """When something that began at `since` has to be done: a check, or a top-level statement of this kind."""
        if kind == "definition":
            return since + self._left
        return since + min(max(self._top_level_left, SLOW_SECONDS), self._left)

    def charge(self, seconds: float, kind: StatementKind = "definition") -> None:
        """Charge what ran to the share it belongs to; the time for all checks pays what no other share does."""
        is_shared = kind == "nothing" or (kind == "assignment" and seconds > SLOW_SECONDS)
        if is_shared and self._top_level_left > 0:
            self._top_level_left -= seconds
        else:
            self._left -= seconds

    @contextlib.contextmanager
    def charging(self) -> Iterator[float]:
        """Charge what runs inside to the time for all checks; gives its deadline."""
        started = time.monotonic()
        try:
            yield self.deadline(started)
        finally:
            self.charge(time.monotonic() - started)

    def exhaust(self) -> None:
        """Take what is left: the attempt ran into its deadline."""
        self._left = 0.0

    def reload(self) -> bool:
        """Take one of the loads after a cut; whether there was one left, and there is time for it."""
        self._reloads_left -= 1
        return self._reloads_left >= 0 and not self.is_spent
