"""What a report shows of wrong layers and of memory that was not learned: measured, and in accord with its words."""

from pathlib import Path

import pytest

from grader.course.loading import effective_limits
from grader.grading.grading import grade_exercise
from grader.grading.listener import Listener
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shown(zygote, course, isolation):
    """The figures that grading a solution leaves for its report."""

    def run(name, exercise="my_rnn"):
        (picked,) = course.pick((exercise,))
        if picked.trains:
            zygote.prepare_training()
        figures = []
        listener = Listener(figure=lambda _, figure: figures.append(figure))
        staged = stage(ROOT / "solutions" / name, zygote, Limits())
        try:
            limits = effective_limits(course.settings, picked)
            graded = grade_exercise(staged, picked, limits, zygote, seed=1, listener=listener)
        finally:
            unstage(staged, zygote)
        assert graded.status == "graded"
        return figures

    return run


def test_a_right_layer_leaves_nothing_to_show(shown):
    assert shown("reference") == []


@pytest.mark.parametrize(
    ("mistake", "law"),
    [
        ("reversed-time", "time runs backwards: the last step is read first"),
        ("state-reset", "the state is not passed on: it is reset at every step"),
        ("no-tanh", "no nonlinearity where tanh belongs"),
        ("relu", "a ReLU where tanh belongs"),
        ("symmetric", None),
    ],
)
def test_outputs_stand_beside_the_reference_and_the_law_that_fits(shown, mistake, law):
    """The mark is at the first step that differs; a law that fits runs along what the layer gave."""
    figures = shown(f"my_rnn/{mistake}")
    if law is None:
        assert figures == []  # its outputs are right: what is wrong are its parameters
        return
    [figure] = figures
    ours, reference, fitting = figure.lines
    assert f"What fits your outputs: {law}." in figure.sentence
    assert fitting.y == pytest.approx(ours.y, abs=1e-3)
    off = [x for x, y, right in zip(ours.x, ours.y, reference.y, strict=True) if abs(y - right) > 1e-3]
    assert figure.marks[0].x == off[0]
    at = ours.x.index(off[0])
    assert f"unit {figure.title.split()[-1]} is {ours.y[at]:.3g}, " in figure.sentence
    assert f"gives {reference.y[at]:.3g}." in figure.sentence


def test_outputs_that_start_elsewhere_are_shown_from_the_start(shown):
    [figure] = shown("my_rnn/random-initial-state")
    assert figure.marks[0].x == 0
    assert [line.name for line in figure.lines] == ["your layer", "nn.RNN, same weights"]


def test_gradients_that_are_cut_stand_beside_those_of_the_reference(shown):
    """The same up to the cut, nothing before it."""
    [figure] = shown("my_rnn/truncated-gradient")
    ours, reference = figure.lines
    cut = ours.y.index(next(value for value in ours.y if value > 0))
    assert cut > 0
    assert ours.y[cut:] == pytest.approx(reference.y[cut:], rel=1e-3)
    assert all(value > 0 for value in reference.y)
    assert f"Yours is zero at step {cut - 1}, counted from 0" in figure.sentence


@pytest.mark.slow
def test_the_gradient_of_a_memory_that_was_not_learned_is_shown(shown):
    """With respect to each of the fifty steps; a model that learned has its curves alone."""
    title = "Gradient of the answer with respect to each input"
    [figure] = [figure for figure in shown("adding_problem/rate-too-low", "adding_problem") if figure.title == title]
    assert figure.lines[0].x == [float(step) for step in range(50)]
    assert all(value > 0 for value in figure.lines[0].y)
    titles = [figure.title for figure in shown("reference", "adding_problem")]
    assert titles == ["Learning curve", "Gradient norm"]
