"""Requests of one check to its attempt's worker: values go out packed, and come back as what was asked or not at all.

What comes back is a claim about nothing but itself: an answer that makes no sense ends the worker.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import torch

from grader.authoring.expectations import Opaque
from grader.grading.attempt import Attempt
from grader.grading.errors import StudentRaised
from grader.jail.handle import WorkerEnded
from grader.jail.shared import messages, wire
from grader.records.sanitize import sanitize

AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)


class Channel:
    """One check's way to the worker. The worker is seeded before the first request, and after `reseed`."""

    def __init__(self, attempt: Attempt, seed: int):
        self._attempt = attempt
        self._seed: int | None = seed

    def reseed(self, seed: int) -> None:
        """Let the next request meet a worker seeded with this."""
        self._seed = seed

    @staticmethod
    def pack(
        values: Iterable[Any], sent: Sequence[torch.Tensor] = ()
    ) -> tuple[list[messages.Node], list[torch.Tensor]]:
        """Values as nodes of a request, and the tensors that go with it: those `sent` already, then theirs.

        Raises `wire.WireError` for what cannot be sent.
        """
        tensors = list(sent)
        return [wire.pack(value, tensors) for value in values], tensors

    def ask(
        self,
        request: msgspec.Struct,
        tensors: list[torch.Tensor],
        kind: type[AnswerT],
        doing: str,
        deadline: float | None = None,
    ) -> tuple[AnswerT, list[torch.Tensor]]:
        """Put a request to the worker and insist on the kind of its answer.

        Args:
            doing: what is asked of it, in a student's words.
            deadline: of `time.monotonic`, for what is not charged to the attempt's time.

        Raises `StudentRaised`, `WorkerEnded`, `TimeSpent`, `NotLoaded`.
        """
        if self._seed is not None:
            seed, self._seed = self._seed, None
            self._attempt.ask(messages.Seed(seed))
        try:
            answer, received = self._attempt.ask(request, tensors, deadline=deadline)
        except WorkerEnded as end:
            end.doing = doing
            raise
        if isinstance(answer, messages.Raised):
            self._attempt.out_of_memory |= answer.out_of_memory
            raise StudentRaised(answer, doing)
        if not isinstance(answer, kind):
            raise self.distrust("it answered something else than was asked")
        return answer, received

    def values(
        self,
        request: msgspec.Struct,
        tensors: list[torch.Tensor],
        doing: str,
        *,
        count: int,
        deadline: float | None = None,
    ) -> list[Any]:
        """The `count` things that such a request is answered with. Raises what `ask` raises."""
        answer, received = self.ask(request, tensors, messages.Value, doing, deadline)
        return self.unpack(answer, received, count)

    def value(
        self, request: msgspec.Struct, tensors: list[torch.Tensor], doing: str, *, deadline: float | None = None
    ) -> Any:
        """The one thing that such a request is answered with. Raises what `ask` raises."""
        return self.values(request, tensors, doing, count=1, deadline=deadline)[0]

    def unpack(self, answer: messages.Value, received: list[torch.Tensor], count: int) -> list[Any]:
        """The `count` things in an answer. Raises `WorkerEnded` where it holds others."""
        if len(answer.items) != count:
            raise self.distrust("it answered with more or fewer things than were asked")
        try:
            return [wire.unpack(item, received, _opaque) for item in answer.items]
        except wire.WireError as error:
            raise self.distrust(str(error)) from None

    def distrust(self, detail: str) -> WorkerEnded:
        """End a worker whose answer makes no sense; the exception to raise."""
        return self._attempt.break_off(detail)


def _opaque(type_name: str) -> Opaque:
    return Opaque(sanitize(type_name, 100))
