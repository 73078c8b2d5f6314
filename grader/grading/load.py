"""Load a student's module in a worker, statement by statement; if one ends the worker, load without it in another.

A module may hang, crash or misbehave at any statement and still define what the exercise asks for.
"""

import difflib
import time
from dataclasses import dataclass

from grader.authoring.exercise import Exercise
from grader.grading.budget import SLOW_SECONDS, Budget
from grader.grading.errors import NameNotFound, NotLoaded
from grader.jail.handle import EndKind, Worker, WorkerEnded
from grader.jail.shared import messages
from grader.records.sanitize import sanitize

_SHOWN_FAILURES = 5
_WHY_CUT: dict[EndKind, str] = {
    "timeout": "it did not finish in time",
    "memory": "it used too much memory",
    "protocol": "it wrote to the grader's internal channel",
    "crashed": "it ended the process",
}


class Retry(Exception):
    """A top-level statement had to be cut: load again, in another worker, without it."""

    def __init__(self, end: WorkerEnded, *, lost_definition: bool):
        super().__init__(str(end))
        self.end = end
        self.lost_definition = lost_definition


@dataclass
class _Run:
    """The state of the current load."""

    since: float
    """The time up to which everything was charged."""
    step: messages.Step | None = None
    scripts: int = 0
    """The number of scripts (statements that define nothing) that finished quickly."""


class Loader:
    """Loads one attempt's module, and keeps track of what it defines and what to skip in the next load."""

    loaded: messages.Loaded | None
    """The report of the last complete load."""
    _cut: dict[messages.Place, str]
    """The statements that ended a worker, with the reason, phrased for the student."""
    _ran_once: set[messages.Place]
    """The slow scripts that finished: they are not run again."""
    _scripts: int | None
    """How many quick scripts to run, after the time for them was used up; None for all."""

    def __init__(self, exercise: Exercise, budget: Budget):
        self.loaded = None
        self._exercise, self._budget = exercise, budget
        self._cut, self._ran_once, self._scripts = {}, set(), None
        self._run = _Run(0.0)

    def load(self, worker: Worker) -> None:
        """Run the module's statements once, charging each to its part of the budget.

        Raises `Retry` where one of them had to be cut, `WorkerEnded` where loading again cannot help, `NotLoaded`.
        """
        self._run = _Run(time.monotonic())
        skip = [*self._cut, *self._ran_once]
        request = messages.Load(self._exercise.id, list(self._exercise.names), skip, self._scripts)
        deadline = self._budget.deadline(self._run.since)
        try:
            loaded, _ = worker.ask(request, deadline=deadline, on_step=self._begin)
        except WorkerEnded as end:
            raise self._after(end) from None
        self._charge()
        if isinstance(loaded, messages.Raised):
            raise NotLoaded("error", sanitize(f"loading it raised {loaded.type_name}: {loaded.message}").rstrip(": "))
        if not isinstance(loaded, messages.Loaded):
            raise WorkerEnded("protocol", "its answer does not match the request")
        self.loaded = loaded

    def require_any(self) -> None:
        """Raise `NotLoaded` unless the module could be read and defines one of the exercise's names."""
        loaded = self.loaded
        assert loaded is not None
        if loaded.error is not None:
            raise NotLoaded("error", sanitize(loaded.error))
        if not loaded.found:
            failed = [self._failure_of(name) for name in self._exercise.names]
            if any(failed):
                raise NotLoaded("error", next(text for text in failed if text))
            raise NotLoaded("missing", self._missing(self._exercise.names[0]))

    def require(self, name: str) -> None:
        """Raise `NameNotFound` unless the module defines `name`."""
        if self.loaded is None or name not in self.loaded.found:
            raise NameNotFound(self._failure_of(name) or self._missing(name))

    def failures(self) -> list[messages.Failure]:
        """The top-level statements that raised or were cut."""
        loaded = self.loaded
        return [] if loaded is None else [f for f in loaded.failures if f.place not in self._ran_once]

    def reading_notes(self) -> list[str]:
        """Notes for the student on how the files were read."""
        # a forged answer may hold any number of notes
        return [] if self.loaded is None else [sanitize(note) for note in self.loaded.notes[:_SHOWN_FAILURES]]

    def failure_notes(self) -> list[str]:
        """Notes for the student on what was left out, and why."""
        notes, failures = [], self.failures()
        for failure in failures[:_SHOWN_FAILURES]:
            reason = self._cut.get(failure.place) or sanitize(failure.error, 300)
            notes.append(f"`{sanitize(failure.place.file)}`, line {failure.place.line}, was left out: {reason}")
        if len(failures) > _SHOWN_FAILURES:
            notes.append(f"{len(failures) - _SHOWN_FAILURES} more statements were left out")
        return notes

    def _begin(self, step: messages.Step, _: float) -> float:
        """A statement begins, so the previous one has finished; return the new deadline."""
        self._charge()
        self._run.step = step
        since = self._run.since
        if step.defines == "nothing" and self._scripts is None and self._budget.is_top_level_spent:
            return since  # no time is left for scripts: end the worker here, and load without this one and later ones
        return self._budget.deadline(since, step.defines)

    def _charge(self) -> None:
        run, now = self._run, time.monotonic()
        seconds, run.since = now - run.since, now
        step = run.step
        self._budget.charge(seconds, "definition" if step is None else step.defines)
        if step is None or step.defines != "nothing":
            return
        if seconds > SLOW_SECONDS:
            self._ran_once.add(step.place)
        else:
            run.scripts += 1

    def _after(self, end: WorkerEnded) -> Retry | WorkerEnded:
        """Skip the running statement in the next load, or give up; return the exception to raise."""
        step, scripts = self._run.step, self._run.scripts
        self._charge()
        is_hopeless = not self._budget.reload()
        is_definition = step is not None and step.defines == "definition"
        if step is not None and is_definition:
            end.doing = f"line {step.place.line} of `{sanitize(step.place.file, 100)}`"
            is_hopeless |= end.kind == "timeout"
        if end.kind == "timeout" and self._budget.is_spent:
            end.detail = self._budget.reason
        if is_hopeless or step is None:
            return end
        self._ran_once.discard(step.place)  # slow, but it did not finish
        if step.defines == "nothing" and end.kind == "timeout":
            self._scripts = scripts  # the time for scripts is used up: skip all later ones, too
        self._cut[step.place] = _WHY_CUT[end.kind]
        return Retry(end, lost_definition=is_definition)

    def _failure_of(self, name: str) -> str | None:
        """The reason why a name is not defined, if the statement that should have defined it failed; else None."""
        for failure in self.failures():
            if name in failure.defines:
                reason = self._cut.get(failure.place) or sanitize(failure.error, 500)
                where = f"{sanitize(failure.place.file)}, line {failure.place.line}"
                return f"`{name}` could not be defined: {where}: {reason}"
        return None

    def _missing(self, name: str) -> str:
        """A message with the expected name, and the most similar one that was found."""
        loaded = self.loaded
        assert loaded is not None
        by_folded = {other.name.casefold().replace("_", ""): other for other in loaded.others}
        near = difflib.get_close_matches(name.casefold().replace("_", ""), list(by_folded), 1, 0.6)
        if near:
            other = by_folded[near[0]]
            return f"found `{sanitize(other.name)}` in `{sanitize(other.file)}`, expected `{name}`"
        return f"`{sanitize(loaded.file)}` does not define `{name}`" if loaded.file else f"no file defines `{name}`"
