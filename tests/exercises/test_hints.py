"""Hints come from what was measured: the first thing that a student reads of a mistake names it, whoever made it."""

from pathlib import Path

import pytest

from grader import Exercise, Judged, LearningTask, Unmet
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.records.limits import Limits
from grader.records.summary import first_to_fix

ROOT = Path(__file__).parents[2]
COURSE = load_course(read_settings(), entry_points=False)
TRAINED = [exercise.id for exercise in COURSE.exercises if exercise.trains]
MISTAKES = sorted(path.parent for path in ROOT.glob("solutions/*/*/*.py"))
VARIANTS = sorted(ROOT.glob("tests/exercises/*/variants/*/"))
WORDS = {
    # my_rnn
    "my_rnn/batch-of-four": ("batch size does not follow x", "it is 4"),
    "my_rnn/before-tanh": ("outputs holds the sums before the tanh",),
    "my_rnn/detached-each-step": ("detached at each step", ".detach()"),
    "my_rnn/double-only": ("dtypes", "dtype=x.dtype"),
    "my_rnn/double-outputs": ("outputs has dtype torch.float64", "in the dtype of x"),
    "my_rnn/dropout": ("two different outputs", "dropout and noise"),
    "my_rnn/elementwise": ("only its own previous value", "not an elementwise one"),
    "my_rnn/final-state-detached": ("h_n carries no gradient", ".detach()"),
    "my_rnn/flat-final-state": ("first axis for the layer", "unsqueeze(0)"),
    "my_rnn/initial-state-detached": ("no gradient reaches h_0", ".detach()"),
    "my_rnn/initial-state-ignored": ("h_0 has no influence",),
    "my_rnn/last-row-final-state": ("last sequence of the batch, not the state after the last step",),
    "my_rnn/list-of-layers": ("no parameters", "nn.ModuleList"),
    "my_rnn/missing-bias": ("there is no bias", "trainable vector"),
    "my_rnn/no-grad": ("carries no gradient", "torch.no_grad()"),
    "my_rnn/no-tanh": ("no nonlinearity where tanh belongs",),
    "my_rnn/one-buffer": ("overwritten|written again",),
    "my_rnn/only-first-input": ("every step reads the first input", "x[:, t]"),
    "my_rnn/outputs-only": ("return two things: outputs, h_n",),
    "my_rnn/plain-tensor-weight": ("stays the same whatever the module's parameters are", "nn.Parameter"),
    "my_rnn/previous-state": ("outputs holds the previous state", "update the state, then store it"),
    "my_rnn/random-initial-state": ("zeros, not random numbers",),
    "my_rnn/relu": ("a ReLU where tanh belongs",),
    "my_rnn/remembers-last-call": ("after another call", "initial state anew"),
    "my_rnn/reversed-time": ("time runs backwards",),
    "my_rnn/scales-its-input": ("changes its argument x in place",),
    "my_rnn/sigmoid": ("a sigmoid where tanh belongs",),
    "my_rnn/squeezed": ("squeeze() without an axis",),
    "my_rnn/state-reset": ("not carried on", "every step starts anew"),
    "my_rnn/symmetric": ("U is symmetric",),
    "my_rnn/tanh-on-input-only": ("added outside the tanh",),
    "my_rnn/time-first": ("(batch, time, features)",),
    "my_rnn/torch-rnn": ("PyTorch's own recurrent layer", "write the loop"),
    "my_rnn/torch-rnn-cell": ("PyTorch's own recurrent layer", "nn.RNNCell"),
    "my_rnn/torch-rnn-kernel": ("PyTorch's own recurrent layer", "_cell"),
    "my_rnn/torch-rnn-subclass": ("PyTorch's own recurrent layer", "class MyRNN(nn.RNN)"),
    "my_rnn/truncated-gradient": ("detached every 20 steps",),
    "my_rnn/view-for-transpose": ("mixed up by a view", "transpose"),
    "my_rnn/weights-through-data": ("no gradient reaches the parameter", ".data"),
    "my_rnn/writes-into-initial-state": ("changes its argument h_0 in place",),
    "my_rnn/missing-super-init": ("super().__init__()",),
    "my_rnn/sizes-in-one": ("exactly the sizes that the task names",),
    "my_rnn/no-initial-state": ("compare your signature",),
    "my_rnn/none-not-replaced": ("initial state replaced by zeros",),
    "my_rnn/sizes-swapped": ("two sizes do not fit",),
    "my_rnn/numpy-on-the-way": ("leaves torch",),
    "my_rnn/residual": ("adds tanh(...) to the previous state",),
    "my_rnn/starts-from-ones": ("starts from ones",),
    "my_rnn/carries-the-sum": ("starts from the sum before the tanh",),
    "my_rnn/viewed-input": ("batch and time of x are mixed up by a view",),
    "my_rnn/first-state-returned": ("h_n holds the state after the first step",),
    "my_rnn/shared-bias": ("share one bias",),
    "my_rnn/batch-averaged": ("neighbours in the batch",),
    # adding_problem
    "adding_problem/exploding-gradient": ("NaN or infinite at step", "the gradients explode", "`clip_norm`"),
    "adding_problem/no-clipping": ("the gradients explode", "`clip_norm`"),
    "adding_problem/weights-detached": ("changed none of its parameters", "detached"),
    "adding_problem/last-20-steps": ("only the last 20 steps are read", "cut off"),
    "adding_problem/every-other-step": ("some steps are left out",),
    "name_classification/weight-decay": ("weight decay", "to zero"),
    "adding_problem/answer-per-step": ("one number for each sequence", "outputs[:, -1]"),
    "adding_problem/attention": ("attention over the raw sequence", "without a state"),
    "adding_problem/detached-each-step": (
        "no gradient reaches 49 of 50 steps, the first of them step 0, though",
        ".detach()",
    ),
    "adding_problem/dropout-in-evaluation": ("asked twice", "chance decides", "dropout"),
    "adding_problem/first-50-steps": ("only the first 50 steps are read", "cut off"),
    "adding_problem/fixed-places": ("all calls mark the same steps",),
    "adding_problem/formula": ("a formula stands in place of a network",),
    "adding_problem/last-step-only": ("not only the last step",),
    "adding_problem/marks-coincide": ("two separate draws can hit the same step",),
    "adding_problem/marks-ignored": ("forward ignores x[:, :, 1]",),
    "adding_problem/mean-of-marked": ("half the sum of the marked numbers: their mean",),
    "adding_problem/neighbours-averaged": ("unmarked numbers", "averages a step with its neighbours"),
    "adding_problem/normal-numbers": ("expected numbers in [0, 1)", "torch.randn"),
    "adding_problem/not-registered": ("no parameters that could be trained", "attributes of the module"),
    "adding_problem/one-length": ("made for one length",),
    "adding_problem/plain-tanh": ("vanishes on its way back", "a plain tanh layer"),
    "adding_problem/rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "adding_problem/rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "adding_problem/seeded-batch": ("two calls return the same numbers", "set no seed"),
    "adding_problem/sigmoid-answer": ("does not exceed 1", "without a sigmoid"),
    "adding_problem/state-kept": ("remembers the call before", "initial state anew"),
    "adding_problem/state-reset": ("the state starts anew at every step",),
    "adding_problem/sum-in-a-loop": ("before any training", "not from a formula"),
    "adding_problem/time-first": ("takes the batch for the time", "batch_first=True"),
    "adding_problem/unknown-optimizer": ("`optimizer` to", "allowed is one of 'adam'"),
    # copy_first
    "copy_first/all-steps-added-up": ("drawing the noise anew", "adds up or averages the steps"),
    "copy_first/answer-per-step": ("one number for each sequence", "outputs[:, -1]"),
    "copy_first/attention": ("attention over the raw sequence", "without a state"),
    "copy_first/centred-over-batch": ("neighbours in the batch", "runs over the batch"),
    "copy_first/detached-each-step": (
        "no gradient reaches 29 of 30 steps, the first of them step 0, though",
        ".detach()",
    ),
    "copy_first/dropout-in-evaluation": ("asked twice", "chance decides", "dropout"),
    "copy_first/formula": ("before any training", "not from a formula"),
    "copy_first/half-open-lstm": ("vanishes on its way back", "half open"),
    "copy_first/last-40-steps": ("does not depend on the first 10 of 50 steps", "cut off"),
    "copy_first/last-step-only": ("not only the last step",),
    "copy_first/not-registered": ("no parameters that could be trained", "attributes of the module"),
    "copy_first/one-length": ("made for one length",),
    "copy_first/picked-out": ("picked out or summed up, remember nothing",),
    "copy_first/rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "copy_first/rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "copy_first/relu-answer": ("lies between 0 and", "ReLU"),
    "copy_first/sign-only": ("take no sign of the input",),
    "copy_first/state-kept": ("remembers the call before", "initial state anew"),
    "copy_first/state-reset": ("the state starts anew at every step",),
    "copy_first/tanh-answer": ("the answer lies between -", "without a tanh"),
    "copy_first/time-first": ("takes the batch for the time", "batch_first=True"),
    "copy_first/truncated-gradient": ("no gradient reaches the first 60 of 100 steps, though", ".detach()"),
    "copy_first/unknown-recipe-key": ("`recipe` has a key", "`lr`"),
    "copy_first/window-of-first-batch": ("trained on 10 steps", "made for one length"),
    # date_seq2seq
    "date_seq2seq/batch-mixed": ("neighbours in the batch", "takes the batch for the time"),
    "date_seq2seq/bidirectional-decoder": ("which comes later", "runs backwards"),
    "date_seq2seq/dropout-in-evaluation": ("chance decides", "dropout"),
    "date_seq2seq/fed-late": ("where tgt[:, i] is another character", "reads the embedding of tgt[:, i] at step i"),
    "date_seq2seq/float-tokens": ("expected int64", "argmax"),
    "date_seq2seq/never-fed": ("where tgt[:, i] is another character", "reads the embedding of tgt[:, i] at step i"),
    "date_seq2seq/not-registered": ("no parameters that could be trained", "attributes of the module"),
    "date_seq2seq/padding-read": ("more padding", "at the last character"),
    "date_seq2seq/rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "date_seq2seq/rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "date_seq2seq/sampling": ("draw nothing at random: take the argmax",),
    "date_seq2seq/second-head": ("forward, fed the same answer", "same layers"),
    "date_seq2seq/softmax-twice": ("probabilities, not logits", "leave the softmax out"),
    "date_seq2seq/sos-always": ("fed <sos> at every step", "feed back the character"),
    "date_seq2seq/sos-in-front": ("first token is always <sos>", "no part of the answer"),
    "date_seq2seq/source-ignored": ("the same, to the last digit, for another date", "hand the encoder's final state"),
    "date_seq2seq/state-kept": ("remembers the call before", "initial state anew"),
    "date_seq2seq/state-reset": ("begin anew at every step",),
    "date_seq2seq/table": ("before training", "does not come from what it learned"),
    "date_seq2seq/target-leaked": ("which comes later", "sees what it should predict"),
    "date_seq2seq/time-first": ("the batch first",),
    "date_seq2seq/twelve-tokens": ("12), expected", "no <sos> in front"),
    # name_classification
    "name_classification/answer-per-letter": ("one number for each name and list",),
    "name_classification/bag-of-letters": ("letters of a name change places", "in order"),
    "name_classification/batch-normalised": ("neighbours in the batch", "runs over the batch"),
    "name_classification/bidirectional": ("more tokens of padding behind each name move an answer", "pack"),
    "name_classification/dropout-in-evaluation": ("asked twice", "chance decides", "dropout"),
    "name_classification/ending-table": ("does not depend on letter 1", "from letter to letter"),
    "name_classification/fading-state": ("the ending of a name", "carry the whole name"),
    "name_classification/gated-padding-read": ("more tokens of padding behind each name move an answer", "lengths - 1"),
    "name_classification/last-three-letters": ("does not depend on letter 1",),
    "name_classification/mean-with-padding": (
        "more tokens of padding behind each name move an answer",
        "over the letters only",
    ),
    "name_classification/not-registered": ("no parameters that could be trained", "attributes of the module"),
    "name_classification/padding-read": ("more tokens of padding behind each name move an answer", "lengths - 1"),
    "name_classification/rate-too-high": ("learning rate", "times larger: lower `lr`"),
    "name_classification/rate-too-low": ("learning rate", "times smaller: raise `lr`"),
    "name_classification/sigmoid": ("no answer exceeds 1", "without a sigmoid or tanh"),
    "name_classification/softmax-over-batch": ("neighbours in the batch", "runs over the batch"),
    "name_classification/softmax-twice": ("probabilities, not logits", "leave the softmax out"),
    "name_classification/sorted-not-back": ("in another order than the sequences", "undo the sorting"),
    "name_classification/state-kept": ("remembers the call before", "initial state anew"),
    "name_classification/state-reset": ("does not depend on letter 1", "hand the state on"),
    "name_classification/table-and-network": ("the ending of a name", "whole name"),
    "name_classification/thirteen-lists": ("13), expected (6, 3)", "num_classes"),
    "name_classification/time-first": ("does not depend on letter", "batch_first=True"),
}
"""What must stand in the first thing to fix, for each mistake. Case does not count; `a|b` is one or the other."""


def missing(name, first):
    """The words that do not stand in what a student reads first."""
    text = first.casefold()
    return [words for words in WORDS[name] if not any(word in text for word in words.casefold().split("|"))]


def exercise_of(mistake):
    """`solutions/<exercise>/<mistake>`, `tests/exercises/<exercise>/variants/<mistake>`."""
    return (mistake.parents[1] if mistake.parent.name == "variants" else mistake.parent).name


def key_of(mistake):
    return f"{exercise_of(mistake)}/{mistake.name}"


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
    return [pytest.param(f, id=key_of(f), marks=slow if exercise_of(f) in TRAINED else ()) for f in folders]


def test_the_table_knows_every_mistake():
    assert set(WORDS) == {key_of(path) for path in MISTAKES}
    assert len(VARIANTS) >= 25
    assert {key_of(path) for path in VARIANTS} <= set(WORDS)


@pytest.mark.parametrize("mistake", [path for path in MISTAKES if exercise_of(path) not in TRAINED], ids=key_of)
def test_the_first_thing_to_fix_names_the_mistake(mistake, first):
    found = first(mistake)
    assert not missing(key_of(mistake), found), found


@pytest.mark.slow
@pytest.mark.parametrize("exercise", TRAINED)
def test_the_first_thing_to_fix_names_the_mistake_of_a_trained_model(exercise, verified, first):
    """As `grade verify` graded it. What a training comes to is a matter of seeds: one or two may be tried again."""
    found = verified[exercise].first
    mistakes = [path for path in MISTAKES if exercise_of(path) == exercise]
    wrong = [path for path in mistakes if missing(key_of(path), found[path.name])]
    assert len(wrong) <= 2, {path.name: found[path.name] for path in wrong}
    again = {key_of(path): first(path) for path in wrong}
    assert not {key: text for key, text in again.items() if missing(key, text)}


@pytest.mark.parametrize("variant", trained(VARIANTS))
def test_the_hint_does_not_hang_on_who_made_the_mistake(variant, first):
    """Mistakes in another hand than that of the solution: another cell, another layout, other names."""
    found = first(variant)
    assert not missing(key_of(variant), found), found


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
