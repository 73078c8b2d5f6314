"""The result of a learning check: its runs, the one that counts, and the verdict."""

from dataclasses import dataclass
from typing import Any

from grader.authoring.expectations import Judged, Unmet, expect
from grader.authoring.task import LearningTask
from grader.learning import diagnosis
from grader.learning.run import Run, in_words

ONE_LENGTH = "Nothing in the model may be made for one length."


@dataclass(frozen=True)
class Learned:
    """The runs of a learning check, and the one that counts."""

    task: LearningTask
    run: Run
    runs: list[Run]

    @property
    def share(self) -> float:
        """The median share of the runs."""
        return self.run.share

    def observed(self, name: str) -> Any:
        """The result of an observer for the model that counts. Raises what the observer raised."""
        seen = self.run.observations[name]
        if isinstance(seen, Exception):
            raise seen
        return seen

    def expect_generalises(self, steps: int, otherwise: str, *, more_than: float) -> None:
        """Fail the check unless the model copes with longer sequences than it was trained on.

        Args:
            steps: time steps of the sequences it was trained on.
            otherwise: the rest of the reason, which begins "trained on 50 steps, ".
            more_than: the result of the observer "longer" must exceed this.

        Raises `Unmet`, and what the observer raised.
        """
        expect(self.observed("longer") > more_than, f"trained on {steps} steps, {otherwise}", ONE_LENGTH)

    def judge(self, hint: str | None = None) -> Judged:
        """The verdict. Its reason is the measured result; its hint is the measured cause, else `hint`, else that the
        training was still improving.

        Raises `Unmet` where nothing was learned.
        """
        reason = diagnosis.summary(self.task, self.run)
        if len(self.runs) > 1:
            others = ", ".join(in_words(run.score) for run in self.runs)
            reason += f" Three seeds ended at {others}; the median counts."
        if self.share >= 1:
            return Judged(1.0, reason)
        cause = diagnosis.measured_cause(self.task, self.run)
        found = cause or hint or diagnosis.still_improving(self.task, self.run)
        if self.share <= 0:
            raise Unmet(reason, found)
        return Judged(self.share, reason, found, is_certain=cause is not None)
