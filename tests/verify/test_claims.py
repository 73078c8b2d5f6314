"""What solutions say of themselves, how far they are graded, and what their scores stand beside."""

import math

import pytest

from grader import Exercise, LearningTask
from grader.authoring.recipe import Recipe
from grader.learning.learned import Learned
from grader.learning.run import Run
from grader.verify.claims import BadClaim, Claim, claim_of, parts_of, read_claim, require_python
from grader.verify.gradings import truncated_at
from grader.verify.scores import ladder

DOC = '''"""answer.right: one too few,
as it happens.

Hint: universe
First: it is 41 | one too few;
    Think of the Universe
Kind: idea

This is how students write it.
"""
'''


def exercise_with(*names, rules=(), task=None):
    """An exercise with checks of these names."""
    made = Exercise("answer", title="Answer", statement="", names=("answer",))

    def judge(student):
        """It keeps a promise."""

    for name in names:
        judge.__name__ = name
        made.check(points=1, task=task)(judge)
    for name in rules:
        judge.__name__ = name
        made.rule(flag="flag")(judge)
    return made


@pytest.fixture
def solution(submission):
    """The folder of a mistake whose file holds a text."""

    def write(text, name="wrong"):
        submission({f"solutions/answer/{name}/answer.py": text}, name="course")
        return submission({}, name="course") / "solutions" / "answer" / name

    return write


def test_a_claim_has_all_that_its_docstring_says(solution):
    groups = (("it is 41", "one too few"), ("Think of the Universe",))
    claim = Claim("answer", "right", "one too few,", "universe", groups, "idea")
    assert claim_of(solution(DOC), exercise_with("right")) == claim
    bare = Claim("answer", "right", "one too few.")
    assert read_claim(solution('"""answer.right: one too few."""') / "answer.py") == bare


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("IT IS 41. Think of the universe.", []),
        ("One too few. Think of the\nuniverse.", []),
        ("It is 41.", ["'Think of the Universe'"]),
        ("Think of the universe.", ["'it is 41' or 'one too few'"]),
        ("", ["'it is 41' or 'one too few'", "'Think of the Universe'"]),
    ],
)
def test_every_group_must_be_said_in_one_of_its_words(solution, text, missing):
    assert read_claim(solution(DOC) / "answer.py").missing_first(text) == missing


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("Kind: idea", "Kind: ides"), 7, "`Kind:` is 'ides', expected idea or form"),
        (("Hint: universe", "Hnit: universe"), 4, "`Hnit:` is unknown; there are `Hint:`, `First:`, `Kind:`"),
        (("Hint: universe", "hint: universe"), 4, "`hint:` is unknown"),
        (("Kind: idea", "Kind:idea"), 7, "'Kind:idea': write `Hint: `"),
        (("Hint: universe", "hint : universe"), 4, "'hint : universe': write `Hint: `"),
        (("Kind: idea", "Hint: again"), 7, "`Hint:` occurs twice"),
        (("Hint: universe", "Hint:"), 4, "`Hint:` is empty"),
        (("it is 41 |", "it is 41 | |"), 5, "`First:` has nothing between two bars or semicolons"),
        (
            ("answer.right", "answer.left"),
            1,
            "its first line names 'answer.left', which is not a check or rule of answer",
        ),
        (("answer.right: ", "Right: "), 1, "its first line must read"),
        (('"""\n', '"""\ndef answer(:\n'), 11, "not valid Python: invalid syntax"),
        (('"""answer', '# \0\n"""answer'), 1, "not valid Python"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_file_and_line(solution, change, line, words):
    old, new = change
    text = new.join(DOC.rsplit(old, 1)) if old == '"""\n' else DOC.replace(old, new)
    with pytest.raises(BadClaim) as found:
        claim_of(solution(text), exercise_with("right"))
    assert str(found.value).startswith(f"solutions/answer/wrong/answer.py, line {line}: {words}")


def test_a_reference_may_write_what_it_likes_if_it_is_python(solution):
    exercise = exercise_with("right")
    text = '"""A GRU.\n\nArgs:\n    x: numbers.\n"""\n'
    require_python(solution(text), exercise)
    assert read_claim(solution(text) / "answer.py") is None
    with pytest.raises(BadClaim, match="line 6"):
        require_python(solution(text + "def answer(:"), exercise)


def test_a_pair_is_known_by_its_name(solution):
    assert parts_of(solution(DOC, "wrong+late")) == ("wrong", "late")
    assert parts_of(solution(DOC)) == ()


def test_an_exercise_is_cut_below_a_check():
    """With all above it; for the last one, a rule and nothing in particular it stays whole."""
    exercise = exercise_with("first", "second", "third", rules=["rule"])
    assert [check.id for check in truncated_at(exercise, "second").checks] == ["first", "second"]
    assert truncated_at(exercise, "second").rules == exercise.rules
    for whole in ("third", "rule", None):
        assert truncated_at(exercise, whole) is exercise
    assert len(exercise.checks) == 3


TASK = LearningTask("Model", (), None, None, "error", 0.1, 0.3, 0.6, 1.0, 0.05, 10, 0.1, 4)


def learned(score):
    run = Run(Recipe(lr=0.1, batch_size=4, steps=10), untrained=1.0, score=score, share=TASK.share(score))
    return Learned(TASK, run, [run])


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_stand_between_the_thresholds_from_the_best_to_the_worst(sign):
    """Of errors as of accuracies; what is no number comes last."""
    values = {name: sign * getattr(TASK, name) for name in ("best", "half", "zero", "worst", "stop")}
    task = LearningTask("Model", (), None, None, "error", **values, steps=10, lr=0.1, batch_size=4)
    scores = {"broke": math.nan, "right": 0.02, "wrong": 0.9, "nearly": 0.3}
    found = ladder(exercise_with("learns", task=task).checks[0], {k: learned(sign * v) for k, v in scores.items()})
    names = ["right", "stop", "best", "nearly", "half", "zero", "wrong", "worst", "broke"]
    assert [rung.name for rung in found.rungs] == names
    assert [rung.name for rung in found.rungs if rung.share is None] == ["stop", "best", "half", "zero", "worst"]
    assert found.metric == "error"


def test_a_check_that_trains_nothing_has_no_scores():
    assert ladder(exercise_with("right").checks[0], {}) is None
