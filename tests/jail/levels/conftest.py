"""Run Python, or the tests marked `isolation`, in another environment of `tests/environments/run.py`."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
RUN = TESTS / "environments" / "run.py"
IMPOSSIBLE = 125
MARK = "mark.isolation"
SKIPS = ("no control group can be made", "only root makes device files", "whoever is not root cannot read it either")
"""Why a repeated test may be skipped: the user may not make what it needs. Everything else that is skipped is lost."""

Run = Callable[..., subprocess.CompletedProcess[str]]
Repeat = Callable[..., None]


def marked_files() -> list[Path]:
    """The test files that hold a repeated test: the others need not be collected."""
    found = [file for file in sorted(TESTS.rglob("test_*.py")) if MARK in file.read_text(encoding="utf-8")]
    return [file for file in found if Path(__file__).parent not in file.parents]


@pytest.fixture
def run_in(tmp_path: Path) -> Run:
    """Run Python under the options of `run.py`; skip where this machine cannot make that environment."""

    def run(options: Sequence[str], *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        if "--user" not in options and os.geteuid() != 0:
            pytest.skip("these tests do not run as root")
        foreign = ("GRADE_", "GRADER_", "PYTEST_")
        # without Landlock, a worker of root's gets no right to pass a folder that is root's alone, as pytest's are
        temporary = "/tmp" if "--no-landlock" in options else str(tmp_path)
        result = subprocess.run(
            [sys.executable, RUN, *options, "--", sys.executable, *map(str, arguments)],
            cwd=TESTS.parent,
            env={**{k: v for k, v in os.environ.items() if not k.startswith(foreign)}, "TMPDIR": temporary},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if result.returncode == IMPOSSIBLE:
            pytest.skip(result.stderr.strip())
        return result

    return run


@pytest.fixture
def repeat(run_in: Run, levels_passed: Callable[[str, str, int, int], None]) -> Repeat:
    """Run the tests marked `isolation` in an environment, all or those of some files, and note how many passed.

    Fails where one fails, where one that was selected neither passed nor was skipped for one of `SKIPS`, and where a
    file ran none.
    """

    def run(environment: str, options: Sequence[str], files: Sequence[Path] = ()) -> None:
        chosen = [str(file.relative_to(TESTS.parent)) for file in files or marked_files()]
        arguments = ["-m", "isolation", "-p", "no:cacheprovider"]
        result = run_in(options, "-B", "-m", "pytest", *chosen, *arguments, timeout=1200)
        assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
        levels_passed(*judged(result.stdout, chosen, environment))

    return run


def judged(output: str, chosen: Sequence[str], environment: str) -> tuple[str, str, int, int]:
    """The level that the tests measured, the environment, how many passed, and how many were selected."""
    said = re.search(r"^isolation: (\w+) \(\w+\) (\d+) of \d+ passed$", output, re.MULTILINE)
    collected = re.search(r"^collected (\d+) items?(?: / \d+ deselected / (\d+) selected)?$", output, re.MULTILINE)
    assert said and collected, output[-4000:]
    passed, selected = int(said[2]), int(collected[2] or collected[1])
    lines = re.findall(r"^SKIPPED \[(\d+)\] [^ ]+: (.*)$", output, re.MULTILINE)
    skipped = sum(int(count) for count, reason in lines if reason.startswith(SKIPS))
    assert passed + skipped == selected, (
        f"{environment}: {passed} of {selected} passed, {skipped} may be skipped: {lines}"
    )
    silent = [file for file in chosen if not re.search(rf"^{re.escape(file)} \S*[.s]", output, re.MULTILINE)]
    assert silent == [], f"{environment}: no test of {silent} ran"
    return said[1], environment, passed, selected
