"""What a trained model does with sequences longer than those it was trained on."""

from collections.abc import Callable
from typing import Any

from grader.authoring.expectations import expect
from grader.learning.learned import Learned

ONE_LENGTH = "Nothing in the model may be made for one length."


def expect_generalises(learned: Learned, steps: int, works: Callable[[Any], bool], otherwise: str) -> None:
    """Fail the check unless what was seen of longer sequences satisfies `works`.

    Args:
        learned: whose observer "longer" looked at them. What it raised is raised.
        steps: time steps of the sequences it was trained on.
        works: what the observer saw -> whether it will do.
        otherwise: the rest of the reason, which begins "trained on 50 steps, ".
    """
    expect(works(learned.observed("longer")), f"trained on {steps} steps, {otherwise}", ONE_LENGTH)
