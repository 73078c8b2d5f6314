"""Real reports in a real browser: nothing is refused, asked for or executed, nothing overflows a phone or a sheet of
paper, and axe finds no violation of WCAG 2.2 A and AA, in light and dark.

Pages of all solutions, which take minutes to grade, are looked at in `test_solutions.py`.
"""

import shutil
from pathlib import Path

import pytest

from grader.records.figures import Band, Cell, Curve, Level, Line, Mark, Matrix, Samples, differing
from grader.records.grade import Adjustment, Conditions, ExerciseGrade, Grade

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow

MARKUP = (
    "</title></style></textarea></script><script>window.pwned1=1</script><img src=x onerror=window.pwned2=1>"
    '<svg onload=window.pwned3=1><iframe src="https://example.org/"></iframe><a href=javascript:pwned4=1>x</a>'
    "{{ 7 * 7 }} \"'` onmouseover=window.pwned5=1 &lt;b&gt; <style>*{display:none}</style>"
    "<link rel=stylesheet href=https://example.org/x.css><meta http-equiv=refresh content=0;url=https://example.org>"
)
ANSI = "\x1b[2J\x1b[31mred\x1b]8;;https://example.org\x07link\x1b]8;;\x07\x07\x00\x9b31m"
TURNED = "\u202egnp.exe\u202c \u2066\u2067mirror\u2069 \u200f\u061c"
HOSTILE = f"{MARKUP} {ANSI} {TURNED}"
EVERYTHING_WRONG = sorted(
    [ROOT / "solutions/my_rnn/truncated-gradient/my_rnn.py", *ROOT.glob("solutions/*/rate-too-low/*.py")]
)
SUBMISSION = """
import torch
from torch import nn

HOSTILE = {hostile!r}
LONG = HOSTILE + "x" * 100_000 + "損" * 1000

raise RuntimeError(LONG)

Strange = type(LONG[:3000].replace("\\0", ""), (RuntimeError,), {{}})


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.register_parameter(LONG.replace(".", ","), nn.Parameter(torch.zeros(3)))

    def forward(self, x, h_0):
        raise Strange(LONG)


class AddingModel(nn.Module):
    recipe = {{LONG: LONG, "optimizer": LONG}}

    def __init__(self, hidden_size):
        super().__init__()
        self.rnn, self.last = nn.GRU(2, hidden_size, batch_first=True), nn.Linear(hidden_size, 1)

    def forward(self, x):
        return self.last(self.rnn(x)[0][:, -1])


def make_batch(batch_size, seq_len):
    return Strange(LONG), LONG
"""


@pytest.fixture
def saved(cli, tmp_path):
    """Grade a path with the real command; the file of its report."""

    def run(path, *exercises):
        chosen = [part for exercise in exercises for part in ("--exercise", exercise)]
        done = cli("submit", path, *chosen, "--seed", 1, "--output", tmp_path / "out", timeout=600)
        assert done.returncode == 0, done.stderr
        [file] = (tmp_path / "out").glob("*.html")
        return file

    return run


@pytest.mark.parametrize("quickly", [False, True])
def test_a_page_that_is_wrong_is_seen(windows, assert_readable, tmp_path, quickly):
    """The instrument: each of what must not be, planted in a page, is found."""
    page = "<!doctype html><html{lang}><head><title>t</title>{head}</head><body><main><h1>t</h1>{body}</main></body>"
    faults = {
        "executed": {"body": "<script>console.log(1)</script>"},
        "pixels wide": {"body": "<div style='width: 950px'>x</div>"},
        "pixels wide, 320": {"body": "<div style='width: 400px'>x</div>"},
        "html-has-lang": {"lang": ""},
        "color-contrast": {"body": "<p style='color: #999; background: #fff'>faint</p>"},
        "color-contrast ": {
            "head": "<style>@media (prefers-color-scheme: dark) { p { color: #333; background: #222; } }</style>",
            "body": "<p>faint in the dark</p>",
        },
        "asked for more": {"body": "<img alt='a dot' src='other.png'>"},
        "asked for more ": {
            "head": "<style>@media (prefers-color-scheme: dark) { p { background: url(other.png); } }</style>",
            "body": "<p>x</p>",
        },
        "wider than paper": {"head": "<style>@media print { p { width: 700px; } }</style>", "body": "<p>x</p>"},
        "bytes": {"body": f"<!-- {'x' * 400_000} -->"},
    }
    file = tmp_path / "page.html"
    file.write_text(page.format(lang=" lang=en", head="", body=""))
    assert_readable(file, quickly)
    for found, parts in faults.items():
        file.write_text(page.format(**{"lang": " lang=en", "head": "", "body": "", **parts}))
        with pytest.raises(AssertionError, match=found.strip()):
            assert_readable(file, quickly)
    file.write_text(page.format(lang=" lang=en", head="", body="<img alt=x src=x onerror=console.log(window.pwned=1)>"))
    windows["light"].open(file)
    windows["light"].page.wait_for_function("() => window.pwned")
    assert windows["light"].said[-1] == "1"


def test_the_page_of_a_mistake_in_a_quick_exercise(saved, assert_readable):
    assert_readable(saved(ROOT / "solutions" / "my_rnn" / "reversed-time", "my_rnn"))


def test_the_page_where_everything_is_wrong(saved, assert_readable, tmp_path):
    """All exercises fall short in what takes the most room: trainings, with all that is shown of them."""
    folder = tmp_path / "ada"
    folder.mkdir()
    for wrong in EVERYTHING_WRONG:
        shutil.copy(wrong, folder)
    file = saved(folder, *(wrong.stem for wrong in EVERYTHING_WRONG))
    text = file.read_text()
    for title in ("How far gradients flow back", "Gradient of the answer with respect to each input"):
        assert title in text
    for title in (
        "Error by length",
        "Which list is taken for which",
        "Translations",
        "Learning curve",
        "Gradient norm",
    ):
        assert title in text
    assert_readable(file)


def test_the_page_of_a_hostile_submission(saved, assert_readable, submission):
    """Markup, escape sequences, turned text and lines of 100 kB in names and messages."""
    name = f"{MARKUP.replace('/', '')[:150]}{TURNED}"
    folder = submission({"all.py": SUBMISSION.format(hostile=HOSTILE)}, name=name)
    file = saved(folder, "my_rnn", "adding_problem")
    assert "pwned1" in file.read_text()  # it got through as text
    assert_readable(file)


def test_a_page_of_hostile_evidence(course, assert_readable, tmp_path):
    """In the words of figures, notes, adjustments and conditions: what a plugin may hand on from students. Figures,
    messages and notes may be of any length."""
    word = HOSTILE + "x" * 100_000
    curve = Curve(
        *(word, word, word, word, [Line(word, [1, 2], [3, 4]), Line(word, range(50), range(50))]),
        *([Band(word, [1, 2], [1, 2], [2, 3])], [Level(word, 5)], [Mark(word, 1), Mark(word, 2)]),
    )
    figures = [
        curve,
        Matrix(word, word, [word, "b"], [[1, 2], [3, 4]], word, word, word),
        Samples(word, word, [word], [[Cell(word, [(0, 3)])]], word),
    ]
    exercise = ExerciseGrade("x", HOSTILE, "graded", word, 0.0, 0.0, 1.0, [], [word] * 3, [])
    grade = Grade(1, HOSTILE, "graded", None, 0.0, 0.0, 0.0, "cpu", "strong", 7, 1.0, [], [exercise])
    conditions = Conditions(HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}, [HOSTILE], [HOSTILE])
    page = course.reports["html"].page(grade, conditions, {"x": figures}, adjustments=[Adjustment(HOSTILE, 1.0)])
    file = tmp_path / "hostile.html"
    file.write_text(page, encoding="utf-8")
    assert_readable(file)


@pytest.fixture
def evidence(course, tmp_path):
    """A page with a length sweep, a confusion matrix and samples, wider than a phone."""
    labels = ["Arabic", "Czech", "Dutch", "Greek", "Japanese", "Portuguese", "Russian"]
    counts = [[60 if row == column else 3 for column in range(7)] for row in range(7)]
    sweep = [Line(name, [10, 30, 50, 100], [0.01, 0.1, 0.5, 1.0]) for name in ("your model", "RNN", "LSTM", "GRU")]
    asked = [Cell("September 30, 2004"), Cell("2004-09-30"), differing("2004 09-3", "2004-09-30")]
    figures = [
        Curve("Lengths", "It forgets.", "sequence length", "mean squared error", sweep, log_y=True),
        Matrix("Confusion", "Most are right.", labels, counts),
        Samples("Dates", "None is right.", ["asked", "expected", "answered"], [asked, [Cell("x" * 300)] * 3]),
    ]
    exercise = ExerciseGrade("names", "Names", "graded", None, 0.0, 0.0, 1.0, [], [], [])
    grade = Grade(1, "ada", "graded", None, 0.0, 0.0, 0.0, "cpu", "strong", 7, 1.0, [], [exercise])
    conditions = Conditions("", {}, {}, [], ["`names.learns`: 0 of 100."])
    adjustments = [Adjustment("handed in late", -1.0)]
    page = tmp_path / "evidence.html"
    page.write_text(course.reports["html"].page(grade, conditions, {"names": figures}, adjustments=adjustments))
    return page


def test_wide_tables_scroll_by_themselves(windows, evidence):
    """The page does not. Three long cells beside each other are wider than any column of text."""
    for name, width, wider in (("narrow", 320, 2), ("light", 900, 1)):
        windows[name].open(evidence)
        assert windows[name].widths() == [width, width, wider]


def test_a_page_with_all_sections(evidence, assert_readable):
    """But on paper: nobody can read a line of 900 characters there."""
    evidence.write_text(evidence.read_text().replace("x" * 200, "x" * 20))
    assert_readable(evidence)
