"""The policy of learning checks, on a small exercise and real trainings in the jail: what counts, and what is said.

Some models here learn; others play: they count their training steps and answer in eval mode as a table says, so that
what the policy makes of a curve can be tested to the letter.
"""

import json
import math
import re
import textwrap
from dataclasses import dataclass, replace

import msgspec
import pytest
import torch

from grader import Exercise, LearningTask, StudentRaised, Unmet, expect, learn
from grader.course.calibration import Calibration, Row
from grader.grading.attempt import Attempt
from grader.grading.grading import grade
from grader.grading.listener import Listener
from grader.intake.staging import stage, unstage
from grader.learning.learned import Learned
from grader.learning.run import Run, Symptoms
from grader.records.figures import Band
from grader.records.grade import ExerciseGrade, to_json
from grader.records.limits import Limits

pytestmark = pytest.mark.slow

BUDGET, EVERY = 60, 20


def draw(count, generator):
    """Eight random numbers; the sum of the first and the last is asked for."""
    x = torch.rand(count, 8, 1, generator=generator)
    return (x,), x[:, 0] + x[:, -1]


def error(predictions, targets):
    return float(((predictions - targets) ** 2).mean())


TASK = LearningTask(
    model="Model",
    arguments=(4,),
    draw=draw,
    score=error,
    metric="mean squared error",
    best=0.01,
    half=0.03,
    zero=0.1,
    worst=0.1667,
    stop=0.005,
    steps=BUDGET,
    lr=0.05,
    batch_size=32,
    every=EVERY,
    held_out=500,
    seconds=30.0,
)

HEAD = """\
import os, sys, time
import torch
from torch import nn
"""
LEARNS = f"""{HEAD}
class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layer = nn.Linear(8, 1)

    def forward(self, x):
        return self.layer(x.flatten(1))
"""
UNLUCKY = f"""{HEAD}
class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.spoilt = float(torch.rand(1)) < 1 / 3
        self.layer = nn.Linear(8, 1)

    def forward(self, x):
        return self.layer(x.flatten(1) * (not self.spoilt))
"""


def recipe(source, text):
    """The same model with a recipe."""
    return source.replace("class Model(nn.Module):\n", f"class Model(nn.Module):\n    recipe = {text}\n", 1)


def plays(answer, *, training="nothing", init="pass", head=""):
    """A model that answers `answer` in eval mode after `n` training steps: `right`, or `nothing`, which it learns."""
    return f"""{HEAD}{head}
class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.level = nn.Parameter(torch.ones(50))
        self.steps = 0
        {init}

    def forward(self, x):
        right = x[:, 0] + x[:, -1]
        nothing = self.level.mean().expand(len(x), 1)
        self.steps += self.training
        is_trained = float(self.level.std()) < 0.1 and float(self.level[0]) != 1
        n = self.steps if is_trained else 0  # with other parameters, it knows nothing again
        if self.training:
{textwrap.indent(textwrap.dedent(training if "return" in training else f"return {training}"), " " * 12)}
        return {answer}
"""


@dataclass
class Seen:
    """A grading, and what its watcher was told."""

    exercise: ExerciseGrade
    text: str
    """The answer as JSON."""
    learned: Learned | None
    trainings: int
    """Counted by what was told of their first chunks."""
    told: list[str]
    figures: list
    faults: list[str]

    @property
    def check(self):
        return self.exercise.checks[1]

    @property
    def statuses(self) -> str:
        return " ".join(check.status for check in self.exercise.checks)


def exercise_of(task=TASK, observe=None, *, hint=None, found=None, **limits):
    """An exercise with a learning check between two others; `found` gets what was learned."""
    exercise = Exercise("task", title="A sum", statement="Add.", names=("Model",), limits=limits)

    @exercise.check(points=1)
    def builds(student):
        """It can be built."""
        student.build("Model", *task.arguments)

    @exercise.check(points=4, task=task)
    def learns(student):
        """It learns to add."""
        learned = learn(student, task, observe)
        if found is not None:
            found.append(learned)
        return learned.judge(hint)

    @exercise.check(points=1)
    def builds_again(student):
        """It can still be built."""
        student.build("Model", *task.arguments)

    return exercise


@pytest.fixture
def try_(submission, zygote, course, isolation):
    """Grade a source; the bundled course lends its settings."""
    zygote.prepare_training()

    def run(source, task=TASK, observe=None, *, seed=1, hint=None, calibration=None, **limits):
        found, told, figures, faults = [], [], [], []
        exercise = exercise_of(task, observe, hint=hint, found=found, **limits)
        listener = Listener(
            check=lambda _, words: told.append(words or ""),
            internal_error=faults.append,
            figure=lambda _, figure: figures.append(figure),
        )
        known = (
            {} if calibration is None else dict.fromkeys([(exercise.id, c.id) for c in exercise.checks], calibration)
        )
        staged = stage(submission({"task.py": source}), zygote, Limits())
        try:
            result = grade(
                staged,
                [exercise],
                course,
                zygote,
                level=isolation.level,
                seed=seed,
                listener=listener,
                calibrations=known,
            )
        finally:
            unstage(staged, zygote)
        learned = found[0] if found else None
        trainings = sum(words.startswith(f"step {min(task.every, task.steps)} of") for words in told)
        return Seen(result.exercises[0], to_json(result), learned, trainings, told, figures, faults)

    return run


def assert_only_learning_failed(seen, *statuses, exercise="graded"):
    """The checks before and behind it count, and it is not our fault."""
    assert seen.faults == []
    first, learning, last = (check.status for check in seen.exercise.checks)
    assert (first, last) == ("passed", "passed"), seen.text
    assert learning in statuses, seen.text
    assert (seen.check.points, seen.exercise.points, seen.exercise.status) == (0, 2, exercise)


# Points for a score.


@pytest.mark.parametrize(
    ("score", "share"),
    [
        (0.0, 1),
        (0.01, 1),
        (0.02, 0.75),
        (0.03, 0.5),
        (0.065, 0.25),
        (0.1, 0),
        (5.0, 0),
        (math.inf, 0),
        (math.nan, 0),
    ],
)
def test_a_share_is_one_up_to_best_a_half_at_half_and_none_from_zero(score, share):
    assert TASK.share(score) == pytest.approx(share)


def test_shares_never_grow_with_the_error():
    shares = [TASK.share(number / 1000) for number in range(120)]
    assert shares == sorted(shares, reverse=True)
    assert {0.0, 1.0} <= set(shares)


# Good, unlucky, lucky.


@pytest.mark.isolation
def test_a_good_model_stops_early_and_gets_full_marks_with_one_training(try_):
    seen = try_(LEARNS, replace(TASK, steps=400))
    assert (seen.exercise.status, seen.statuses, seen.exercise.points) == ("graded", "passed passed passed", 6)
    assert (seen.trainings, len(seen.learned.runs), seen.learned.run.stopped) == (1, 1, True)
    steps = seen.learned.run.steps
    assert steps < 400
    assert steps % EVERY == 0
    assert f"after {steps} of 400 steps (stopped early)" in seen.check.message
    assert seen.check.hint is None
    assert all(score >= TASK.stop for _, score in seen.learned.run.curve[:-1])
    assert seen.learned.run.curve[-1][1] < TASK.stop
    assert seen.exercise.flags == []


def fortunes(seed):
    """The first numbers that a model draws when it is built in each training: as the engine seeds them."""
    attempt = Attempt(None, None, exercise_of(), Limits(), seed, Listener())
    generators = [torch.Generator().manual_seed(attempt.seed(f"learns/learn/{number}/worker")) for number in range(3)]
    return [float(torch.rand(1, generator=generator)) for generator in generators]


def seed_where(*spoilt):
    """A submission's seed at which just these trainings are unlucky."""
    return next(seed for seed in range(10_000) if [f < 1 / 3 for f in fortunes(seed)] == list(spoilt))


@pytest.mark.parametrize(
    ("spoilt", "status", "trainings"),
    [
        ((True, False, False), "passed", 3),
        ((False, True, True), "passed", 1),
        ((True, True, False), "failed", 3),
        ((True, False, True), "failed", 3),
    ],
)
def test_the_median_of_three_counts_unless_the_first_is_good(try_, spoilt, status, trainings):
    """One unlucky seed of three does not hurt, two do."""
    seen = try_(UNLUCKY, replace(TASK, steps=200), seed=seed_where(*spoilt))
    assert seen.faults == []
    assert (seen.check.status, seen.trainings) == (status, trainings), seen.check.message
    assert [run.share < 1 for run in seen.learned.runs] == list(spoilt[:trainings])
    assert seen.check.points == (4 if status == "passed" else 0)
    assert ("Three seeds ended at " in seen.check.message) == (trainings == 3)
    if trainings == 3:
        ends = re.search(r"Three seeds ended at (\S+), (\S+), (\S+); the median counts", seen.check.message)
        assert [float(end) > TASK.zero for end in ends.groups()] == list(spoilt)
    assert (seen.check.hint is None) == (status == "passed")


def test_a_model_lucky_on_the_probe_set_alone_does_not_pass(try_):
    """Right on the first batch after training, which is the probe set."""
    lucky = plays(
        "right if lucky else nothing",
        init="self.fresh = False",
        training="self.fresh = True\nreturn nothing",
    ).replace("        return right if", "        lucky, self.fresh = self.fresh, False\n        return right if")
    seen = try_(lucky)
    assert seen.learned.run.stopped
    assert seen.learned.run.curve == [(EVERY, 0.0)]
    assert_only_learning_failed(seen, "failed")
    assert "stopped early" in seen.check.message


def test_the_final_model_counts_not_the_best_seen(try_):
    """In the middle its probe score was worth full marks, without the slack that stops."""
    seen = try_(plays(f"right + 0.08 if n == {2 * EVERY} else nothing"))
    scores = [score for _, score in seen.learned.run.curve]
    assert TASK.stop < scores[1] < TASK.best
    assert [run.stopped for run in seen.learned.runs] == [False] * 3
    assert_only_learning_failed(seen, "failed")


def test_the_stopped_model_counts_not_what_it_would_have_become(try_):
    seen = try_(plays(f"right if n == {EVERY} else nothing"))
    assert (seen.check.status, seen.learned.run.steps) == ("passed", EVERY)


@pytest.mark.parametrize(("off", "share"), [(0.09, 1.0), (0.2, 0.5 * 0.06 / 0.07), (0.1414, 0.75), (0.4, 0.0)])
def test_a_score_between_earns_a_partial_share(try_, off, share):
    """With what was measured, what full marks need and what a trivial baseline scores."""
    seen = try_(plays(f"right + {off} if n else nothing"), hint="Read the chapter again.")
    assert seen.learned.share == pytest.approx(share, abs=0.01)
    status = "passed" if share == 1 else "partial" if share else "failed"
    assert seen.check.status == status
    assert seen.check.points == pytest.approx(4 * share, abs=0.04)
    assert seen.trainings == (1 if share == 1 else 3)
    assert re.search(
        rf"mean squared error on 500 unseen examples is {off * off:.2g} after 60 of 60 steps \(the whole budget\); "
        r"a trivial baseline scores 0.17, full marks need 0.01 or less\.",
        seen.check.message,
    )
    assert (seen.check.hint == "Read the chapter again.") == (status == "partial")


def test_the_recipe_is_followed(try_):
    """Its steps end the training, and its rate is used; the loop makes as many forward passes as it says."""
    counting = plays("right + 0.2 if n == 30 else nothing")
    seen = try_(recipe(counting, "{'steps': 30, 'batch_size': 7, 'optimizer': 'sgd', 'lr': 0.1, 'momentum': 0.5}"))
    run = seen.learned.run
    assert (run.steps, [step for step, _ in run.curve]) == (30, [20, 30])
    assert (run.recipe.batch_size, run.recipe.optimizer, run.recipe.lr, run.recipe.momentum) == (7, "sgd", 0.1, 0.5)
    assert run.score == pytest.approx(0.04, rel=1e-3)
    assert "after 30 of 60 steps (the recipe's end)" in seen.check.message


def test_the_same_seed_gives_the_same_points(try_):
    """To the last digit of what is said, for a model that falls short and is trained three times."""
    source, task = recipe(LEARNS, "{'lr': 0.01, 'steps': 40}"), replace(TASK, best=1e-5, half=0.1, zero=0.3)
    first, second, third = (try_(source, task, seed=5) for _ in range(3))
    assert first.check.status == "partial"
    assert len({run.score for run in first.learned.runs}) == 3
    for other in (second, third):
        assert [run.score for run in other.learned.runs] == [run.score for run in first.learned.runs]
        assert [run.losses for run in other.learned.runs] == [run.losses for run in first.learned.runs]
        assert other.exercise.checks == first.exercise.checks
    elsewhere = try_(source, task, seed=6)
    assert elsewhere.learned.run.score != first.learned.run.score


def test_what_observers_see_is_of_the_model_that_counts(try_):
    """After the last step of the median run, in eval mode."""
    probes = {"zeros": torch.zeros(3, 8, 1), "ones": torch.ones(5, 8, 1)}
    observe = {name: lambda model, x=x: model.predict(x) for name, x in probes.items()}
    source = plays("right + self.off if n else nothing", init="self.off = float(torch.rand(1)) / 5 + 0.15")
    seen = try_(source, observe=observe, seed=2)
    offs = [fortune / 5 + 0.15 for fortune in fortunes(2)]
    assert [run.score for run in seen.learned.runs] == pytest.approx([off**2 for off in offs], rel=1e-3)
    assert seen.learned.observed("zeros").tolist() == [[pytest.approx(sorted(offs)[1])]] * 3
    assert seen.learned.observed("ones").tolist() == [[pytest.approx(2 + sorted(offs)[1])]] * 5


def test_what_an_observer_raises_is_told_to_the_check_that_asks(try_):
    """Nothing else fails by it."""
    observe = {
        "raises": lambda model: model.predict(torch.zeros(3, 7, 1)),
        "unmet": lambda model: expect(False, "no"),
        "fine": lambda model: model.predict(torch.zeros(3, 8, 1)),
    }
    seen = try_(LEARNS, replace(TASK, steps=400), observe=observe)
    assert seen.statuses == "passed passed passed"
    with pytest.raises(StudentRaised, match="shape"):
        seen.learned.observed("raises")
    with pytest.raises(Unmet):
        seen.learned.observed("unmet")
    assert seen.learned.observed("fine").shape == (3, 1)


# Scores of another kind.

ACCURACY = replace(
    TASK,
    draw=lambda count, generator: (
        ((x := torch.rand(count, 8, 1, generator=generator)),),
        (x[:, 0] > x[:, -1]).long().flatten(),
    ),
    score=lambda logits, classes: float((logits.argmax(1) == classes).double().mean()),
    metric="accuracy",
    loss="cross_entropy",
    best=0.9,
    half=0.8,
    zero=0.65,
    worst=0.5,
    stop=0.95,
    steps=400,
)


@pytest.mark.parametrize(
    ("score", "share"),
    [(1.0, 1), (0.9, 1), (0.85, 0.75), (0.8, 0.5), (0.65, 0), (0.725, 0.25), (0.1, 0), (-math.inf, 0), (math.nan, 0)],
)
def test_of_accuracies_more_is_better(score, share):
    assert ACCURACY.share(score) == pytest.approx(share)


def test_an_accuracy_is_learned_and_told_as_one(try_):
    seen = try_(LEARNS.replace("nn.Linear(8, 1)", "nn.Linear(8, 2)"), ACCURACY)
    run = seen.learned.run
    assert (seen.statuses, run.stopped, len(seen.learned.runs)) == ("passed passed passed", True, 1)
    assert all(score <= 0.95 for _, score in run.curve[:-1])
    assert run.curve[-1][1] > 0.95
    assert "full marks need 0.9 or more" in seen.check.message
    assert not seen.figures[0].log_y


def test_an_accuracy_at_chance_earns_nothing_and_says_so(try_):
    still = LEARNS.replace("nn.Linear(8, 1)", "nn.Linear(8, 2)").replace("x.flatten(1))", "0 * x.flatten(1))")
    seen = try_(still, replace(ACCURACY, stuck="Is the input used at all?"))
    assert_only_learning_failed(seen, "failed")
    assert seen.check.hint == ("The answer does not depend on any step of the input. Is the input used at all?")


@pytest.mark.parametrize(("unusual", "flags"), [(0.9, ["unusual-accuracy"]), (1.0, []), (None, [])])
def test_an_unusual_score_is_flagged_and_costs_nothing(try_, unusual, flags):
    seen = try_(LEARNS.replace("nn.Linear(8, 1)", "nn.Linear(8, 2)"), replace(ACCURACY, unusual=unusual))
    assert (seen.check.status, seen.exercise.flags) == ("passed", flags)


def test_a_model_is_asked_by_the_method_of_the_task_in_evaluation(try_):
    """`read` makes something to score of what comes back, or says why it cannot."""
    source = LEARNS + "\n    def answer(self, x):\n        return [self(x) if not self.training else None]\n"

    def read(found, targets):
        expect(isinstance(found, list), "it is no list", "Return a list.")
        return found[0]

    # what is no tensor is answered batch by batch: a single one here
    task = replace(TASK, steps=400, method="answer", read=read, probe=200, held_out=200)
    assert try_(source, task).statuses == "passed passed passed"
    seen = try_(LEARNS + "\n    def answer(self, x):\n        return self(x)\n", task)
    assert_only_learning_failed(seen, "failed")
    assert (seen.check.message, seen.check.hint) == ("it is no list", "Return a list.")
    assert "`answer` raised" not in seen.check.message
    seen = try_(LEARNS, task)
    assert_only_learning_failed(seen, "error")
    assert "`answer` raised AttributeError" in seen.check.message


def test_probe_and_held_out_sets_may_be_drawn_from_other_data(try_):
    """Training on what is drawn to train on, judged by the held-out draw: here its targets are off by one half."""

    def off(count, generator):
        inputs, targets = draw(count, generator)
        return inputs, targets + 0.5

    seen = try_(LEARNS, replace(TASK, steps=200, draw_held_out=off))
    assert [run.stopped for run in seen.learned.runs] == [True] * 3
    assert [run.score for run in seen.learned.runs] == pytest.approx([0.25] * 3, abs=0.05)
    seen = try_(LEARNS, replace(TASK, steps=200, draw_probe=off))
    assert [run.stopped for run in seen.learned.runs] == [False]
    assert seen.check.status == "passed"


def test_a_recipe_of_numpy_numbers_is_one_of_numbers(try_):
    chosen = recipe(LEARNS, "{'lr': __import__('numpy').float32(0.05), 'steps': __import__('numpy').int64(200)}")
    assert try_(chosen, replace(TASK, steps=400)).learned.run.recipe.steps == 200


# Nothing was learned.


@pytest.mark.parametrize(
    "answer",
    ["right", "right + 0 * nothing", "right + 0.1 * nothing", "right if n == 0 else nothing"],
)
def test_a_model_that_is_right_before_training_earns_nothing_and_is_flagged(try_, answer):
    """A formula, with parameters beside it that it needs or does not need."""
    seen = try_(plays(answer))
    assert_only_learning_failed(seen, "failed")
    assert seen.exercise.flags == ["untrained-perfect"]
    assert "before any training" in seen.check.message
    assert "untrained-perfect" not in seen.check.message + seen.check.hint
    assert seen.trainings <= 1


@pytest.mark.parametrize("answer", ["right if self.steps else nothing", "nothing if self.steps < 60 else right"])
def test_a_formula_that_is_switched_on_by_training_earns_nothing_and_is_flagged(try_, answer):
    """With the parameters it began with, it must know nothing again."""
    seen = try_(plays(answer))
    assert_only_learning_failed(seen, "failed")
    assert seen.exercise.flags == ["untrained-perfect"]
    assert "the parameters it had before training" in seen.check.message


def test_more_parameters_than_a_frame_holds_tensors_can_be_set_back(try_):
    source = LEARNS.replace(
        "self.layer = nn.Linear(8, 1)",
        "self.layer = nn.Linear(8, 1)\n        self.more = nn.ParameterList("
        "nn.Parameter(torch.zeros(1)) for _ in range(100))",
    ).replace("x.flatten(1))", "x.flatten(1)) + sum(self.more) / 1000")
    assert try_(source, replace(TASK, steps=400)).statuses == "passed passed passed"


def test_a_formula_that_training_cannot_touch_is_flagged(try_):
    """Whether or not its loss reaches a parameter."""
    seen = try_(plays("right", training="right"))
    assert_only_learning_failed(seen, "failed")
    assert seen.exercise.flags == ["untrained-perfect"]


@pytest.mark.parametrize(
    "training",
    ["nothing.detach()", "right", "0 * nothing", "with torch.no_grad():\n    return nothing + 0"],
    ids=["detached", "a formula", "times zero", "no grad"],
)
def test_a_model_that_training_does_not_change_earns_nothing_and_is_flagged(try_, training):
    """It is said in words, not by an exception of torch's about a `grad_fn`."""
    seen = try_(plays("right if n else nothing", training=training))
    assert_only_learning_failed(seen, "failed")
    assert seen.exercise.flags == ["parameters-unchanged"]
    assert "training changed none of its parameters" in seen.check.message
    assert "detached" in seen.check.hint


@pytest.mark.parametrize(
    "replacement",
    ["self.layer = nn.Identity()", "self.hidden = [nn.Linear(8, 1)]", "self.w = torch.zeros(8, 1, requires_grad=True)"],
)
def test_a_model_without_parameters_is_told_so(try_, replacement):
    source = LEARNS.replace("self.layer = nn.Linear(8, 1)", replacement)
    source = source.replace("self.layer(x.flatten(1))", "x.sum(1)")
    seen = try_(source)
    assert_only_learning_failed(seen, "failed")
    assert "no parameters that could be trained" in seen.check.message
    assert "attributes of the module" in seen.check.hint


def test_a_constant_does_not_pass_and_is_told_what_to_look_at(try_):
    seen = try_(plays("nothing"))
    assert_only_learning_failed(seen, "failed")
    assert seen.learned.run.score == pytest.approx(TASK.worst, rel=0.2)
    assert "a trivial baseline scores 0.17" in seen.check.message
    assert "did not beat the trivial baseline" in seen.check.hint


# Diverged.


def test_a_loss_that_is_no_number_says_when_and_what_to_change(try_):
    """The training ends with the chunk; the words are a student's."""
    seen = try_(recipe(LEARNS, "{'optimizer': 'sgd', 'lr': 1e30, 'clip_norm': None}"))
    assert_only_learning_failed(seen, "failed")
    run = seen.learned.run
    assert (run.steps, run.score) == (EVERY, math.inf)
    assert 2 <= run.broke_at < EVERY
    assert "is not a number after 20 of 60 steps (the loss became NaN or infinite)" in seen.check.message
    assert f"NaN or infinite at step {run.broke_at}." in seen.check.hint
    assert "The learning rate 1e+30 is far from the usual 0.05" in seen.check.hint


def test_nan_at_a_usual_rate_points_at_the_formula(try_):
    """From step 5 on the loss is NaN."""
    seen = try_(plays("nothing", training="return nothing if n < 5 else nothing * float('nan')"))
    assert_only_learning_failed(seen, "failed")
    assert "NaN or infinite at step 5." in seen.check.hint
    for word in ("learning rate", "clip", "division", "logarithm"):
        assert word in seen.check.hint


def test_predictions_that_are_no_numbers_earn_nothing(try_):
    """Though the loss was one all along."""
    for bad in ("nan", "inf"):
        seen = try_(plays(f"right * float('{bad}') if n else nothing"))
        assert_only_learning_failed(seen, "failed")
        assert "is not a number after 60 of 60 steps" in seen.check.message


def test_an_explosion_that_stays_finite_is_told_by_its_gradient(try_):
    """A rate within the usual range, without clipping."""
    seen = try_(recipe(LEARNS, "{'optimizer': 'sgd', 'lr': 0.45, 'clip_norm': None}"))
    assert_only_learning_failed(seen, "failed")
    assert seen.learned.run.broke_at is None
    grew = r"The gradients explode: their norm was \S+e\+\d+ at step \d+. Set `clip_norm`"
    assert re.search(grew, seen.check.hint)


def broken(norms, **recipe):
    """The hint where the loss broke right after these norms of the gradient."""
    chosen = msgspec.structs.replace(TASK.recipe, **recipe)
    run = Run(chosen, 0.2, score=math.inf, moved=True, losses=[0.1] * len(norms) + [None])
    run.gradient_norms = [*norms, None]
    with pytest.raises(Unmet) as unmet:
        Learned(TASK, run, [run]).judge("The exercise's own.")
    return unmet.value.hint


def test_gradients_that_explode_before_the_loss_breaks_are_told_with_numbers():
    words = broken([2.0] * 30 + [40.0, 3000.0], clip_norm=None)
    assert (
        "NaN or infinite at step 33. The gradients explode: their norm was 2 at step 1 and 3e+03 at step 32." in words
    )
    assert "Clip them (`clip_norm` in the recipe), or lower `lr`." in words
    assert "Lower `lr`" in broken([2.0] * 30 + [40.0, 3000.0], clip_norm=1.0)
    assert "explode" not in broken([2.0] * 32)
    assert "far from the usual" in broken([2.0, 3000.0], clip_norm=None, lr=40.0)


@pytest.mark.parametrize(
    ("symptoms", "words"),
    [
        (Symptoms(), ""),
        (Symptoms(constant="1 or close to it"), "It answers 1 or close to it for every input. "),
        (Symptoms(steps=8, fading=1e-7), "vanishes on its way back: only 1e-07 of it is left at the first steps"),
        (Symptoms(steps=8, unreached=(0, 1, 2)), "does not depend on the first 3 of 8 steps"),
        (Symptoms(steps=8, unreached=(6, 7)), "does not depend on the last 2 of 8 steps"),
        (Symptoms(steps=8, unreached=(1, 3)), "does not depend on 2 of 8 steps"),
    ],
)
def test_what_was_seen_of_a_model_that_knows_nothing_comes_before_what_it_may_be(symptoms, words):
    run = Run(TASK.recipe, 0.2, score=0.166, moved=True, losses=[0.1] * BUDGET, symptoms=symptoms)
    with pytest.raises(Unmet) as unmet:
        Learned(TASK, run, [run]).judge()
    assert words in unmet.value.hint
    assert unmet.value.hint.endswith(TASK.stuck)


def test_a_gradient_that_is_cut_is_told_and_nothing_else():
    cut = Symptoms(steps=8, unreached=(0, 1, 2), is_cut=True)
    run = Run(TASK.recipe, 0.2, score=0.166, moved=True, losses=[0.1] * BUDGET, symptoms=cut)
    with pytest.raises(Unmet) as unmet:
        Learned(TASK, run, [run]).judge()
    assert unmet.value.hint.startswith("No gradient reaches the first 3 of 8 steps, though the answer depends on them")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 1e-6}, "The learning rate 1e-06 is far from the usual 0.05, "),
        ({"lr": 5.0}, "The learning rate 5 is far from the usual 0.05, "),
        ({"gradient_norms": [500.0], "clip_norm": None}, "Set `clip_norm`"),
        ({"gradient_norms": [500.0], "clip_norm": 1.0}, "still improving"),
        ({"score": 0.16}, "did not beat the trivial baseline"),
        ({"score": 0.04}, "still improving when the budget ended"),
        ({"score": 0.07}, None),
    ],
)
def test_the_likeliest_cause_is_told(changes, words):
    """As far as the measurements say one; else the exercise's own hint."""
    chosen = {name: changes[name] for name in ("lr", "clip_norm") if name in changes}
    run = Run(
        msgspec.structs.replace(TASK.recipe, **chosen),
        0.2,
        score=changes.get("score", 0.04),
        share=0.3,
        moved=True,
        losses=[0.1] * BUDGET,
    )
    run.curve = [(20, 0.1), (40, 0.08), (60, 0.05)]
    run.gradient_norms = changes.get("gradient_norms", [1.0])
    own = "The exercise's own."
    is_vague = words is not None and "still improving" in words  # more steps would have helped: said for want of better
    hint = Learned(TASK, run, [run]).judge(None if is_vague else own).hint
    assert (words or own) in hint
    assert not is_vague or Learned(TASK, run, [run]).judge(own).hint == own


def test_a_first_training_that_changes_nothing_is_bad_luck(try_):
    """Such as a layer that starts dead: the other two decide."""
    dead = UNLUCKY.replace("x.flatten(1) * (not self.spoilt))", "x.flatten(1)) * (not self.spoilt)")
    seen = try_(dead, replace(TASK, steps=200), seed=seed_where(True, False, False))
    assert [run.moved for run in seen.learned.runs] == [False, True, True]
    assert (seen.check.status, seen.exercise.flags) == ("passed", [])


def test_a_training_that_changed_nothing_earns_nothing_beside_one_that_did(try_):
    """Two of three are right without having learned anything."""
    source = plays(
        "nothing if self.spoilt or not self.steps else right",
        init="self.spoilt = float(torch.rand(1)) < 1 / 3",
        training="return nothing if self.spoilt else nothing.detach()",
    )
    seen = try_(source, seed=seed_where(True, False, False))
    assert [run.moved for run in seen.learned.runs] == [True, False, False]
    assert [run.score for run in seen.learned.runs][1:] == [0.0, 0.0]
    assert_only_learning_failed(seen, "failed")


# Predictions of another kind.


@pytest.mark.parametrize(
    ("answer", "words"),
    {
        "one per step": ("x + 0 * nothing[0]", "its predictions have shape (500, 8, 1), expected (500, 1) or (500,)"),
        "two columns": ("nothing.expand(-1, 2)", "its predictions have shape (500, 2), expected (500, 1) or (500,)"),
        "whole numbers": ("nothing.long()", "expected a floating-point tensor"),
        "truth values": ("nothing > 0", "expected a floating-point tensor"),
        "complex": ("nothing.to(torch.complex64)", "expected a floating-point tensor"),
        "a tuple": ("(nothing, None)", "`forward` returned a tuple, expected a floating-point tensor"),
        "a dictionary": ("{'y': nothing}", "`forward` returned a dict, expected a floating-point tensor"),
        "nothing at all": ("None", "`forward` returned None, expected a floating-point tensor"),
        "a number": ("1.0", "`forward` returned a float, expected a floating-point tensor"),
        "a single number": (
            "nothing.mean()",
            "`forward` returned a tensor of shape (), expected a floating-point tensor",
        ),
        "another batch": ("nothing[:7]", "its predictions have shape (14, 1), expected (500, 1) or (500,)"),
        "another dtype": ("right.half() if n else nothing.double()", None),
        "no column": ("right[:, 0] if n else nothing[:, 0]", None),
    }.values(),
    ids=lambda value: value[:20] if isinstance(value, str) else "fine",
)
def test_predictions_of_another_kind_are_described(try_, answer, words):
    """Shape and kind, with what was expected; half and double precision, (B,) and (B, 1) are fine."""
    seen = try_(plays(answer))
    if words is None:
        assert (seen.check.status, seen.trainings) == ("passed", 1), seen.check.message
        return
    assert_only_learning_failed(seen, "failed", "error")
    assert words in seen.check.message


def classes(count, generator):
    """Which of three numbers is the largest."""
    x = torch.rand(count, 3, 1, generator=generator)
    return (x,), x[:, :, 0].argmax(1)


CLASSES = replace(
    *(TASK,),
    draw=classes,
    score=lambda logits, y: float((logits.argmax(-1) != y).float().mean()),
    metric="share of errors",
    best=0.2,
    half=0.3,
    zero=0.4,
    worst=0.67,
    stop=0.1,
    loss="cross_entropy",
)


def test_classes_are_learned_by_cross_entropy(try_):
    task = replace(CLASSES, arguments=(3,))
    source = LEARNS.replace("nn.Linear(8, 1)", "nn.Linear(3, 3)")
    assert try_(recipe(source, "{'lr': 0.5}"), replace(task, steps=100)).learned.share == 1


@pytest.mark.parametrize(
    "answer",
    [
        "x[:, 0, 0] * self.level.mean()",
        "x[:, :2, 0] * self.level.mean()",
        "x[:, :0, 0] * self.level.mean()",
        "x[:, :, 0].T * self.level.mean()",
        "x * self.level.mean()",
        "x[:, :, 0].repeat(2, 1) * self.level.mean()",
        "x[:, :, 0].argmax(1)",
    ],
)
def test_logits_of_another_shape_are_the_students_mistake(try_, answer):
    """Not ours: an exercise that is `broken` leaves the total."""
    seen = try_(plays(answer), CLASSES)
    assert_only_learning_failed(seen, "failed", "error")
    assert "shape" in seen.check.message or "Sizes of tensors" in seen.check.message


# Recipes that cannot be followed.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{'learning_rate': 0.1}", "`recipe` has a key `learning_rate`; allowed are `lr`, `batch_size`"),
        ("{'lr': 'fast'}", "`recipe` sets `lr` to 'fast'; allowed is a positive number"),
        ("{'lr': float('nan')}", "`recipe` sets `lr` to nan; allowed is a positive number"),
        ("{'steps': 61}", "`recipe` sets `steps` to 61; allowed is a whole number from 1 to 60, the budget"),
        ("{'batch_size': 2**70}", "`recipe` sets `batch_size` to <int of more than 64 bits>; allowed is"),
        ("{'lr': torch.tensor(0.1)}", "`recipe` sets `lr` to tensor(0.1000); allowed is a positive number"),
        ("{'optimizer': torch.optim.Adam}", "allowed is one of 'adam', 'adamw', 'sgd', 'rmsprop'"),
        ("{0.1: 'lr'}", "must be a dictionary such as {'lr': 0.05}"),
        ("[('lr', 0.1)]", "must be a dictionary such as {'lr': 0.05}"),
        ("property(lambda self: 1 / 0)", "must be a dictionary such as {'lr': 0.05}"),
    ],
)
def test_an_impossible_recipe_is_an_error_of_the_learning_check_alone(try_, text, words):
    seen = try_(recipe(LEARNS, text))
    assert_only_learning_failed(seen, "error")
    assert words in seen.check.message
    assert seen.check.message.startswith("`recipe`")
    assert "recipe" in seen.check.hint
    assert seen.trainings == 0


# What goes wrong inside.


def test_an_exception_while_training_names_the_students_line(try_):
    seen = try_(plays("nothing", training="raise ValueError('only in training')\nreturn nothing"))
    assert_only_learning_failed(seen, "error")
    assert seen.check.message.startswith("training raised ValueError: only in training")
    assert "task.py, line " in seen.check.message


@pytest.mark.parametrize("end", ["raise ValueError", "return nothing"])
def test_the_next_check_meets_nothing_that_a_training_left(try_, end):
    """However it ended."""
    source = plays("nothing", init="1 / (not LEFT)", training=f"LEFT.append(n)\n{end}", head="LEFT = []\n")
    seen = try_(source)
    assert_only_learning_failed(seen, "failed", "error")


def test_another_shape_in_training_is_the_students_error(try_):
    seen = try_(plays("nothing", training="x * self.level.mean()"))
    assert_only_learning_failed(seen, "error")
    assert "predictions of shape (32, 8, 1), targets of shape (32, 1)" in seen.check.message


@pytest.mark.parametrize("training", ["time.sleep(3600)\nreturn nothing", "while True: pass\nreturn nothing"])
def test_a_training_that_hangs_is_stopped_and_the_rest_is_judged(try_, training):
    """By the training's own clock; the attempt's is not touched, and is not what is spoken of."""
    seen = try_(plays("nothing", training=training), replace(TASK, seconds=1.5))
    assert_only_learning_failed(seen, "error", exercise="timeout")
    assert seen.exercise.seconds < 20
    assert "training" in seen.check.message
    assert "60 s" not in seen.check.message + seen.exercise.message


def test_a_prediction_that_hangs_is_stopped_too(try_):
    seen = try_(plays("time.sleep(3600)"), replace(TASK, seconds=1))
    assert_only_learning_failed(seen, "error", exercise="timeout")
    assert seen.exercise.seconds < 20


def test_a_training_takes_nothing_from_the_attempts_time(try_):
    """Its naps are longer than the attempt has."""
    seen = try_(plays("right if n else nothing", training="time.sleep(0.1)\nreturn nothing"), seconds=1.5)
    assert (seen.statuses, seen.exercise.status) == ("passed passed passed", "graded"), seen.text
    assert seen.exercise.seconds > 1.5


def test_a_worker_that_dies_in_training_is_a_crash(try_):
    seen = try_(plays("nothing", training="if n == 10: os._exit(3)\nreturn nothing"))
    assert_only_learning_failed(seen, "error", exercise="crashed")
    assert "exit code 3" in seen.check.message


def test_a_memory_bomb_in_training_is_over_the_limit(try_):
    bomb = plays("nothing", training="self.kept.append(torch.ones(1 << 24))\nreturn nothing", init="self.kept = []")
    seen = try_(bomb, memory_mib=400)
    assert_only_learning_failed(seen, "error", exercise="memory")
    assert "400 MiB" in seen.exercise.message


def test_printing_in_every_step_changes_nothing(try_):
    """Beyond the limit it is dropped and noted."""
    seen = try_(plays("right if n else nothing", training="print('x' * 100_000)\nreturn nothing"))
    assert (seen.statuses, seen.exercise.points, seen.exercise.status) == ("passed passed passed", 6, "graded")
    assert seen.exercise.flags == ["output-limit"]
    assert any("printed more than" in note for note in seen.exercise.notes)


def test_an_endless_script_below_the_class_is_noted_and_costs_nothing(try_):
    """Each worker of a training loads the module again, without it."""
    source = f"{LEARNS}\nmodel = Model(4)\nfor epoch in range(10**12):\n    model(torch.zeros(2, 8, 1))\n"
    seen = try_(source, replace(TASK, steps=200), top_level_seconds=1)
    assert (seen.statuses, seen.exercise.points, seen.exercise.status) == ("passed passed passed", 6, "graded")
    assert any("`task.py`, line 14, was left out" in note for note in seen.exercise.notes), seen.exercise.notes
    assert seen.exercise.seconds < 20


@pytest.mark.parametrize(
    "forged",
    ["messages.Trained([], [])", "messages.Trained([0.1] * 21, [0.1] * 21)", "messages.Value([])", "3"],
)
def test_a_forged_training_is_no_training(try_, forged):
    """A worker that says it took another number of steps, or says something else."""
    head = "from grader.jail.shared import messages\nfrom grader.jail.inside.training import Trainer\n"
    head += f"Trainer.train = lambda self, batches: {forged}\n"
    seen = try_(plays("right if n else nothing", head=head))
    assert seen.faults == []
    assert seen.check.status == "error"
    assert seen.check.points == 0


def test_a_model_too_slow_for_its_steps_is_judged_as_it_stands(try_):
    """It loses the steps it had no time for, and nothing else."""
    slow = LEARNS.replace("return self.layer", "time.sleep(0.02 * self.training)\n        return self.layer")
    seen = try_(slow, replace(TASK, steps=2000, stop=0.0, seconds=6.0))
    run = seen.learned.run
    assert (seen.statuses, seen.exercise.status, run.out_of_time) == ("passed passed passed", "graded", True)
    assert EVERY <= run.steps < 2000
    assert "were used" in seen.check.message


def test_a_model_too_slow_to_learn_is_told_so(try_):
    slow = LEARNS.replace(
        "return self.layer(x.flatten(1))",
        "time.sleep(0.05 * self.training)\n        return self.layer(0 * x.flatten(1))",
    )
    seen = try_(slow, replace(TASK, steps=2000, seconds=3.0))
    assert_only_learning_failed(seen, "failed")
    assert "its steps are slow" in seen.check.message


def test_the_order_of_the_rows_tells_nothing(try_):
    """Where examples are drawn in order, a model that sees a whole batch could read the answers off the rows."""

    def ones(count, generator):
        return (torch.rand(count, 8, 1, generator=generator),), torch.ones(count, 1)

    def in_order(count, generator):
        return ones(count, generator)[0], torch.linspace(0, 1, count)[:, None]

    source = f"""{HEAD}
class Model(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.level = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        row = torch.ones(len(x), 1) if self.training else torch.linspace(0, 1, len(x))[:, None]
        return row * self.level
"""
    task = replace(TASK, draw=ones, draw_held_out=in_order, draw_probe=in_order, held_out=250, probe=250)
    seen = try_(source, task)
    assert_only_learning_failed(seen, "failed")
    assert seen.learned.run.score > 0.1


# Evidence.


def test_figures_show_the_curve_beside_what_it_is_compared_with(try_):
    """Of the run that counts, once; the numbers are the curve's."""
    curve = [(20, 0.1), (60, 0.01)]
    rows = [Row("reference", 1, 0, 0.004, 60, curve), Row("mistake", 1, 0, 0.2, 60, [])]
    measured = Calibration("task", "learns", "cpu", rows, lambda: TASK)
    seen = try_(LEARNS, replace(TASK, steps=400), calibration=measured)
    run = seen.learned.run
    curve, gradient = seen.figures
    assert (curve.title, gradient.title) == ("Learning curve", "Gradient norm")
    assert curve.sentence == seen.check.message
    assert [(line.name, line.x, line.y) for line in curve.lines] == [
        ("your model", [float(step) for step, _ in run.curve], [score for _, score in run.curve])
    ]
    assert {level.name: level.y for level in curve.levels} == {"trivial baseline": TASK.worst, "full marks": TASK.best}
    assert [(mark.name, mark.x) for mark in curve.marks] == [("stopped", float(run.steps))]
    assert curve.bands == [Band("our references (cpu)", [20.0, 60.0], [0.1, 0.01], [0.1, 0.01])]
    assert (curve.x_label, curve.y_label, curve.log_y) == ("training step", "mean squared error", True)
    assert gradient.lines[0].y == run.gradient_norms
    assert len(gradient.lines[0].x) == run.steps


def test_what_was_not_finite_is_counted_in_the_figures(try_):
    """A training that diverged must not look short."""
    source = plays(
        "nothing if n < 40 else right * float('nan')", training="nothing if n < 45 else nothing * 1e38 * 1e38"
    )
    seen = try_(source)
    curve, gradient = seen.figures
    assert seen.learned.run.broke_at == 45
    assert (curve.lines[0].x, curve.lines[0].dropped) == ([20.0], 2)
    assert (len(gradient.lines[0].x), gradient.lines[0].dropped) == (44, 16)
    assert [(mark.name, mark.x) for mark in curve.marks] == [("NaN or infinite", 45.0)]
    assert curve.bands == []


def test_progress_is_told_after_each_chunk(try_):
    seen = try_(plays("right + 0.09 if n else nothing"))
    begun = seen.told.index("It learns to add.")
    lines = seen.told[begun + 1 : begun + 4]
    for line, step in zip(lines, (20, 40, 60), strict=True):
        assert re.fullmatch(rf"step {step} of 60, loss \d\S*, \d+ s", line), line


def test_what_was_measured_stands_in_the_answer(try_):
    """Strict JSON, whatever the numbers were."""
    diverged = recipe(LEARNS, "{'optimizer': 'sgd', 'lr': 1e30, 'clip_norm': None}")
    for source, words in ((plays("right + 0.2 if n else nothing"), "is 0.04 after"), (diverged, "not a number")):
        seen = try_(source, hint="A hint.")
        answer = json.loads(seen.text, parse_constant=lambda literal: pytest.fail(literal))
        check = answer["exercises"][0]["checks"][1]
        assert (check["id"], check["max_points"]) == ("learns", 4)
        assert words in check["message"]
        assert check["hint"]
        assert len(seen.text) < 5000
