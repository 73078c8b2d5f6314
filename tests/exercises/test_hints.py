"""Hints come from what was measured: the first thing that a student reads of a mistake names it, whoever made it."""

from pathlib import Path

import pytest

from grader import Exercise, Judged, LearningTask, Unmet
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits
from grader.records.summary import first_to_fix

ROOT = Path(__file__).parents[2]
VARIANTS = sorted(path for path in (ROOT / "tests" / "variants").iterdir() if path.is_dir())
WORDS = {
    # my_rnn
    "batch-of-four": ("batch size does not follow x", "it is 4"),
    "before-tanh": ("outputs holds the sums before the tanh",),
    "detached-each-step": ("detached at each step", ".detach()"),
    "double-only": ("dtypes", "dtype=x.dtype"),
    "double-outputs": ("outputs has dtype torch.float64", "in the dtype of x"),
    "dropout": ("two different outputs", "dropout and noise"),
    "elementwise": ("only its own previous value", "not an elementwise one"),
    "final-state-detached": ("h_n carries no gradient", ".detach()"),
    "flat-final-state": ("first axis for the layer", "unsqueeze(0)"),
    "initial-state-detached": ("no gradient reaches h_0", ".detach()"),
    "initial-state-ignored": ("h_0 has no influence",),
    "last-row-final-state": ("last sequence of the batch, not the state after the last step",),
    "list-of-layers": ("no parameters", "nn.ModuleList"),
    "missing-bias": ("there is no bias", "trainable vector"),
    "no-grad": ("carries no gradient", "torch.no_grad()"),
    "no-tanh": ("no nonlinearity where tanh belongs",),
    "one-buffer": ("overwritten|written again",),
    "only-first-input": ("every step reads the first input", "x[:, t]"),
    "outputs-only": ("return two things: outputs, h_n",),
    "plain-tensor-weight": ("stays the same whatever the module's parameters are", "nn.Parameter"),
    "previous-state": ("outputs holds the previous state", "update the state, then store it"),
    "random-initial-state": ("zeros, not random numbers",),
    "relu": ("a ReLU where tanh belongs",),
    "remembers-last-call": ("after another call", "initial state anew"),
    "reversed-time": ("time runs backwards",),
    "scales-its-input": ("changes its argument x in place",),
    "sigmoid": ("a sigmoid where tanh belongs",),
    "squeezed": ("squeeze() without an axis",),
    "state-reset": ("not carried on", "every step starts anew"),
    "symmetric": ("U is symmetric",),
    "tanh-on-input-only": ("added outside the tanh",),
    "time-first": ("(batch, time, features)",),
    "torch-rnn": ("PyTorch's own recurrent layer", "write the loop"),
    "torch-rnn-cell": ("PyTorch's own recurrent layer", "nn.RNNCell"),
    "torch-rnn-kernel": ("PyTorch's own recurrent layer", "_cell"),
    "torch-rnn-subclass": ("PyTorch's own recurrent layer", "class MyRNN(nn.RNN)"),
    "truncated-gradient": ("detached every 20 steps",),
    "view-for-transpose": ("mixed up by a view", "transpose"),
    "weights-through-data": ("no gradient reaches the parameter", ".data"),
    "writes-into-initial-state": ("changes its argument h_0 in place",),
    "missing-super-init": ("super().__init__()",),
    "sizes-in-one": ("exactly the sizes that the task names",),
    "no-initial-state": ("compare your signature",),
    "none-not-replaced": ("initial state replaced by zeros",),
    "sizes-swapped": ("two sizes do not fit",),
    "numpy-on-the-way": ("leaves torch",),
    "residual": ("adds tanh(...) to the previous state",),
    "starts-from-ones": ("starts from ones",),
    "carries-the-sum": ("starts from the sum before the tanh",),
    "viewed-input": ("batch and time of x are mixed up by a view",),
    "first-state-returned": ("h_n holds the state after the first step",),
    "shared-bias": ("share one bias",),
    "batch-averaged": ("neighbours in the batch",),
    # adding_problem
    "adding-exploding-gradient": ("NaN or infinite at step", "the gradients explode", "`clip_norm`"),
    "adding-no-clipping": ("the gradients explode", "`clip_norm`"),
    "adding-weights-detached": ("changed none of its parameters", "detached"),
    "adding-last-20-steps": ("only the last 20 steps are read", "cut off"),
    "adding-every-other-step": ("some steps are left out",),
    "names-weight-decay": ("weight decay", "to zero"),
    "adding-answer-per-step": ("one number for each sequence", "outputs[:, -1]"),
    "adding-attention": ("attention over the raw sequence", "without a state"),
    "adding-detached-each-step": ("no gradient reaches 49 of 50 steps, the first of them step 0, though", ".detach()"),
    "adding-dropout-in-evaluation": ("asked twice", "chance decides", "dropout"),
    "adding-first-50-steps": ("only the first 50 steps are read", "cut off"),
    "adding-fixed-places": ("all calls mark the same steps",),
    "adding-formula": ("a formula stands in place of a network",),
    "adding-last-step-only": ("not only the last step",),
    "adding-marks-coincide": ("two separate draws can hit the same step",),
    "adding-marks-ignored": ("forward ignores x[:, :, 1]",),
    "adding-mean-of-marked": ("half the sum of the marked numbers: their mean",),
    "adding-neighbours-averaged": ("unmarked numbers", "averages a step with its neighbours"),
    "adding-normal-numbers": ("expected numbers in [0, 1)", "torch.randn"),
    "adding-not-registered": ("no parameters that could be trained", "attributes of the module"),
    "adding-one-length": ("made for one length",),
    "adding-plain-tanh": ("vanishes on its way back", "a plain tanh layer"),
    "adding-rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "adding-rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "adding-seeded-batch": ("two calls return the same numbers", "set no seed"),
    "adding-sigmoid-answer": ("does not exceed 1", "without a sigmoid"),
    "adding-state-kept": ("remembers the call before", "initial state anew"),
    "adding-state-reset": ("the state starts anew at every step",),
    "adding-sum-in-a-loop": ("before any training", "not from a formula"),
    "adding-time-first": ("takes the batch for the time", "batch_first=True"),
    "adding-unknown-optimizer": ("`optimizer` to", "allowed is one of 'adam'"),
    # copy_first
    "copy-all-steps-added-up": ("drawing the noise anew", "adds up or averages the steps"),
    "copy-answer-per-step": ("one number for each sequence", "outputs[:, -1]"),
    "copy-attention": ("attention over the raw sequence", "without a state"),
    "copy-centred-over-batch": ("neighbours in the batch", "runs over the batch"),
    "copy-detached-each-step": ("no gradient reaches 29 of 30 steps, the first of them step 0, though", ".detach()"),
    "copy-dropout-in-evaluation": ("asked twice", "chance decides", "dropout"),
    "copy-formula": ("before any training", "not from a formula"),
    "copy-half-open-lstm": ("vanishes on its way back", "half open"),
    "copy-last-40-steps": ("does not depend on the first 10 of 50 steps", "cut off"),
    "copy-last-step-only": ("not only the last step",),
    "copy-not-registered": ("no parameters that could be trained", "attributes of the module"),
    "copy-one-length": ("made for one length",),
    "copy-picked-out": ("picked out or summed up, remember nothing",),
    "copy-rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "copy-rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "copy-relu-answer": ("lies between 0 and", "ReLU"),
    "copy-sign-only": ("take no sign of the input",),
    "copy-state-kept": ("remembers the call before", "initial state anew"),
    "copy-state-reset": ("the state starts anew at every step",),
    "copy-tanh-answer": ("the answer lies between -", "without a tanh"),
    "copy-time-first": ("takes the batch for the time", "batch_first=True"),
    "copy-truncated-gradient": ("no gradient reaches the first 60 of 100 steps, though", ".detach()"),
    "copy-unknown-recipe-key": ("`recipe` has a key", "`lr`"),
    "copy-window-of-first-batch": ("trained on 10 steps", "made for one length"),
    # date_seq2seq
    "dates-batch-mixed": ("neighbours in the batch", "takes the batch for the time"),
    "dates-bidirectional-decoder": ("which comes later", "runs backwards"),
    "dates-dropout-in-evaluation": ("chance decides", "dropout"),
    "dates-fed-late": ("where tgt[:, i] is another character", "reads the embedding of tgt[:, i] at step i"),
    "dates-float-tokens": ("expected int64", "argmax"),
    "dates-never-fed": ("where tgt[:, i] is another character", "reads the embedding of tgt[:, i] at step i"),
    "dates-not-registered": ("no parameters that could be trained", "attributes of the module"),
    "dates-padding-read": ("more padding", "at the last character"),
    "dates-rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "dates-rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "dates-sampling": ("draw nothing at random: take the argmax",),
    "dates-second-head": ("forward, fed the same answer", "same layers"),
    "dates-softmax-twice": ("probabilities, not logits", "leave the softmax out"),
    "dates-sos-always": ("fed <sos> at every step", "feed back the character"),
    "dates-sos-in-front": ("first token is always <sos>", "no part of the answer"),
    "dates-source-ignored": ("the same, to the last digit, for another date", "hand the encoder's final state"),
    "dates-state-kept": ("remembers the call before", "initial state anew"),
    "dates-state-reset": ("begin anew at every step",),
    "dates-table": ("before training", "does not come from what it learned"),
    "dates-target-leaked": ("which comes later", "sees what it should predict"),
    "dates-time-first": ("the batch first",),
    "dates-twelve-tokens": ("12), expected", "no <sos> in front"),
    # name_classification
    "names-answer-per-letter": ("one number for each name and list",),
    "names-bag-of-letters": ("letters of a name change places", "in order"),
    "names-batch-normalised": ("neighbours in the batch", "runs over the batch"),
    "names-bidirectional": ("more tokens of padding behind each name move an answer", "pack"),
    "names-dropout-in-evaluation": ("asked twice", "chance decides", "dropout"),
    "names-ending-table": ("does not depend on letter 1", "from letter to letter"),
    "names-fading-state": ("the ending of a name", "carry the whole name"),
    "names-gated-padding-read": ("more tokens of padding behind each name move an answer", "lengths - 1"),
    "names-last-three-letters": ("does not depend on letter 1",),
    "names-mean-with-padding": ("more tokens of padding behind each name move an answer", "over the letters only"),
    "names-not-registered": ("no parameters that could be trained", "attributes of the module"),
    "names-padding-read": ("more tokens of padding behind each name move an answer", "lengths - 1"),
    "names-rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "names-rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "names-sigmoid": ("no answer exceeds 1", "without a sigmoid or tanh"),
    "names-softmax-over-batch": ("neighbours in the batch", "runs over the batch"),
    "names-softmax-twice": ("probabilities, not logits", "leave the softmax out"),
    "names-sorted-not-back": ("in another order than the sequences", "undo the sorting"),
    "names-state-kept": ("remembers the call before", "initial state anew"),
    "names-state-reset": ("does not depend on letter 1", "hand the state on"),
    "names-table-and-network": ("the ending of a name", "whole name"),
    "names-thirteen-lists": ("13), expected (6, 3)", "num_classes"),
    "names-time-first": ("does not depend on letter", "batch_first=True"),
}
"""What must stand in the first thing to fix, for each mistake. Case does not count; `a|b` is one or the other."""


def missing(name, first):
    """The words that do not stand in what a student reads first."""
    text = first.casefold()
    return [words for words in WORDS[name] if not any(word in text for word in words.casefold().split("|"))]


def exercise_of(folder):
    (file,) = folder.glob("*.py")
    return file.stem


def mistakes_of(exercise):
    folders = sorted(file.parent.name for file in (ROOT / "solutions").glob(f"*/{exercise}.py"))
    return [name for name in folders if not name.startswith("reference")]


@pytest.fixture
def first(grade):
    """The first thing that a student reads of a submission."""

    def read(folder, seed=3):
        fix = first_to_fix(grade(folder, exercise=exercise_of(folder), seed=seed))
        assert fix is not None, "it earns everything"
        return f"{fix.reason}\n{fix.hint or ''}"

    return read


def trained(folders):
    """Folders as parameters; those of exercises that train are slow."""
    slow = pytest.mark.slow
    return [pytest.param(f, id=f.name, marks=() if exercise_of(f) == "my_rnn" else slow) for f in folders]


def test_the_table_knows_every_mistake():
    folders = {path.name for path in (ROOT / "solutions").iterdir() if path.is_dir()}
    assert set(WORDS) == {name for name in folders if not name.startswith("reference")}
    assert len(VARIANTS) >= 25
    assert {path.name for path in VARIANTS} <= set(WORDS)


@pytest.mark.parametrize("name", mistakes_of("my_rnn"))
def test_the_first_thing_to_fix_names_the_mistake(name, first):
    found = first(ROOT / "solutions" / name)
    assert not missing(name, found), found


@pytest.mark.slow
@pytest.mark.parametrize("exercise", ["adding_problem", "copy_first", "name_classification", "date_seq2seq"])
def test_the_first_thing_to_fix_names_the_mistake_of_a_trained_model(exercise, verified, first):
    """As `grade verify` graded it. What a training comes to is a matter of seeds: one or two may be tried again."""
    found = verified[exercise].first
    wrong = [name for name in mistakes_of(exercise) if missing(name, found[name])]
    assert len(wrong) <= 2, {name: found[name] for name in wrong}
    again = {name: first(ROOT / "solutions" / name) for name in wrong}
    assert not {name: text for name, text in again.items() if missing(name, text)}


@pytest.mark.parametrize("variant", trained(VARIANTS))
def test_the_hint_does_not_hang_on_who_made_the_mistake(variant, first):
    """Mistakes in another hand than that of the solution: another cell, another layout, other names."""
    found = first(variant)
    assert not missing(variant.name, found), found


# How checks tell of each other.


TASK = LearningTask("Model", (), None, None, "error", 0, 1, 2, 3, 0, 1, 1.0, 1)


def exercise_with(checks, task):
    """An exercise with these checks, each a function that judges; if `task`, the first is about learning, and the
    others need it."""
    made = Exercise("task", title="A task", statement="", names=("x",))
    for number, (name, judge) in enumerate(checks.items()):

        def run(student, judge=judge):
            found = judge()
            if isinstance(found, Exception):
                raise found
            return found

        run.__name__, run.__doc__ = name, "It keeps a promise."
        needs = [made.checks[0].run] if number and task else []
        made.check(points=1, needs=needs, task=TASK if task and not number else None)(run)
    return made


@pytest.fixture
def hints(submission, zygote, course):
    """The hints of such an exercise, by check."""

    def grade_it(checks, task=False):
        staged = stage(submission({"task.py": "x = 1\n"}), zygote, Limits())
        try:
            graded = grade_exercise(staged, exercise_with(checks, task), Limits(), zygote, seed=1)
        finally:
            unstage(staged, zygote)
        assert graded.status == "graded", graded
        return {check.id: check.hint for check in graded.checks}

    return grade_it


def test_what_explains_other_failures_is_said_there_first(hints):
    chance = Unmet("asked twice, it is another", "Chance decides.", explains=True)
    found = hints(
        {
            "before": lambda: Unmet("it is wrong", "Add one."),
            "bare": lambda: Unmet("it is wrong"),
            "passes": lambda: 1.0,
            "same": lambda: chance,
            "part": lambda: Judged(0.5, "half of it", "More of it."),
            "certain": lambda: Judged(0.5, "half of it", "The rate is off.", is_certain=True),
        }
    )
    why = "Asked twice, it is another, which may be why. Chance decides."
    assert found == {
        "before": f"{why} If it is not that: Add one.",
        "bare": why,
        "passes": None,
        "same": "Chance decides.",
        "part": f"{why} If it is not that: More of it.",
        "certain": "The rate is off.",
    }


def test_what_a_trained_model_does_wrong_says_more_than_its_score(hints):
    behaviour = {
        "learns": lambda: Judged(0.5, "half of it", "More of it."),
        "follows": lambda: Unmet("it blurs", "Keep them apart."),
    }
    why = "It blurs, which may be why. Keep them apart. If it is not that: More of it."
    assert hints(behaviour, task=True) == {"learns": why, "follows": "Keep them apart."}
    assert hints(behaviour) == {"learns": "More of it.", "follows": "Keep them apart."}
    full = {**behaviour, "learns": lambda: Judged(1.0, "all of it")}
    assert hints(full, task=True)["learns"] is None
