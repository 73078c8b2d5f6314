"""A small world for tests: submissions written from a dict of files, graded for real in a real jail."""

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
import torch
from click.testing import CliRunner

from grader.cli.main import main
from grader.course.loading import Course, load_course
from grader.course.settings import read_settings
from grader.grading.session import Session
from grader.jail.host import Jail
from grader.jail.isolation import Isolation, measure
from grader.records.grade import Grade
from grader.testing import GradeFixture

ROOT = Path(__file__).parents[1]

pytest_plugins = ["grader.testing"]
"""`submission`, `archive`, `notebook` and `grade`: those that a colleague's package uses."""

collect_ignore = ["third_party_plugin"]
"""A package of its own: `tests/test_testing.py` runs its tests, with that package installed."""

torch.set_num_threads(1)
hypothesis.settings.register_profile("grader", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("grader")

LEVEL = pytest.StashKey[str]()
LEVELS_PASSED = pytest.StashKey[list[tuple[str, str, int, int]]]()
"""The levels of isolation at which tests marked `isolation` passed, here and in `jail/levels`, and of how many."""


def pytest_configure(config: pytest.Config) -> None:
    """Make `browsing.py` and `scheduling.py` known: no file of a test can import another."""
    for name in ("browsing", "scheduling"):
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
        config.pluginmanager.register(module)


@pytest.fixture(scope="session")
def course() -> Course:
    """The bundled course, without installed third-party plugins."""
    return load_course(read_settings(), entry_points=False)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Jail]:
    """One warm zygote for the whole session."""
    with Jail() as zygote:
        yield zygote


@pytest.fixture(scope="session")
def isolation(zygote: Jail, pytestconfig: pytest.Config) -> Isolation:
    """The isolation this session really reaches."""
    measured = measure(zygote)
    pytestconfig.stash[LEVEL] = measured.level
    return measured


@pytest.fixture(scope="session")
def reference() -> str:
    """The source of the reference solution of `my_rnn`."""
    return (ROOT / "solutions" / "reference" / "my_rnn.py").read_text()


@pytest.fixture(scope="session")
def session_for(zygote: Jail, isolation: Isolation) -> Callable[[Course], Session]:
    """Sessions in the one jail that all tests share, without measured error rates: reports alone show them."""
    return lambda course: Session(course, course.exercises, zygote, isolation)


@pytest.fixture
def grade(grade: GradeFixture) -> Callable[..., Grade]:
    """That of `grader.testing`; as `my_rnn` unless a test names another exercise."""
    return partial(grade, exercise="my_rnn")


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


class Invoked(NamedTuple):
    """What a command did in this process; names as of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str
    output: str
    """Both, as a terminal would show them."""


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Invoked]:
    """What `cli` does, in this process: torch need not be imported once more. `cwd`: another folder to be in.

    For what a command does; that it can be started, stopped and piped takes a process, and `cli`.
    """

    def run(*arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> Invoked:
        (tmp_path / "cwd").mkdir(exist_ok=True)
        with monkeypatch.context() as clean:
            for name in [name for name in os.environ if name.startswith("GRADE_")]:
                clean.delenv(name)
            if "--course" not in arguments and "GRADE_COURSE" not in (env or {}):
                clean.setenv("GRADE_EXERCISE", "my_rnn")
            for name, value in (env or {}).items():
                clean.setenv(name, value)
            clean.chdir(cwd or tmp_path / "cwd")
            done = CliRunner().invoke(main, [*map(str, arguments)])
        return Invoked(done.exit_code, done.stdout, done.stderr, done.output)

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


class Verified(NamedTuple):
    """What `grade verify` said of an exercise, and the pages of its solutions and of its starter, by name."""

    result: subprocess.CompletedProcess[str]
    pages: dict[str, Path]


def _verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}
    return subprocess.run(command, capture_output=True, text=True, env=clean, timeout=2400)


@pytest.fixture(scope="session")
def verify() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`grade verify` of one exercise, with a seed drawn at random, without this machine's GRADE_* settings."""
    return lambda exercise, *options: _verify("-m", "grader", "verify", exercise, *options)


class _Verified(dict[str, Verified]):
    """What `grade verify` says of an exercise, run when it is first asked for."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __missing__(self, exercise: str) -> Verified:
        result = _verify(str(ROOT / "tests" / "recording.py"), str(self._folder), exercise)
        pages = {page.name.split(".")[1]: page for page in self._folder.glob(f"{exercise}.*.html")}
        return self.setdefault(exercise, Verified(result, pages))


@pytest.fixture(scope="session")
def verified(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verified]:
    """What `grade verify` says of each exercise, with a seed drawn at random; once, where all tests of one exercise run
    in one process: see `scheduling.py`."""
    return _Verified(tmp_path_factory.mktemp("verified"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The folder of the socket of a private PostgreSQL server, from Debian's packages or whatever is on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("no PostgreSQL server: install Debian's `postgresql`")
    pytest.importorskip("psycopg", reason="no PostgreSQL driver: install the extra `postgres`")
    bin = Path(initdb).resolve().parent
    with tempfile.TemporaryDirectory(prefix="postgresql-", dir="/tmp") as name:
        server, as_whom = Path(name) / "server", {}
        server.mkdir(mode=0o711)
        if os.geteuid() == 0:  # the server refuses to run as root
            Path(name).chmod(0o711)
            account = pwd.getpwnam("nobody")
            os.chown(server, account.pw_uid, account.pw_gid)
            as_whom = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

        def run(*command: object) -> None:
            subprocess.run([*map(str, command)], check=True, cwd="/", stdout=subprocess.DEVNULL, **as_whom)

        data, log = server / "data", server / "log"
        run(bin / "initdb", "-D", data, "-U", "grader", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
        ours = f"-F -k {server} -c listen_addresses= -c unix_socket_permissions=0777"
        run(bin / "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", ours)
        try:
            yield str(server)
        finally:
            run(bin / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)


@pytest.fixture
def postgresql(postgresql_server: str) -> str:
    """The URL of an empty database on a real PostgreSQL server."""
    import psycopg

    name = f"gradebook_{secrets.token_hex(4)}"
    with psycopg.connect(host=postgresql_server, user="grader", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://grader@/{name}?host={postgresql_server}"


NO_CUDA = "no CUDA device"
NO_GROUPS = "no control group can be made"
"""Why a test is skipped that needs a GPU, or control groups of our own: all that CI may lack."""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Note what ran at which level, and fail in CI where a test was skipped: all it needs but a GPU was installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    stash = session.config.stash
    if hasattr(session.config, "workeroutput"):  # one of several processes: the first one writes for all
        session.config.workeroutput["levels"] = (stash.get(LEVEL, None), stash.get(LEVELS_PASSED, []))
        return
    if reporter is not None and LEVEL in stash:
        ended = {
            key: {
                report.nodeid
                for report in reporter.stats.get(key, [])
                if "isolation" in getattr(report, "keywords", ())
            }
            for key in ("passed", "failed", "skipped", "error")
        }
        if passed := len(ended["passed"]):
            line = (stash[LEVEL], "root" if os.geteuid() == 0 else "user", passed, len(set().union(*ended.values())))
            stash.setdefault(LEVELS_PASSED, []).insert(0, line)
    if file := os.environ.get("GRADER_TEST_LEVELS"):
        lines = ["{} {} {} of {}".format(*line) for line in stash.get(LEVELS_PASSED, [])]
        Path(file).write_text("\n".join([*lines, ""]), encoding="utf-8")
    if os.environ.get("GRADER_NO_SKIPS") and reporter is not None:
        reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in reporter.stats.get("skipped", [])]
        if not all(reason.startswith((NO_CUDA, NO_GROUPS)) for reason in reasons):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """Take over what a process of pytest-xdist's has noted."""
    level, passed = getattr(node, "workeroutput", {}).get("levels", (None, []))
    stash = node.config.stash
    if level is not None:
        stash[LEVEL] = level
    stash.setdefault(LEVELS_PASSED, []).extend(tuple(line) for line in passed)


@pytest.fixture
def levels_passed(pytestconfig: pytest.Config) -> Callable[[str, str, int, int], None]:
    """Note a level, the environment it was reached in, how many tests passed there, and how many were selected."""
    passed = pytestconfig.stash.setdefault(LEVELS_PASSED, [])
    return lambda *line: passed.append(line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lines such as `isolation: basic (user without namespaces) 43 of 45 passed`."""
    for level, environment, passed, selected in terminalreporter.config.stash.get(LEVELS_PASSED, []):
        terminalreporter.write_line(f"isolation: {level} ({environment}) {passed} of {selected} passed")
