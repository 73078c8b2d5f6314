"""How far `grade verify` grades a mistake, and what it reads first there, on a small course in the real jail."""

import pytest

EXERCISE = '''
"""Answer."""
from grader import Exercise, Unmet, expect

exercise = Exercise("answer", title="Answer", statement=__doc__, names=("answer",))

@exercise.check(points=1, about="form")
def whole(student):
    """answer() is a whole number."""
    expect(isinstance(student.call("answer"), int), "answer() is no whole number", hint="Return an int.")

@exercise.check(points=2, about="idea")
def right(student):
    """answer() is 42."""
    value = student.call("answer")
    expect(value == 42, f"answer() is {value}", hint="Think of the universe.")

@exercise.check(points=1)
def constant(student):
    """answer() stays what it is."""
    if student.call("answer") != student.call("answer"):
        raise Unmet("answer() changes", "Count nothing.", explains=True)
'''


def mistake(check, code, *lines):
    """A solution's text: its claim, and one expression that answer() returns."""
    claim = "\n".join([f'"""answer.{check}: a mistake.', "", *lines, '"""', ""])
    return f"{claim}calls = []\ndef answer():\n    calls.append(1)\n    return {code}\n"


COURSE = {
    "exercises/answer/__init__.py": EXERCISE,
    "exercises/answer/starter.py": "def answer():\n    raise NotImplementedError\n",
    "solutions/reference/answer.py": "def answer():\n    return 42\n",
    "solutions/answer/float/answer.py": mistake("whole", "42.0", "Hint: an int"),
    "solutions/answer/less/answer.py": mistake("right", "41", "Hint: universe", "First: is 41 | is 40; UNIVERSE"),
    "solutions/answer/restless/answer.py": mistake("constant", "42 + (len(calls) > 3)", "Hint: changes"),
}


@pytest.fixture
def verify(verify_here):
    """Verify the course above with some files more, or others; those that are None are left out."""
    return lambda changes, **options: verify_here({**COURSE, **changes}, **options)


def lines_of(result):
    """What is said of each solution and check, with one blank between words."""
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


@pytest.mark.slow
def test_a_mistake_is_graded_as_far_as_the_check_that_catches_it(verify):
    """One with a kind and the parts of a pair to their last check, as the pair itself; all of them with --whole."""
    found = lines_of(result := verify({}))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok answer float 0 of 1, up to whole" in found
    assert "ok answer less 1 of 3, up to right" in found
    assert "ok answer restless 3 of 4" in found
    assert "ok answer points by their mark idea 50%, form 25%" in found
    marked = {
        "solutions/answer/less/answer.py": mistake("right", "41", "Hint: universe", "Kind: idea"),
        "solutions/answer/float+restless/answer.py": mistake("whole", "42.0 + (len(calls) > 3)"),
    }
    found = lines_of(result := verify(marked))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok answer less 2 of 4: idea, keeps 50%" in found
    assert "ok answer float+restless 2 of 4; float 3, restless 3" in found
    assert "ok answer float 3 of 4" in found
    found = lines_of(verify({}, whole=True))
    assert "ok answer float 3 of 4" in found
    assert "ok answer less 2 of 4" in found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["less+less", "less+float+restless"])
def test_a_pair_is_called_after_two_mistakes(verify, name):
    result = verify({f"solutions/answer/{name}/answer.py": mistake("right", "41")})
    assert result.returncode == 1
    assert "a pair must be named after two mistakes: first+second" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            mistake("right", "41", "First: is 41; planets | stars"),
            "the first thing a student reads does not mention 'planets' or 'stars': "
            "answer() is 41 Think of the universe.",
        ),
        # a check above the claimed one fails, and is read first
        (
            mistake("right", "41.0", "Hint: universe", "First: universe"),
            "the first thing a student reads does not mention 'universe': answer() is no whole number Return an int.",
        ),
    ],
)
def test_what_is_read_first_must_name_the_mistake(verify, text, words):
    result = verify({"solutions/answer/less/answer.py": text}, only=("less",))
    assert result.returncode == 1, result.stdout + result.stderr
    assert words in " ".join(result.stdout.split())


@pytest.mark.slow
def test_what_a_check_further_down_explains_is_read_before_a_problem_is_said(verify):
    """The hint of `right` begins with what `constant` found."""
    text = mistake("right", "len(calls)", "First: which may be why; count nothing; universe")
    result = verify({"solutions/answer/less/answer.py": text}, only=("less",))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok answer less 1 of 4" in lines_of(result)


@pytest.mark.slow
def test_a_check_that_no_mistake_names_is_looked_for_in_the_others(verify):
    """They are graded to the last check before it is said that it never fails."""
    fails = {"solutions/answer/less/answer.py": mistake("right", "len(calls)", "Hint: universe")}
    result = verify({**fails, "solutions/answer/restless/answer.py": None})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok answer less 1 of 3, up to right" in lines_of(result)
    result = verify({"solutions/answer/restless/answer.py": None})
    assert result.returncode == 1
    assert "PROBLEM answer constant never fails" in lines_of(result)


@pytest.mark.slow
def test_what_cannot_be_read_is_a_problem_of_its_solution_alone(verify):
    changes = {
        "solutions/answer/less/answer.py": mistake("right", "41", "Hint: universe", "Kind: ides"),
        "solutions/answer/more/answer.py": mistake("right", "43", "Hint: universe"),
        "solutions/reference/answer.py": "def answer(:\n    return 42\n",
        "solutions/answer/float+none/answer.py": "def answer():\n    return 42\n",
    }
    result = verify(changes)
    found = lines_of(result)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "solutions/answer/less/answer.py, line 4: `Kind:` is 'ides', expected idea or form" in found
    assert "solutions/reference/answer.py, line 1: not valid Python: invalid syntax" in found
    assert "it is named after 'none', but there is no such mistake" in found
    assert "ok answer more 1 of 3, up to right" in found
    assert found[-1] == "3 problems (seed 3)."


LEARNING = '''"""Learn."""
import torch
from grader import Exercise, LearningTask, learn

exercise = Exercise("line", title="Line", statement=__doc__, names=("Model",))


def draw(count, generator):
    x = torch.rand(count, 1, generator=generator)
    return (x,), 2 * x - 1


def error(found, targets):
    return float((found - targets).square().mean())


TASK = LearningTask("Model", (), draw, error, "mean squared error", best=0.01, half=0.05, zero=0.2, worst=0.33,
                    stop=1e-4, steps=150, lr=0.1, batch_size=16, probe=64, held_out=64)


@exercise.check(points=1, task=TASK)
def learns(student):
    """It learns a line."""
    return learn(student, TASK).judge()

'''
MODEL = "from torch import nn\nclass Model(nn.Linear):\n    def __init__(self):\n        super().__init__(1, 1{})\n"


@pytest.mark.slow
def test_scores_are_shown_with_the_thresholds_beside_them(verify_here):
    claim = '"""line.learns: there is no bias."""\n'
    course = {
        "exercises/line/__init__.py": LEARNING,
        "exercises/line/starter.py": "class Model:\n    pass\n",
        "solutions/reference/line.py": MODEL.format(""),
        "solutions/line/no-bias/line.py": claim + MODEL.format(", bias=False"),
    }
    result = verify_here(course, scores=True)
    assert result.returncode == 0, result.stdout + result.stderr
    ladder = result.stdout.partition("line.learns: mean squared error\n")[2].partition("\n\n")[0]
    names = [line.split()[-1] for line in ladder.splitlines()]
    assert [name for name in names if name not in ("reference", "no-bias")] == ["stop", "best", "half", "zero", "worst"]
    assert names.index("reference") < names.index("best")
    assert names.index("no-bias") > names.index("half")
    assert "100% reference" in ladder
    assert "0.01  ----- best" in ladder
