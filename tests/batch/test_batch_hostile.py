"""`grade batch` and what follows it, for classes and machines that mean no good: one evening, several promises each."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.batch.database import GradebookError
from grader.batch.gradebook import open_gradebook
from grader.batch.reports import file_of
from grader.cli.main import main
from tests.batch.warm import KINDS, WAIT, make_course, url_of, warm_thread

Here = Callable[..., subprocess.CompletedProcess[bytes]]

RIGHT, WRONG = KINDS["right"], KINDS["wrong"]
NAMES = [
    "...",
    "con",
    "CON",
    "-rf",
    "\x1b[31mred\x1b[0m",
    "red",
    "\u202egnp.exe",
    "<script>alert(1)<b>",
    "a\nb",
    "=cmd|' '!A0",
    "x" * 250,
    "[bold]x",
    "..\\..\\x",
]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


@pytest.fixture
def grade_here(tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """As `grade` below, in this process; a batch in its thread."""

    def run(*words: object, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        with monkeypatch.context() as changed:
            changed.chdir(tmp_path)
            given = {"GRADE_COURSE": str(course), "GRADE_EXECUTOR": "warm", **(variables or {})}
            done = CliRunner().invoke(main, [*map(str, words)], env=given)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout_bytes, done.stderr_bytes)

    with warm_thread():
        yield run


def grade(
    folder: Path, *words: object, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """The command, in `folder`, with the course beside it."""
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, words)],
        cwd=folder,
        env={**os.environ, "GRADE_COURSE": str(folder / "course"), **(variables or {})},
        capture_output=True,
        timeout=WAIT,
    )


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        for name, data in files.items():
            writing.writestr(name, data)
    return archive.getvalue()


def notebook(*cells: str) -> str:
    code = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell} for cell in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": code})


def sparse(file: Path) -> None:
    with file.open("wb") as made:
        made.truncate(1 << 30)


def hostile_class(folder: Path) -> None:
    """A class of which nothing can be trusted, not even the names."""
    folder.mkdir()
    for number, name in enumerate([*map(os.fsencode, NAMES), b"\xff\xfe"]):
        student = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        student.mkdir()
        (student / "double.py").write_text(f"# {number}\n{RIGHT}")
    (folder / "passwd.py").symlink_to("/etc/passwd")
    (folder / "etc").symlink_to("/etc")
    (folder / "red-too").symlink_to("red")
    os.mkfifo(folder / "pipe.py")
    inner = folder / "inner"
    (inner / os.fsdecode(b"\xff")).mkdir(parents=True)
    (inner / os.fsdecode(b"\xff") / "more.py").write_text("")
    (inner / "double.py").write_text(f"# inner\n{RIGHT}")
    (inner / "passwords.py").symlink_to("/etc/passwd")
    (inner / "other.py").symlink_to("../con/double.py")
    (inner / "grade-report").mkdir()
    (inner / "grade-report" / "double.py").write_text("1 / 0")
    os.mkfifo(inner / "pipe")
    sparse(inner / "huge.bin")
    sparse(folder / "sparse.py")
    (folder / "none").mkdir()
    (folder / "broken.zip").write_bytes(b"PK: nothing")
    (folder / "bomb.zip").write_bytes(zipped({"double.py": RIGHT, "zeros": bytes(100 << 20)}))
    (folder / "nested.zip").write_bytes(zipped({"more.zip": zipped({"double.py": RIGHT})}))
    (folder / "book.zip").write_bytes(zipped({"work.ipynb": notebook(RIGHT)}))
    (folder / "out.zip").write_bytes(zipped({"../../out.py": "", "double.py": RIGHT}))


@pytest.mark.slow
def test_a_hostile_class_costs_nobody_else_anything(tmp_path: Path, grade_here: Here):
    """It is graded to its end; nothing is written elsewhere, names cannot act, and each is told the true reason."""
    hostile_class(tmp_path / "class")
    before = {path: path.lstat().st_mtime_ns for path in (tmp_path / "class").rglob("*")}
    done = grade(tmp_path, "batch", "class", "--format", "json", "--jobs", 1, "--seed", 7_654_321_987_654_321)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr and b"\x1b" not in done.stderr and "\u202e".encode() not in done.stderr
    grades = {graded["submission"]: graded for graded in json.loads(done.stdout)["grades"]}
    right = ("red", "red-2", "inner", "book", "out", "[bold]x", "con", "CON", "-rf")
    assert {name: grades[name]["points"] for name in right} == dict.fromkeys(right, 4.0)
    notes = " ".join(grades["inner"]["exercises"][0]["notes"])
    assert "`huge.bin` is too large" in notes and "`other.py` is a link" in notes
    assert {name: grades[name]["message"].partition(";")[0] for name in ("sparse", "none", "nested")} == {
        "sparse": "`sparse.py` is too large and was left out",
        "none": "it is empty",
        "nested": "it contains no Python file",
    }
    assert grades["bomb"]["status"] == grades["broken"]["status"] == "invalid"
    assert not {"passwd", "etc", "red-too", "pipe"} & set(grades)
    pages = {path.name: path.read_text() for path in (tmp_path / "grade-report" / "students").iterdir()}
    assert len(pages) == len({name.casefold() for name in pages}) == len(grades), "no page overwrites another's"
    for text in pages.values():
        assert "7654321987654321" not in text and "<script>alert" not in text and str(tmp_path) not in text
    after = {path: path.lstat().st_mtime_ns for path in (tmp_path / "class").rglob("*")}
    assert after == before
    assert {path.name for path in tmp_path.iterdir()} == {"class", "course", "grade-report"}
    table = grade_here("export", "csv")
    assert b"\r\n\"'=cmd" in table.stdout or b"\r\n'=cmd" in table.stdout
    folder = grade_here("export", "gradescope", "--output", "results")
    assert folder.returncode == 0 and len(list((tmp_path / "results").glob("*/results.json"))) == len(grades)
    assert {path.name for path in tmp_path.iterdir()} == {"class", "course", "grade-report", "results"}


def canvas_class(file: Path) -> None:
    """A Canvas download: late, handed in again, two attachments, a notebook, a text entry, and what a Mac adds."""
    files = {
        "lovelaceada_101_5001_double.py": RIGHT,
        "byronbob_LATE_102_5002_double.py": WRONG,
        "hoppergrace_103_5003_double.py": WRONG,
        "hoppergrace_103_5013_double-1.py": f"# again\n{RIGHT}",
        "noetheremmy_104_5004_double.py": f"from rest import twice\n\ndouble = twice\n# {RIGHT.splitlines()[0]}\n",
        "noetheremmy_104_5014_rest.py": "def twice(x):\n    return 2 * x\n",
        "turingalan_105_5005_homework.ipynb": notebook("import torch", f"# mine\n{RIGHT}"),
        "zuse_106_text.html": "<p>I have no file</p>",
        "__MACOSX/._lovelaceada_101_5001_double.py": "junk",
        ".DS_Store": "junk",
    }
    file.write_bytes(zipped(files))


SHEET = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,RNN homework (77),Essay (78),Final Score\r\n"
    "    Points Possible,,,,,8,10,(read only)\r\n"
    '"Lovelace, Ada",101,s1,ada,"A, 1",,9,1\r\n'
    'Byron,102,s2,bob,A,,"8",1\r\n'
    "Hopper,103,s3,grace,A,3,,1\r\n"
    "Noether,104,s4,emmy,B,,,1\r\n"
    "Turing,105,s5,alan,B,,,1\r\n"
    "Zuse,106,s6,konrad,B,,7,1\r\n"
    "Student, Test,,,,,,\r\n".replace("Student, Test", '"Student, Test"')
)
FILLED = (
    SHEET.replace('"A, 1",,9', '"A, 1",8,9')
    .replace('bob,A,,"8"', 'bob,A,1.2,"8"')
    .replace("grace,A,3,", "grace,A,8,")
    .replace("emmy,B,,", "emmy,B,8,")
    .replace("alan,B,,", "alan,B,8,")
)


@pytest.mark.slow
def test_an_instructors_evening(tmp_path: Path, course: Path, grade_here: Here):
    """A download of Canvas's, graded; its own sheet filled, the rest of it as it was byte by byte; pages made anew."""
    with (course / "pyproject.toml").open("a") as settings:
        settings.write("[tool.grade]\njobs = 1\noutput = 'pages'\ngradebook = 'sqlite:///kept/class.db'\n")
        settings.write("[tool.grade.plugins.late_days]\nflat_percent = 10\n")
    canvas_class(tmp_path / "submissions.zip")
    done = grade_here("batch", "submissions.zip", variables={"GRADE_OUTPUT": "reports", "NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr
    told = done.stderr.decode()
    assert "Layout 'canvas': 5 submissions from 5 students, 1 late, 1 skipped" in told
    assert "zuse_106_text.html: a text entry: there is no file to grade" in told
    assert "double.py was submitted twice: attachment 5013 counts, 5003 is left out" in " ".join(told.split())
    assert b"5 students graded" in done.stdout and not (tmp_path / "pages").exists()
    # filled as Canvas has it: out of 8 where ours is out of 4, and the points that a late day costs
    (tmp_path / "export.csv").write_bytes(SHEET.encode())
    filled = grade_here("export", "canvas", "--into", "export.csv", "--column", "RNN homework")
    assert filled.returncode == 0, filled.stderr
    assert filled.stdout.decode() == FILLED
    assert (tmp_path / "export.csv").read_bytes() == SHEET.encode()
    assert "without a grade, unchanged: 106" in filled.stderr.decode()
    # a table for a spreadsheet goes to standard output though the course names a folder for its reports
    table = grade_here("export", "csv")
    assert [row["points"] for row in csv.DictReader(io.StringIO(table.stdout.decode()))] == ["4", "0.6", "4", "4", "4"]
    anew = grade_here("report", "--output", "anew")
    assert anew.returncode == 0, anew.stderr
    for student in range(101, 106):
        page = (tmp_path / "anew" / "students" / f"{student}.html").read_text()
        assert page == (tmp_path / "reports" / "students" / f"{student}.html").read_text()
        others = {"lovelace", "byron", "hopper", "noether", "turing"}
        assert len([name for name in others if name in page]) == 1, "a page names its own student alone"
        assert ("submitted late: 10 % of 4 points" in page) == (student == 102)
    # a command that a plugin adds reads the course's settings as all others do
    assert b"1 of 4" in grade_here("history", "102").stdout
    assert grade_here("history", "--version").returncode == 0


@pytest.mark.slow
def test_what_surrounds_a_batch(tmp_path: Path, course: Path, grade_here: Here):
    """Reports of an earlier time are no student; readers may leave; and where reports cannot go is said before."""
    for student, code in {"ada": RIGHT, "bob": WRONG}.items():
        (tmp_path / "class" / student).mkdir(parents=True)
        (tmp_path / "class" / student / "double.py").write_text(code)
    run = ["batch", "class", "--output", "class/reports", "--gradebook", "sqlite:///class/reports/g.db", "--jobs", 1]
    assert grade_here(*run).returncode == 0
    command = " ".join([sys.executable, "-m", "grader", *map(str, run)])
    left = subprocess.run(
        ["bash", "-c", f"{command} --fail-under 50 2>&1 | true; echo ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        env={**os.environ, "GRADE_COURSE": str(course)},
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert left.stdout == "1\n" and left.stderr == "", "the lowest percentage decides, not who reads"
    with open_gradebook(f"sqlite:///{tmp_path}/class/reports/g.db") as book:
        assert [row.student for row in book.rows()] == ["ada", "bob"]
    for output in ("class", "class/ada/reports"):
        refused = grade_here("batch", "class", "--output", output)
        assert refused.returncode == 2 and b"choose another with --output" in refused.stderr
    with Path("/dev/full").open("w") as nowhere:
        words = [sys.executable, "-m", "grader", "plugins"]
        full = subprocess.run(words, stdout=nowhere, stderr=subprocess.PIPE, timeout=WAIT)
    assert full.returncode == 3 and full.stderr.splitlines() == [
        b"grade: the grader itself failed: OSError: [Errno 28] No space left on device"
    ]


STAGING = """
import sys, tempfile
from pathlib import Path
from types import SimpleNamespace
from grader.intake.bundle import pack
from grader.course.layouts import Member, Part, Upload
from grader.intake.staging import stage
from grader.records.limits import Limits

zygote = SimpleNamespace(new_entry=lambda: Path(tempfile.mkdtemp()))
ada = Path(sys.argv[1])
print(stage(ada if sys.argv[2] == "path" else pack(Upload([Member("ada")], [Part("", ada)]), Limits()).bundle,
      zygote, Limits()).notes)
"""


@pytest.mark.slow
@pytest.mark.parametrize("source", ["path", "bundle"])
def test_a_full_disk_is_no_students_fault(tmp_path: Path, source: str):
    """What there is no room for is not left out of a submission: nothing is graded, and the reason is ours."""
    full, ada = tmp_path / "full", tmp_path / "ada"
    full.mkdir()
    ada.mkdir()
    (ada / "double.py").write_text(RIGHT)
    (ada / "data.csv").write_bytes(bytes(300_000))
    mounting = 'mount -t tmpfs -o size=100k tmpfs "$TMPDIR" && exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mounting, "-", sys.executable, "-c", STAGING, ada, source],
        env={**os.environ, "TMPDIR": str(full)},
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stderr.splitlines()[-1] == "OSError: [Errno 28] No space left on device" and not done.stdout


def test_pages_of_names_that_look_alike():
    """No two share a page on any file system, and a name cannot be chosen so that it has another's."""
    names = [
        "Ada",
        "ada",
        "ADA",
        "con",
        "aux.x",
        "a/b",
        "a_b",
        "a b",
        "-rf",
        "...",
        "..",
        "",
        "é",
        "x" * 120,
        "x" * 121,
    ]
    names += [file_of(name).removesuffix(".html") for name in names]
    assert len({file_of(name).casefold() for name in names}) == len(set(names))
    for name in names:
        assert "/" not in file_of(name) and len(file_of(name)) < 120 and not file_of(name).startswith((".", "-"))
        assert file_of(name).split(".")[0] not in ("con", "aux"), name


@pytest.mark.parametrize("words", [["export", "csv"], ["report"], ["history", "ada"]])
def test_a_gradebook_that_fails_ends_a_command_in_one_line(
    words: Sequence[str], tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch
):
    """Somebody else's hand in it: a table is gone."""
    url = url_of(tmp_path)
    with open_gradebook(url, create=True):
        pass
    with sqlite3.connect(tmp_path / "gradebook.db") as connection:
        connection.execute("drop table attempts")
    monkeypatch.setenv("GRADE_COURSE", str(course))
    done = CliRunner().invoke(main, [*words, "--gradebook", url])
    assert done.exit_code in (2, 3) and "cannot be read or written: no such table: attempts" in done.output
    assert "Traceback" not in done.output


def test_a_gradebook_that_another_program_holds_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with open_gradebook(url_of(tmp_path), create=True) as book:
        with sqlite3.connect(tmp_path / "gradebook.db") as holder:
            holder.execute("begin exclusive")
            with book._engine.connect() as connection:
                connection.exec_driver_sql("pragma busy_timeout=10")
            with pytest.raises(GradebookError, match="cannot be read or written: database is locked"):
                book.policy("best")
        assert book.policy("best") == "best"
