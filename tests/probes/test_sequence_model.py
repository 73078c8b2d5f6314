"""The checks that sequence models share: how they are declared, and that each fails where its promise is broken."""

import pytest
import torch

from grader import Exercise, StudentRaised, Unmet
from grader.probes import sequence_model

LAST = "self.layer(self.rnn(x)[0][:, -1])"
POINTS = {"shapes": 0.5, "recurrence": 0.5, "any_value": 0.5, "gradients": 1, "repeatable": 0.5}


def draw(count, generator, steps):
    x = torch.randn(count, steps, 2, generator=generator)
    return (x,), x[:, 0, :1]


def declared(points=POINTS, **options):
    exercise = Exercise("task", title="A task", statement="", names=("Model",))
    return exercise, sequence_model(exercise, "Model", (), draw, points=points, **options)


def test_they_are_declared_in_order_with_points_needs_and_promises():
    exercise, checks = declared()
    assert [(check.id, check.points, check.needs) for check in exercise.checks] == [
        ("shapes", 0.5, ()),
        ("recurrence", 0.5, ("shapes",)),
        ("any_value", 0.5, ("recurrence",)),
        ("gradients", 1, ("recurrence",)),
        ("repeatable", 0.5, ("gradients",)),
    ]
    assert [check.run for check in exercise.checks] == list(checks.values())
    assert list(checks) == list(POINTS)
    promise = "Model gives one answer for each sequence, whatever the batch size and length."
    assert exercise.checks[0].promise == promise


def test_only_those_asked_for_are_and_needs_pass_over_the_others():
    exercise, checks = declared({"repeatable": 1, "shapes": 2})
    assert [(check.id, check.points, check.needs) for check in exercise.checks] == [
        ("shapes", 2, ()),
        ("repeatable", 1, ("shapes",)),
    ]
    assert set(checks) == {"shapes", "repeatable"}


def test_promises_are_in_the_words_of_the_exercise_and_checks_may_be_its_own():
    def any_sum(student):
        """Sums go up to 2."""

    exercise, checks = declared(promises={"gradients": "To the first."}, own={"any_value": any_sum})
    assert [check.id for check in exercise.checks] == ["shapes", "recurrence", "any_sum", "gradients", "repeatable"]
    assert [check.promise for check in exercise.checks[2:4]] == ["Sums go up to 2.", "To the first."]
    assert exercise.checks[2].needs == ("recurrence",)
    assert checks["any_value"] is any_sum


def test_what_a_check_is_about_is_passed_on():
    exercise, _ = declared(about={"gradients": "idea", "shapes": "form"})
    assert [check.about for check in exercise.checks] == ["form", None, None, "idea", None]


@pytest.mark.parametrize("where", ["points", "promises", "own", "about"])
def test_a_check_that_is_not_shared_is_refused(where):
    with pytest.raises(ValueError, match=r"task: a sequence model has no check 'gradient'; there are shapes, rec"):
        declared(**{where: {"gradient": 1}})


def test_a_model_that_keeps_them_all_passes(student):
    _, checks = declared()
    seen = student(LAST)
    for check in checks.values():
        check(seen)


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        ("shapes", "self.layer(self.rnn(x)[0])", r"the answer to x of shape \(4, 50, 2\) has shape \(4, 50, 1\)"),
        ("shapes", f"({LAST})[:4]", r"the answer to x of shape \(5, 120, 2\)"),
        ("recurrence", "self.wide(x.sum(1))", "nothing is carried"),
        ("any_value", f"torch.tanh({LAST})", "stays between -1 and 1"),
        ("gradients", "self.layer(self.rnn(x[:, -20:])[0][:, -1])", "reaches 10 of 30 steps"),
        ("repeatable", f"{LAST} + torch.rand(1)", "asked twice"),
    ],
)
def test_each_fails_where_its_promise_is_broken(student, check, answer, words):
    _, checks = declared()
    with pytest.raises(Unmet, match=words):
        checks[check](student(answer))


def test_shapes_are_asked_at_all_lengths_from_one_on(student):
    _, checks = declared()
    for length in (1, 7, 50, 120):
        refuses = f"if x.shape[1] == {length}: raise ValueError('of all lengths, this one')\nreturn {LAST}"
        with pytest.raises(StudentRaised):
            checks["shapes"](student(refuses))


def test_the_usual_length_is_the_exercise_s(student):
    _, checks = declared(steps=33)
    with pytest.raises(Unmet, match=r"x of shape \(4, 33, 2\)"):
        checks["shapes"](student("None"))
