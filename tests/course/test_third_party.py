"""A plugin package from elsewhere: built and installed offline, found by its entry point, refused in one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.course.loading import load_course
from grader.course.settings import CourseError, read_settings

PACKAGE = Path(__file__).parents[1] / "third_party_plugin"
TINY = '''"""Nothing to do."""
from grader import Exercise

exercise = Exercise("tiny", title="Tiny", statement=__doc__, names=("one",))

@exercise.check(points=1)
def there(student):
    """one() can be called."""
    student.call("one")
'''


def install(source, target):
    """Build a package and install it into a folder of its own, without a network."""
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "-q"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example package, installed."""
    folder = tmp_path_factory.mktemp("acme")
    shutil.copytree(PACKAGE, folder / "source")
    install(folder / "source", folder / "site")
    return folder / "site"


@pytest.fixture
def grade_with(cli, submission):
    """Run `grade` in a small course of one exercise, where the packages of some folders are installed."""

    def run(*arguments, sites=()):
        course = submission({"exercises/tiny/__init__.py": TINY}, name="course")
        path = os.pathsep.join(map(str, sites))
        return cli(*arguments, "--course", course, env={"PYTHONPATH": path} if sites else {})

    return run


@pytest.fixture
def other_package(tmp_path):
    """A package whose one module is as given, as pip leaves it behind: the module, and metadata with an entry point."""

    def write(source, *, name="other", point="other"):
        site = tmp_path / name
        info = site / f"{name}-0.1.dist-info"
        info.mkdir(parents=True)
        (site / f"{name}_hooks.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(f"[grader]\n{point} = {name}_hooks\n")
        return site

    return write


@pytest.mark.slow
def test_an_installed_plugin_is_found_by_its_entry_point(grade_with, installed, submission):
    listed = grade_with("exercises", sites=[installed])
    assert listed.stdout.split() == ["halving", "2", "points", "Half", "as", "much", "tiny", "1", "points", "Tiny"], (
        listed.stderr
    )
    told = grade_with("plugins", sites=[installed]).stdout
    assert "acme" in told
    assert "grader_exercises, grader_formats, grader_reports  (acme-grading 1.2)" in told
    answer = submission({"halving.py": "def halve(x):\n    return x / 2\n"})
    graded = grade_with("submit", answer, "--exercise", "halving", sites=[installed])
    assert graded.returncode == 0, graded.stdout + graded.stderr
    assert "2 of 2 points" in graded.stdout


@pytest.mark.slow
def test_its_own_tests_grade_with_our_fixtures(installed):
    """As its authors run them, in its folder and with the package installed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
    path = os.pathsep.join(filter(None, [str(installed), clean.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
    options = {"cwd": installed.parent / "source", "env": {**clean, "PYTHONPATH": path}, "timeout": 300}
    told = subprocess.run(command, capture_output=True, text=True, **options).stdout
    assert "= 4 passed in" in told, told


HOOK = "from grader.plugin import Exercise, ReportWriter, hookimpl\n@hookimpl\ndef {}:\n    return {}\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (HOOK.format("grader_exercise()", "[]"), ["unknown hook 'grader_exercise'", "other"]),
        (HOOK.format("grader_reports(report)", "[]"), ["report", "other"]),
        ("import nothing_of_that_name\n", ["other 0.1, entry point 'other'", "ModuleNotFoundError", "line 1 of"]),
        ("raise SystemExit(0)\n", ["other 0.1, entry point 'other'", "SystemExit"]),
        (
            HOOK.format("grader_exercises()", "[Exercise('tiny', title='T', statement='S', names=('one',))]"),
            ["two exercises are called 'tiny'", "rename one"],
        ),
        (HOOK.format("grader_reports()", "[ReportWriter('html', print)]"), ["two reports are called 'html'"]),
        (HOOK.format("grader_exercises()", "['tiny']"), ["grader_exercises contributed 'tiny'", "list of Exercise"]),
    ],
    ids=["misspelt", "argument", "import", "exit", "exercise-clash", "report-clash", "kind"],
)
def test_a_broken_package_is_refused_in_one_line(other_package, submission, monkeypatch, source, words):
    course = submission({"exercises/tiny/__init__.py": TINY}, name="course")
    monkeypatch.syspath_prepend(other_package(source))
    try:
        with pytest.raises(CourseError) as raised:
            load_course(read_settings(course))
    finally:
        sys.modules.pop("other_hooks", None)
    text = str(raised.value)
    assert "\n" not in text
    assert [part for part in words if part not in text] == [], text


def test_two_packages_with_one_entry_point_are_refused(other_package, submission, monkeypatch):
    course = submission({"exercises/tiny/__init__.py": TINY}, name="course")
    for name in ("two", "one"):
        monkeypatch.syspath_prepend(other_package("", name=name, point="same"))
    try:
        with pytest.raises(CourseError, match=r"one 0\.1 and two 0\.1 both have an entry point called 'same'"):
            load_course(read_settings(course))
    finally:
        for name in ("one_hooks", "two_hooks"):
            sys.modules.pop(name, None)


@pytest.mark.slow
def test_a_broken_package_stops_the_command_before_any_grading(grade_with, other_package, submission):
    answer = submission({"tiny.py": "def one():\n    return 1\n"})
    result = grade_with("submit", answer, "--format", "json", sites=[other_package("1 / 0\n")])
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("grade: other 0.1, entry point 'other': ZeroDivisionError: ")
    assert result.stderr.count("\n") == 1
