"""A grade in the terminal: order, words, and text that stays text."""

import io
import subprocess
import sys

import pytest

from grader.cli.text import print_grade, progress
from grader.records.grade import Conditions, ExerciseGrade, Grade, Verdict
from grader.records.summary import first_to_fix

CONDITIONS = Conditions(
    command="grade submit a/rather/long/path/to/the/submission/of/ada --seed 7 --exercise my_rnn",
    versions={"torch": "2.13.0"},
    probes={"landlock": "ABI 7"},
    notes=["The band was measured on a CPU."],
)
HOSTILE = "[red]a[/red] [link=x]b :smile: \x1b[31mred\x1b]0;title\x07 \x9b2J \u202egnp"
LITERAL = r"[red]a[/red] [link=x]b :smile: \x1b[31mred\x1b]0;title\x07 \x9b2J \u202egnp"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Nothing of the machine that runs the tests decides about colour or width."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def verdict(id, status="passed", points=0.0, message="", hint=None):
    return Verdict(id, f"Promise {id}.", status, points, 2.0, message, hint)


def attempt(id, *checks, status="graded", message=None, notes=()):
    points, max_points = sum(check.points for check in checks), 2.0 * len(checks)
    return ExerciseGrade(id, f"About {id}", status, message, points, max_points, 1.0, [], list(notes), list(checks))


def grade(*exercises, submission="ada", status="graded", message=None):
    return Grade(
        1,
        submission,
        status,
        message,
        3.25,
        8.0,
        40.62,
        "cpu",
        "strong",
        7,
        12.34,
        ["no-recurrence"],
        list(exercises),
    )


GOOD = attempt("my_rnn", verdict("shapes", points=2.0, message="as asked", hint="never shown"))
MIXED = attempt(
    "adding",
    verdict("batch", points=1.25, status="partial", message="the mask has\n    three ones", hint="Draw two."),
    verdict("learns", "failed", message="error 0.5"),
    notes=["line 80 raised"],
)
MISSING = attempt("copy", verdict("a", "skipped"), status="missing", message="No class was found.")
BROKEN = attempt("dates", verdict("b", "skipped"), status="broken", message="KeyError")
CRASHED = attempt("copy", verdict("a"), verdict("b", "error"), verdict("c", "skipped"), status="crashed")


def shown(grade, stream=None):
    stream = stream or io.StringIO()
    print_grade(grade, CONDITIONS, stream)
    return stream.getvalue()


def assert_in_order(text, *parts):
    """Each part stands in the text after the one before it."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not in {text[at:]!r}"
        at = found + len(part)


def test_print_grade_tells_in_order():
    """The report's order, and the total last, where the eye is."""
    text = shown(grade(GOOD, MIXED, MISSING, BROKEN))
    assert_in_order(
        text,
        "ada\n",
        "\nWhat to fix first\n",
        "  adding: Promise batch.\n",
        "    the mask has\n        three ones\n",
        "    Hint: Draw two.\n",
        "\nmy_rnn: About my_rnn\n  graded, 2 of 2\n",
        "  passed   2 of 2  Promise shapes.\n",
        "\nadding: About adding\n  graded, 1.25 of 4\n",
        "  partial  1.25 of 2  Promise batch.\n      the mask has\n          three ones\n",
        "      Hint: Draw two.\n",
        "  failed   0 of 2     Promise learns.\n      error 0.5\n",
        "  Note: line 80 raised\n",
        "\ncopy: About copy\n  missing, 0 of 2\n  No class was found.\n",
        "\ndates: About dates\n  broken, not counted\n",
        "  The grader itself failed here. This is not your mistake.\n",
        "\nHow it was graded\n",
        "strong\n",
        f"again      {CONDITIONS.command}\n",
    )
    assert text.endswith("\nTotal: 3.25 of 8 points, 40.62 % (graded)\n")


def test_print_grade_is_plain_in_a_file():
    """No escape sequences, no blanks at line ends, no flags, no hints for what passed."""
    text = shown(grade(GOOD, MIXED))
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert "no-recurrence" not in text
    assert "never shown" not in text


def test_print_grade_colours_words_in_a_terminal():
    """Colour comes with the word, and goes with NO_COLOR."""
    text = shown(grade(MIXED), Terminal())
    assert "\x1b[31m  failed" in text


def test_print_grade_honours_no_color(monkeypatch):
    """No colour at all with NO_COLOR; the words remain."""
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(grade(MIXED), Terminal())
    assert "\x1b[3" not in text
    assert "failed" in text


def test_print_grade_wraps_in_narrow_terminals(monkeypatch):
    """No line is wider than the terminal but the command, which is there to be copied."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = shown(grade(GOOD, MIXED, attempt("x", verdict("y" * 200, "failed", message="z" * 200)))).splitlines()
    assert max(len(line) for line in lines if CONDITIONS.command not in line) <= 40
    assert sum(line.count("z") for line in lines) >= 200


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_print_grade_keeps_hostile_text_literal(stream):
    """Neither markup nor escape sequences nor turned writing directions are obeyed."""
    check = verdict("a", "failed", message=HOSTILE, hint=HOSTILE)
    hostile = attempt("my_rnn", check, status="error", message=HOSTILE, notes=[HOSTILE])
    text = shown(grade(hostile, submission=HOSTILE), stream())
    assert text.replace("\n", " ").count("[red]a[/red] [link=x]b :smile:") == 6
    assert LITERAL in text
    assert not set(text) & set("\x07\x9b\u202e")
    assert "\x1b]" not in text


def test_print_grade_writes_what_the_stream_can_encode():
    """An old terminal, a lone surrogate: shown escaped instead of raised."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_grade(grade(attempt("x", verdict("é", "failed", message="\udc80"))), CONDITIONS, stream)
    stream.flush()
    assert rb"Promise \xe9." in raw.getvalue()
    assert rb"\udc80" in raw.getvalue()


def test_print_grade_says_why_a_submission_is_invalid():
    """No exercises, one reason."""
    text = shown(grade(status="invalid", message="The archive is encrypted."))
    assert_in_order(text, "What to fix first", "could not be read", "The archive is encrypted.", "(invalid)")


@pytest.mark.parametrize(
    ("exercises", "expected"),
    [
        ([GOOD], None),
        ([BROKEN], None),
        ([GOOD, MIXED, MISSING], ("adding", "batch")),
        ([BROKEN, MISSING, MIXED], ("copy", None)),
        ([CRASHED], ("copy", "b")),
    ],
)
def test_first_to_fix(exercises, expected):
    """The first exercise that is not perfect, and in it the check that says what is wrong."""
    fix = first_to_fix(grade(*exercises))
    assert expected == (fix and (fix.exercise.id, fix.check and fix.check.id))


def test_progress_is_silent_without_a_terminal():
    """Logs stay clean."""
    stream = io.StringIO()
    with progress(stream) as show:
        show("my_rnn", None)
        show("my_rnn", "Promise shapes.")
    assert stream.getvalue() == ""


def test_progress_shows_one_line_and_takes_it_back(monkeypatch):
    """Hostile or long titles stay one line of plain text, and nothing is left at the end."""
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    with progress(stream) as show:
        show("my_rnn", None)
        show("my_rnn", "[red]Keeps\n\x1b[31m " + "long " * 50)
    text = stream.getvalue()
    assert r"my_rnn: [red]Keeps \x1b[31m long" in text
    assert text.count("\n") == 1  # rich ends the line before it erases it
    assert text.endswith("\x1b[1A\x1b[2K")


def test_rich_waits_for_the_first_grade():
    """Starting the command does not pay for the terminal library."""
    program = "import sys, grader.cli.text; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
