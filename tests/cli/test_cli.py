"""The command as people and scripts meet it: documents, exit codes, where an option comes from."""

import hashlib
import json
import os
import re

import pytest
from click.testing import CliRunner

from grader.cli.main import _COMMANDS, main
from grader.verify import advice

TOP_KEYS = ["schema", "submission", "status", "message", "points", "max_points", "percent", "device", "isolation"]
TOP_KEYS += ["seed", "seconds", "flags", "exercises"]
EXERCISE_KEYS = ["id", "title", "status", "message", "points", "max_points", "seconds", "flags", "notes", "checks"]
CHECK_KEYS = ["id", "title", "status", "points", "max_points", "message", "hint"]

TINY = '''"""Write a function."""

from grader import Exercise, expect

exercise = Exercise("tiny", title="Tiny", statement=__doc__, names=("one",))


@exercise.check(points=3)
def answers(student):
    """one() is 1."""
    expect(student.call("one") == 1, "it is not")


@exercise.check(points=1)
def doubts(student):
    """one() is 2."""
    expect(student.call("one") == 2, "it is not")
'''


@pytest.fixture
def small_course(tmp_path):
    """A course of one quick exercise; its `[tool.grade]` as given."""

    def write(settings="", **exercises):
        folder = tmp_path / "course"
        for name, source in {"tiny": TINY, **exercises}.items():
            (folder / "exercises" / name).mkdir(parents=True, exist_ok=True)
            (folder / "exercises" / name / "__init__.py").write_text(source)
        (folder / "pyproject.toml").write_text(f"[tool.grade]\n{settings}\n")
        return folder

    return write


@pytest.fixture
def tiny(submission):
    """A submission that earns 3 of 4 points."""
    return submission({"tiny.py": "def one():\n    print('printed')\n    return 1\n"})


def files_in(folder):
    """Every file's content and time of change."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


# What goes to standard output.


@pytest.mark.slow
def test_json_is_the_contracts_document_and_nothing_else(cli, submission, reference, isolation):
    """Keys and their order; numbers that add up; not a byte beside it."""
    folder = submission({"my_rnn.py": reference + "\nprint('printed')\n"})
    before = files_in(folder)
    result = cli("submit", folder, "--format", "json", "--seed", 7, "--require", isolation.level)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("}\n")
    grade = json.loads(result.stdout, parse_constant=lambda literal: pytest.fail(literal))
    assert list(grade) == TOP_KEYS
    exercise = grade["exercises"][0]
    assert list(exercise) == EXERCISE_KEYS
    assert all(list(check) == CHECK_KEYS for check in exercise["checks"])
    assert (grade["schema"], grade["submission"], grade["status"], grade["seed"]) == (1, "ada", "graded", 7)
    assert (grade["points"], grade["max_points"], grade["percent"]) == (10.0, 10.0, 100.0)
    assert sum(check["points"] for check in exercise["checks"]) == pytest.approx(10)
    assert (grade["device"], grade["isolation"]) == ("cpu", isolation.level)
    assert isinstance(grade["seconds"], float)
    assert files_in(folder) == before


@pytest.mark.slow
def test_html_is_one_document_and_nothing_else(invoke, tiny, small_course, tmp_path):
    result = invoke("submit", tiny, "--format", "html", "--course", small_course())
    assert (result.returncode, result.stderr) == (0, "")
    assert not list((tmp_path / "cwd").iterdir()), "files are written where --output asks for them only"
    assert result.stdout.lower().startswith("<!doctype html>")
    assert result.stdout.rstrip().endswith("</html>")
    assert result.stdout.lower().count("<html") == 1


@pytest.mark.slow
def test_text_names_the_report_last(cli, tiny, small_course, tmp_path):
    """Without colours where nobody asked for them."""
    result = cli("submit", tiny, "--course", small_course(), env={"NO_COLOR": "1"})
    assert result.returncode == 0
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "Report: grade-report/ada.html"
    assert (tmp_path / "cwd/grade-report/ada.html").read_text().rstrip().endswith("</html>")
    assert re.search(r"\b3 of 4\b", result.stdout)
    assert "printed" not in result.stdout


@pytest.mark.slow
def test_an_output_inside_the_submission_is_not_part_of_it(invoke, tiny, small_course):
    """Not even the code that lies in it; the submission's own files stay as they are."""
    (tiny / "build").mkdir()
    (tiny / "build" / "tiny.py").write_text("def one(): return 1")
    (tiny / "tiny.py").rename(tiny / "build" / "other.py")
    before = files_in(tiny)
    result = invoke("submit", tiny, "--format", "json", "--course", small_course(), "--output", tiny / "build")
    assert json.loads(result.stdout)["status"] == "invalid"
    after = files_in(tiny)
    assert set(after) - set(before) == {"build/ada.html"}
    assert {name: after[name] for name in before} == before


@pytest.mark.slow
def test_names_of_submissions_stay_inside_the_output(invoke, submission, small_course, tmp_path):
    """Whatever a folder is called, its report is a file of the output folder."""
    folder = submission({"tiny.py": "def one(): return 1"}, "..<script>\n..")
    result = invoke("submit", folder, "--course", small_course(), "--output", "out")
    assert result.returncode == 0
    (report,) = (tmp_path / "cwd/out").iterdir()
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.html", report.name)
    assert "<script" not in report.read_text()


# Exit codes.


@pytest.mark.slow
@pytest.mark.parametrize(("threshold", "code"), [(0, 0), (75, 0), (75.1, 1), ("nan", 1)])
def test_fail_under_compares_the_percentage(invoke, tiny, small_course, threshold, code):
    result = invoke("submit", tiny, "--format", "json", "--course", small_course(), "--fail-under", threshold)
    assert (result.returncode, json.loads(result.stdout)["percent"]) == (code, 75)


@pytest.mark.slow
def test_an_invalid_submission_is_an_answer(invoke, submission, small_course):
    """Exit 0, and 1 where points were asked for."""
    result = invoke("submit", submission({}), "--format", "json", "--course", small_course(), "--fail-under", 1)
    grade = json.loads(result.stdout)
    assert (result.returncode, grade["status"], grade["exercises"], grade["max_points"]) == (1, "invalid", [], 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--exercise", "nothing"], "unknown exercise 'nothing'; available: tiny"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "x"], "--seed"),
        (["--fail-under", "101"], "--fail-under"),
        (["--format", "xml"], "--format"),
        (["--device", "tpu"], "--device"),
        (["--require", "none"], "--require"),
        (["--course", "nowhere"], "--course"),
        (["--nothing"], "--nothing"),
        (["more"], "more"),
    ],
)
def test_usage_errors_exit_with_2(tiny, small_course, monkeypatch, arguments, words):
    for name in list(os.environ):
        if name.startswith("GRADE_"):
            monkeypatch.delenv(name)
    result = CliRunner().invoke(main, ["submit", str(tiny), "--course", str(small_course()), *arguments])
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


# Where the report goes.


@pytest.mark.slow
def test_a_report_does_not_follow_what_lies_in_its_place(invoke, tiny, small_course, tmp_path):
    """A link or a pipe of the student's where the report will be is replaced, and what it leads to stays as it is."""
    course, reports = small_course(), tmp_path / "reports"
    reports.mkdir()
    precious = tmp_path / "precious"
    precious.write_text("kept")
    name = f"{tiny.name}.html"
    for make in (lambda path: path.symlink_to(precious), os.mkfifo):
        (reports / name).unlink(missing_ok=True)
        make(reports / name)
        result = invoke("submit", tiny, "--course", course, "--output", reports)
        assert result.returncode == 0, result.stderr
        assert (reports / name).is_file() and not (reports / name).is_symlink()
        assert (reports / name).read_text().startswith("<!doctype html>")
    assert precious.read_text() == "kept"
    assert [path.name for path in reports.iterdir()] == [name]


@pytest.mark.slow
def test_a_folder_for_reports_inside_the_submission_may_not_be_a_link(invoke, submission, small_course, tmp_path):
    folder = submission({"tiny.py": "def answer():\n    return 1\n"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "grade-report").symlink_to(elsewhere)
    result = invoke("submit", folder, "--course", small_course(), "--output", folder / "grade-report")
    assert (result.returncode, result.stderr.count("\n")) == (3, 1)
    assert "the report cannot be written" in result.stderr
    assert not list(elsewhere.iterdir())


# Where an option comes from.


@pytest.mark.slow
def test_options_come_from_the_line_then_the_environment_then_the_course(cli, tiny, small_course):
    """One run: the seed from the line, the threshold from the environment, the rest from the course."""
    settings = 'seed = 5\nformat = "json"\nexercise = ["tiny"]\nfail-under = 0\n[tool.grade.limits]\nseconds = 9'
    course = small_course(settings, other=TINY.replace("tiny", "other"))
    environment = {"GRADE_SEED": "6", "GRADE_COURSE": str(course), "GRADE_FAIL_UNDER": "75.5"}
    result = cli("submit", tiny, "--seed", 7, env=environment)
    grade = json.loads(result.stdout)
    assert (grade["seed"], [e["id"] for e in grade["exercises"]], result.returncode) == (7, ["tiny"], 1)


@pytest.mark.slow
def test_every_option_may_come_from_the_environment(invoke, tiny, small_course, tmp_path):
    course = small_course(other=TINY.replace("tiny", "other"))
    environment = {
        "GRADE_COURSE": str(course),
        "GRADE_FORMAT": "json",
        "GRADE_EXERCISE": "tiny other",
        "GRADE_OUTPUT": str(tmp_path / "reports"),
        "GRADE_DEVICE": "cpu",
        "GRADE_REQUIRE": "process",
        "GRADE_FAIL_UNDER": "99",
    }
    result = invoke("submit", tiny, env=environment)
    assert result.returncode == 1
    assert [e["id"] for e in json.loads(result.stdout)["exercises"]] == ["other", "tiny"]
    assert (tmp_path / "reports/ada.html").exists()
    assert invoke("submit", tiny, env={**environment, "GRADE_FORMAT": "xml"}).returncode == 2


@pytest.mark.slow
def test_a_course_is_never_found_beside_the_submission(cli, submission):
    """Its plugins would run on the trusted side."""
    folder = submission(
        {
            "exercises/evil/__init__.py": "raise SystemExit('loaded')",
            "plugins/evil.py": "raise SystemExit('loaded')",
            "pyproject.toml": '[tool.grade]\nformat = "html"\n',
            "my_rnn.py": "x = 1",
        }
    )
    result = cli("submit", folder, "--format", "json")
    assert [e["id"] for e in json.loads(result.stdout)["exercises"]] == ["my_rnn"]


# The rest.


@pytest.mark.parametrize(
    "command", [[], *([name] for name in _COMMANDS)], ids=lambda command: "".join(command) or "grade"
)
@pytest.mark.parametrize("option", ["-h", "--help", "--version"])
def test_every_command_explains_itself(command, option):
    result = CliRunner().invoke(main, [*command, option])
    assert result.exit_code == 0
    assert result.output.startswith("grade, version " if option == "--version" else "Usage: ")
    assert result.stderr == ""


def test_exercises_and_show_print_what_there_is(small_course):
    course, run = str(small_course()), CliRunner().invoke
    assert run(main, ["exercises", "--course", course]).stdout.split() == ["tiny", "4", "points", "Tiny"]
    shown = run(main, ["show", "tiny", "--course", course])
    assert (shown.exit_code, shown.stderr) == (0, "")
    for words in ("Write a function.", "one() is 1.", "3 ", "60 s", "2048 MiB"):
        assert words in shown.stdout
    unknown = run(main, ["show", "nothing", "--course", course])
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "available: tiny" in unknown.stderr


def test_show_tells_the_budget_and_what_a_recipe_leaves_out(course):
    """Once, however many trainings there are."""
    trained = [exercise for exercise in course.exercises if exercise.trains]
    assert trained
    for exercise in trained:
        task = advice.task_of(next(check for check in exercise.checks if check.task is not None))
        shown = CliRunner().invoke(main, ["show", exercise.id]).stdout
        assert shown.count("Training: ") == 1
        told = (
            f"at most {task.steps} steps. The defaults for its `recipe` are: optimizer adam, lr {task.lr:g}, batch_size"
        )
        assert told in shown
        rest = f"batch_size {task.batch_size}, clip_norm 1, weight_decay 0, momentum 0, schedule constant"
        assert rest in shown


@pytest.mark.slow
@pytest.mark.parametrize("change", [("", ""), ("tanh", "relu"), ("outputs.append(h)", "outputs.append(h.detach())")])
def test_the_same_seed_gives_the_same_points(grade, submission, reference, change):
    """Five times over: points, statuses and words."""
    folder = submission({"my_rnn.py": reference.replace(*change)})
    answers = [grade(folder, seed=11) for _ in range(5)]
    assert len({str([(c.status, c.points, c.message) for c in a.exercises[0].checks]) for a in answers}) == 1
    assert len({a.points for a in answers}) == 1


@pytest.mark.slow
def test_a_seed_that_was_drawn_can_be_given_again(invoke, tiny, small_course):
    seeds = set()
    for _ in range(2):
        result = invoke("submit", tiny, "--format", "json", "--course", small_course())
        seeds.add(json.loads(result.stdout)["seed"])
    assert len(seeds) == 2
    assert all(0 <= seed < 2**53 for seed in seeds)
