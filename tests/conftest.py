"""A small world for tests: submissions written from a dict of files, graded for real in a real jail."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.course import Course, load_course
from grader.grading import grade as grade_submission
from grader.jail.host import Zygote
from grader.jail.isolation import Isolation, measure
from grader.records import Grade, Limits
from grader.settings import read_settings
from grader.submissions import stage, unstage

ROOT = Path(__file__).parents[1]

Files = dict[str, str | bytes]

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def course() -> Course:
    """The bundled course, without installed third-party plugins."""
    return load_course(read_settings(), entry_points=False)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One warm zygote for the whole session."""
    with Zygote() as zygote:
        yield zygote


@pytest.fixture(scope="session")
def isolation(zygote: Zygote) -> Isolation:
    """The isolation this session really reaches."""
    return measure(zygote)


@pytest.fixture(scope="session")
def reference() -> str:
    """The source of the reference solution of `my_rnn`."""
    return (ROOT / "solutions" / "reference" / "my_rnn.py").read_text()


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a folder of their own and return it."""

    def write(files: Files, name: str = "ada") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for path, content in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a zip and return it."""

    def write(files: Files, name: str = "ada.zip") -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as file:
            for path, content in files.items():
                file.writestr(path, content)
        return tmp_path / name

    return write


@pytest.fixture
def grade(zygote: Zygote, course: Course, isolation: Isolation) -> Callable[..., Grade]:
    """Grade a path in the real jail, by default as `my_rnn`. Further arguments are `Limits`."""

    def run(path: Path, *, seed: int = 1, exercise: str = "my_rnn", **limits: float) -> Grade:
        (picked,) = course.pick((exercise,))
        exercises = [type(picked)(**{**vars(picked), "limits": {**picked.limits, **limits}})]
        if picked.trains:
            zygote.prepare_training()
        staged = stage(path, zygote, Limits(**limits))  # type: ignore[arg-type]
        try:
            return grade_submission(staged, exercises, course, zygote, level=isolation.level, seed=seed)
        finally:
            unstage(staged, zygote)

    return run


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real `grade` in a folder of its own, without this machine's GRADE_* settings.

    Of the bundled course, it grades `my_rnn` unless a test says otherwise: the other exercises train for seconds.
    """

    def run(*arguments: object, env: dict[str, str] | None = None, timeout: float = 120) -> Any:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}
        if "--course" not in arguments and "GRADE_COURSE" not in (env or {}):
            clean["GRADE_EXERCISE"] = "my_rnn"
        (tmp_path / "cwd").mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-m", "grader", *map(str, arguments)],
            cwd=tmp_path / "cwd",
            env={**clean, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture
def submit_json(cli: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., dict[str, Any]]:
    """`grade submit --format json`, decoded strictly."""

    def run(*arguments: object, **options: Any) -> dict[str, Any]:
        result = cli("submit", *arguments, "--format", "json", **options)
        assert result.stdout, result.stderr

        def refuse(literal: str) -> None:
            raise AssertionError(f"{literal} is no JSON")

        return json.loads(result.stdout, parse_constant=refuse)

    return run


NO_CUDA = "no CUDA device"
"""Why a test is skipped that needs a GPU: all that CI may lack."""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure: everything it needs was to be installed, but for a GPU."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("GRADER_NO_SKIPS") and reporter is not None:
        reasons = [report.longrepr[2] for report in reporter.stats.get("skipped", [])]
        if set(reasons) - {f"Skipped: {NO_CUDA}"}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


# The levels of isolation at which the tests of the jail passed (`test_levels.py`): told at the end.

LEVELS_PASSED = pytest.StashKey[list[tuple[str, str, int]]]()


@pytest.fixture
def levels_passed(pytestconfig: pytest.Config) -> Callable[[str, str, int], None]:
    """Note a level, the environment it was reached in, and how many tests passed there."""
    passed = pytestconfig.stash.setdefault(LEVELS_PASSED, [])

    def note(level: str, environment: str, count: int) -> None:
        passed.append((level, environment, count))
        if file := os.environ.get("GRADER_TEST_LEVELS"):
            with Path(file).open("a", encoding="utf-8") as lines:
                lines.write(f"{level} {environment} {count}\n")

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lines such as `isolation: basic (user without namespaces) 43 passed`."""
    for level, environment, count in terminalreporter.config.stash.get(LEVELS_PASSED, []):
        terminalreporter.write_line(f"isolation: {level} ({environment}) {count} passed")
