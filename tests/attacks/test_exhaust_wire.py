"""Attacks through the channel that belongs to the grader, and through what is printed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.jail.shared import messages, wire
from grader.records.grade import ExerciseGrade

pytestmark = [pytest.mark.jail, pytest.mark.usefixtures("house")]

HERE = Path(__file__).parent
MEMORY_KIB = 4 * wire.BLOB_CAP >> 10
"""What a grading may take of the host's memory: the largest frame, and what it is made into."""
CUT = "it printed more than 1024 KiB; the rest was dropped"
WROTE = "it was stopped because it wrote to the grader's internal channel"


@pytest.fixture
def end(attack: Callable, tmp_path: Path) -> Callable[..., ExerciseGrade]:
    """Grade a case of a row."""

    def run(file: str, case: str, **limits: float) -> ExerciseGrade:
        source = tmp_path / "row.py"
        source.write_text((HERE / "exhaust" / f"{file}.py").read_text() + f"\nCASE = {case!r}\n")
        return attack(source.with_suffix(""), memory_mib=200, **limits).grade

    return run


def outcome(grade: ExerciseGrade) -> tuple[str, float, list[str]]:
    return (grade.status, grade.points, grade.flags)


ANSWERS = sorted(kind.__name__ for kind in messages.Answer.__args__)


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_forged_frame_is_no_verdict(kind, end):
    """It is taken as the answer or ends the worker; no kind of frame says that a check has passed."""
    grade = end("r1_forged_ahead", kind)
    before, during, after = grade.checks
    assert before.points == 1
    if kind == "Step":  # an event of no interest
        assert outcome(grade) == ("graded", 7, [])
    elif kind == "Raised":  # the answer; the true one is taken as the next one's, and so on
        assert outcome(grade) == ("crashed", 1, ["protocol"])
        assert (during.status, after.message) == ("error", WROTE)
    else:  # something else than was asked, or nothing where one thing was
        assert outcome(grade) == ("crashed", 5, ["protocol"])
        assert (during.status, during.message) == ("error", WROTE)


def test_requests_verdicts_and_unknown_kinds_are_refused(attack):
    """Each statement that sends one is left out, and what they try costs and earns nothing."""
    refuses_all("r1_forged_at_top_level", attack)


def test_lying_frames_are_refused(attack):
    """Each statement that sends one is left out; none is taken for what it says."""
    refuses_all("r7_lying_frames", attack)


def refuses_all(row: str, attack: Callable) -> None:
    source = (HERE / "exhaust" / f"{row}.py").read_text()
    first = source[: source.rindex("\n\n\n")].count("\n") + 4
    count = source.count("\n") + 1 - first
    grade = attack(f"exhaust/{row}", seconds=15).grade
    assert outcome(grade) == ("graded", 7, ["plain-import-failed", "protocol"])
    reason = "was left out: it wrote to the grader's internal channel"
    assert grade.notes == [
        *(f"`task.py`, line {line}, {reason}" for line in range(first, first + 5)),
        f"{count - 5} more statements were left out",
    ]


@pytest.mark.parametrize(("case", "points"), [("verdicts", 1), ("answers", 7)])
def test_answers_ahead_are_answers(case, points, end):
    """What is sent ahead is judged like what would have been said: a verdict is no answer, the right one is right."""
    assert end("r1_answers_to_come", case).points == points


@pytest.mark.parametrize(
    "case",
    [
        *("no frame", "no line end", "a header beyond the cap", "tensors beyond the cap"),
        pytest.param("all that the cap allows", marks=pytest.mark.isolation),
        "small frames",
    ],
)
def test_a_flood_is_cut(case, end):
    """The check is an error and the instructor is told; a fresh worker serves the next one."""
    started = time.monotonic()
    grade = end("r2_floods", case, seconds=30)
    assert time.monotonic() - started < 15
    assert outcome(grade) == ("crashed", 5, ["protocol"])
    assert grade.checks[1].message == WROTE


def test_answers_without_end_are_an_answer_each(end):
    """The host reads one for each question, whatever waits behind it."""
    grade = end("r2_floods", "answers", seconds=5)
    assert outcome(grade) == ("graded", 1, [])
    assert [check.status for check in grade.checks] == ["passed", "error", "error"]


@pytest.mark.parametrize(
    "case",
    ["print", "stderr", pytest.param("a gigabyte", marks=pytest.mark.isolation), "in a thread", "of C", "many small"],
)
def test_output_is_cut_and_costs_nothing(case, end):
    """The student reads that it was cut, the instructor sees a flag."""
    grade = end("r3_output", case, seconds=15)
    assert outcome(grade) == ("graded", 7, ["output-limit"])
    assert grade.notes == [CUT]


def test_cut_output_is_told_where_nothing_could_be_loaded(attack):
    """The note is there even if no definition was."""
    grade = attack("exhaust/r3_output_of_a_definition", seconds=1).grade
    assert outcome(grade) == ("timeout", 0, ["output-limit"])
    assert grade.notes == [CUT]


@pytest.mark.isolation
@pytest.mark.parametrize("case", ["closed", "replaced"])
def test_a_worker_that_cannot_answer_is_ended_at_once(case, end):
    started = time.monotonic()
    grade = end("r10_closed_wire", case, seconds=60)
    assert time.monotonic() - started < 15
    assert outcome(grade) == ("crashed", 5, [])
    assert grade.checks[1].message == "it died in `attack`: its process was ended by SIGKILL"


@pytest.mark.parametrize("case", ["silence", "a byte at a time"])
def test_half_a_frame_buys_no_time(case, end):
    grade = end("r11_slow_frames", case, seconds=1)
    assert outcome(grade) == ("timeout", 1, [])
    assert "the 1 s for all checks were spent" in grade.checks[1].message


def test_no_frame_makes_it_our_fault(attack):
    """Points that leave the total are points: what a submission sends never makes an exercise `broken`."""
    grade = attack("exhaust/r12_request_that_grows", seconds=5).grade
    assert outcome(grade) == ("graded", 2, ["plain-import-failed", "protocol"])
