"""Attacks that use up what there is: memory, disk, processes, time; and ends that are meant to confuse.

Each is judged by its grade, and by what the host still has afterwards: `house`.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from grader.records.grade import ExerciseGrade

pytestmark = [pytest.mark.jail, pytest.mark.usefixtures("house")]

HERE = Path(__file__).parent
LIMITS = {"memory_mib": 200, "files_mib": 8}
MEMORY_KIB = 100 << 10
"""What a grading may take of the host's memory."""


@dataclass(frozen=True)
class End:
    """How an attempt ends; `words` are in the message of the check that attacked."""

    status: str
    points: float
    words: str
    flags: tuple[str, ...] = ()


TOLD = (
    "It was stopped in `attack`, during the check 'The attack, which says what it could do', when the 1 s for all "
    "checks were spent; what passed before that counts."
)
STOPPED = End("timeout", 1, "it was stopped in `attack` because the 1 s for all checks were spent")
FULL = End("memory", 5, "it was stopped in `attack` because it used more than 200 MiB of memory")
DIED = End("crashed", 5, "it died in `attack`: its process ")
RAISED = End("graded", 5, "`attack` raised ")
WRONG = End("graded", 5, "`attack` returned ")
FINE = End("graded", 7, "as promised")


def saying(end: End, words: str) -> End:
    return replace(end, words=end.words + words)


ENDS: dict[str, End | dict[str, End]] = {
    "m1_private": replace(RAISED, status="memory", words="`attack` raised MemoryError"),
    "m1_growing_down": FINE,
    "m2_device": FINE,
    "m5_page_tables": FULL,
    "m6_without_a_main_thread": FULL,
    "m7_forged_status": FULL,
    "p10_deaf": STOPPED,
    "p11_stop": {"strong": FINE, "basic": STOPPED},
    "p12_endings:os._exit": saying(DIED, "ended with exit code 0"),
    "p12_endings:sys.exit": saying(RAISED, "SystemExit: 0"),
    "p12_endings:SystemExit": saying(RAISED, "SystemExit"),
    "p12_endings:KeyboardInterrupt": saying(RAISED, "KeyboardInterrupt"),
    "p12_endings:GeneratorExit": saying(RAISED, "GeneratorExit"),
    "p12_endings:StopIteration": saying(RAISED, "StopIteration"),
    # the first process of a namespace is not harmed by signals that it sends itself
    "p12_endings:SIGKILL": {"strong": FINE, "basic": saying(DIED, "was ended by SIGKILL")},
    "p12_endings:the only thread": saying(DIED, "ended with exit code 0"),
    "p12_endings:the main thread": STOPPED,
    "p12_loose_ends": FINE,
    "p13_deaths:segfault": saying(DIED, "was ended by SIGSEGV"),
    "p13_deaths:abort": {
        "strong": saying(DIED, "was ended by SIGSEGV"),
        "basic": saying(DIED, "was ended by SIGABRT"),
    },
    "p13_deaths:illegal instruction": saying(DIED, "was ended by SIGILL"),
    "p13_deaths:stack overflow": saying(DIED, "was ended by SIGSEGV"),
    "p19_endless_del": STOPPED,
    "p20_hooks:endless": STOPPED,
    "p20_hooks:unasked": FINE,
    "p20_hooks:raising": saying(RAISED, "RuntimeError: a method of the answer"),
    "p20_hooks:long": saying(WRONG, "<task.Long with too many parts>"),
    "p20_hooks:liar": RAISED,
    "p20_hooks:generator": saying(WRONG, "<generator>"),
    "p22_regular_expression": STOPPED,
    "p23_name_of_bytes": FINE,
    "c1_threads": STOPPED,
}


@pytest.fixture
def end(attack: Callable, tmp_path: Path) -> Callable[..., ExerciseGrade]:
    """Grade a row, `file` or `file:case`."""

    def run(row: str, **limits: float) -> ExerciseGrade:
        file, _, case = row.partition(":")
        source = tmp_path / "row.py"
        chosen = f"\nCASE = {case!r}\n" if case else ""
        source.write_text((HERE / "exhaust" / f"{file}.py").read_text() + chosen)
        return attack(source.with_suffix(""), **LIMITS, **limits).grade

    return run


OF_PYTHON = (
    "p12_endings:sys.exit",
    "p12_endings:SystemExit",
    "p12_endings:KeyboardInterrupt",
    "p12_endings:GeneratorExit",
    "p12_endings:StopIteration",
    "p19",
    "p20",
    "p22",
    "p23",
)
"""Rows that the interpreter alone decides: they end the same way at every level, and are not repeated."""


@pytest.mark.parametrize(
    "row", [pytest.param(row, marks=[] if row.startswith(OF_PYTHON) else pytest.mark.isolation) for row in ENDS]
)
def test_an_attempt_ends_and_says_how(row, end, isolation):
    """Status, points, words and flags are as the table says, and it does not take long."""
    expected = ENDS[row]
    if isinstance(expected, dict):
        expected = expected["basic" if isolation.level == "basic" else "strong"]
    started = time.monotonic()
    grade = end(row, seconds=1 if expected.status == "timeout" else 10)
    assert time.monotonic() - started < 15
    during = grade.checks[1]
    assert (grade.status, grade.points, tuple(grade.flags)) == (expected.status, expected.points, expected.flags)
    assert during.message.startswith(expected.words)
    assert grade.checks[0].status == "passed"
    if expected.status == "timeout":
        assert (during.status, grade.checks[2].status) == ("error", "skipped")
        assert grade.message == TOLD


def everywhere(*ways: str) -> dict[str, list[str]]:
    return {"strong": list(ways), "basic": list(ways)}


QUIET = {
    "m1_swallowed": everywhere(),
    "m2_shared": everywhere(),
    "m3_memfd": everywhere(),
    "m4_left_in_the_kernel": everywhere(),
    # without namespaces the scratch folder is one of the disk's: each file is limited, their sum is not
    "f9_disk_bomb": {"strong": [], "basic": ["many files"]},
    "f10_inode_bomb": {"strong": [], "basic": ["2500 files"]},
    "f17_hard_to_remove": everywhere(),
    "f18_space_behind_the_end": everywhere(),
    "p6_daemon": everywhere(),
    "p7_fork_bomb": everywhere(),
    # a limit on threads counts all that a user runs: it needs a user or a namespace of its own
    "p8_thread_bomb": {"strong": [], "basic": [] if os.geteuid() == 0 else ["200 threads"]},
}


@pytest.mark.isolation
@pytest.mark.parametrize("row", QUIET)
def test_what_is_refused_costs_nothing(row, attack, isolation):
    """The ways that work are those of the table, and all points are given."""
    result = attack(f"exhaust/{row}", seconds=30, **LIMITS)
    assert result.done == QUIET[row]["basic" if isolation.level == "basic" else "strong"]
    assert result.spoiled_nothing


@pytest.mark.isolation
def test_the_next_attempt_sees_nothing(attack):
    """Neither files nor modules, settings, variables or threads of an earlier attempt are there."""
    for _ in range(2):
        result = attack("exhaust/f11_left_for_the_next", seconds=30, **LIMITS)
        assert (result.done, result.spoiled_nothing) == ([], True)


@pytest.mark.parametrize("row", ["m3_memfd", "f10_inode_bomb", "p8_thread_bomb"])
def test_it_can_be_done_without_the_jail(row, control):
    assert control(f"exhaust/{row}")


def test_an_endless_top_level_costs_nothing(end):
    """A statement that does not end is left out with its line, and all points are given."""
    grade = end("p18_endless_top_level")
    assert (grade.status, grade.points, grade.flags) == ("graded", 7, ["plain-import-failed"])
    assert grade.notes == ["`task.py`, line 12, was left out: it did not finish in time"]


def test_an_endless_definition_ends_the_attempt(end):
    """Without its definitions there is nothing to check."""
    grade = end("p21_endless_metaclass", seconds=1)
    assert (grade.status, grade.points) == ("timeout", 0)
    assert grade.checks[0].message.startswith("it was stopped")
    assert "spent: it may contain an infinite loop" in grade.checks[0].message


def test_an_endless_neighbour_is_left_out(grade, submission, reference):
    """A file that is imported runs statement by statement too."""
    files = {"my_rnn.py": f"import helper\n{reference}", "helper.py": "import math\nwhile True:\n    pass\n"}
    (result,) = grade(submission(files), top_level_seconds=1).exercises
    assert (result.status, result.points) == ("graded", result.max_points)
    assert "`helper.py`, line 2, was left out: it did not finish in time" in result.notes
