"""Send one check's requests to its attempt's worker, and validate the answers.

An answer is data and proves nothing else; an invalid one ends the worker.
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
    """One check's connection to the worker. It seeds the worker before the first request, and after `reseed`."""

    def __init__(self, attempt: Attempt, seed: int):
        self._attempt = attempt
        self._seed: int | None = seed

    def reseed(self, seed: int) -> None:
        """Seed the worker with this before the next request."""
        self._seed = seed

    @staticmethod
    def pack(
        values: Iterable[Any], sent: Sequence[torch.Tensor] = ()
    ) -> tuple[list[messages.Node], list[torch.Tensor]]:
        """Convert values to nodes of a request; return them with its tensors: those in `sent`, then theirs.

        Raises `wire.WireError` for a value that cannot be sent.
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
        """Send a request to the worker and require an answer of type `kind`.

        Args:
            doing: what the request does, phrased for the student.
            deadline: of `time.monotonic`, for a request that is not charged to the attempt's time.

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
            raise self.distrust("its answer does not match the request")
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
        """Send a request that is answered with `count` values, and return them. Raises what `ask` raises."""
        answer, received = self.ask(request, tensors, messages.Value, doing, deadline)
        return self.unpack(answer, received, count)

    def value(
        self, request: msgspec.Struct, tensors: list[torch.Tensor], doing: str, *, deadline: float | None = None
    ) -> Any:
        """Send a request that is answered with one value, and return it. Raises what `ask` raises."""
        return self.values(request, tensors, doing, count=1, deadline=deadline)[0]

    def unpack(self, answer: messages.Value, received: list[torch.Tensor], count: int) -> list[Any]:
        """The `count` values in an answer. Raises `WorkerEnded` where there are more or fewer, or they are invalid."""
        if len(answer.items) != count:
            raise self.distrust("it returned the wrong number of values")
        try:
            return [wire.unpack(item, received, _opaque) for item in answer.items]
        except wire.WireError as error:
            raise self.distrust(str(error)) from None

    def distrust(self, detail: str) -> WorkerEnded:
        """End a worker whose answer is invalid; return the exception to raise."""
        return self._attempt.protocol_violation(detail)


def _opaque(type_name: str) -> Opaque:
    return Opaque(sanitize(type_name, 100))
