"""From an upload to a worker: a submission is read where it lies, hashed once, carried as a bundle, staged once."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path

import msgspec
import pytest

from grader.batch.gradebook import open_gradebook
from grader.batch.run import Batch, CannotGrade
from grader.batch.worker import Task, TaskResult, TaskSpec
from grader.course.fingerprint import hash_of_course
from grader.course.layouts import Member, Part, Upload
from grader.intake.bundle import Bundle, identify, pack
from grader.intake.staging import Submission, stage, unstage
from grader.records.limits import Limits

GOOD = b"def double(x):\n    return x + x\n"
LIMITS = Limits(files_mib=1)


def put(folder: Path, name: bytes | str, data: bytes = GOOD) -> Path:
    file = Path(os.fsdecode(os.fsencode(folder) + b"/" + os.fsencode(name)))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


@pytest.fixture
def uploads(tmp_path: Path) -> dict[str, Upload]:
    """A folder of everything, a lone file, files that an LMS renamed, an empty folder."""
    mixed, parts = tmp_path / "mixed", tmp_path / "parts"
    for name in ("b.py", "B.py", "a.txt", "sub/z.py", "sub-x/y.py", "sub/deeper/q.py", "d/" * 20 + "deep.py"):
        put(mixed, name, name.encode())
    for name in (".hidden.py", "__pycache__/x.pyc", "sub/grade-report/x.py"):
        put(mixed, name)
    put(mixed, b"\xff\xfe.py")
    put(mixed, b"d\xff/k.py")
    put(mixed, "Ärger/ü.py", "ü".encode())
    put(mixed, "model.pt", bytes((1 << 20) + 1))
    put(mixed, "sub/empty.py", b"")
    (mixed / "link.py").symlink_to("/etc/passwd")
    os.mkfifo(mixed / "pipe")
    for name in ("1.py", "2.py"):
        put(parts, name, name.encode())
    (tmp_path / "empty").mkdir()
    renamed = [("double.py", "1.py"), ("double.py", "2.py"), ("../x.py", "2.py"), ("sub/x.py", "2.py"), ("y.py", "no")]
    return {
        "mixed": Upload([Member("ada")], [Part("", mixed)]),
        "lone": Upload([Member("bob")], [Part("double.py", parts / "1.py")]),
        "renamed": Upload([Member("eve")], [Part(name, parts / file) for name, file in renamed]),
        "empty": Upload([Member("zoe")], [Part("", tmp_path / "empty")]),
    }


HASHES = {
    "mixed": "f8a888115b01350cd952820d65458ede",
    "lone": "977e0b1a7ad9c741cec4a8ee4c3bca65",
    "renamed": "83c1dfb984c5081386f1fea3a5ed0258",
    "empty": "fcdf3ecfe876539956eb77f17f503ac1",
}
"""What the gradebooks of earlier versions hold."""


@pytest.mark.parametrize("name", HASHES)
def test_the_content_of_an_upload_is_the_one_that_gradebooks_hold(uploads: dict[str, Upload], name: str):
    """The same names, bytes and notes in the same order: what has a grade is not graded again by a later version."""
    assert identify(uploads[name], LIMITS).content == HASHES[name]


# In a batch.


class Recording(Executor):
    """Keeps the tasks and grades none of them."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def submit(self, function, /, *args, **kwargs):
        self.tasks += args
        future: Future[TaskResult] = Future()
        future.set_result(TaskResult(None, fault="nobody grades here"))
        return future


@pytest.fixture
def batch(course, tmp_path: Path) -> Iterator[Batch]:
    spec = TaskSpec(str(course.settings.folder), hash_of_course(course.settings), ["my_rnn"], "cpu", "none")
    with open_gradebook(f"sqlite:///{tmp_path}/gradebook.db", create=True) as book:
        yield Batch(course, spec, book, seed=3)


def test_a_batch_reads_each_upload_without_writing_a_copy(
    batch: Batch, uploads: dict[str, Upload], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Planning and handing out work where no temporary file can be made, and nothing is there afterwards that was not
    there before."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    before = {path for path in tmp_path.rglob("*") if "gradebook" not in path.name}
    executor = Recording()
    plan = batch.plan([*uploads.values()])
    list(batch.run(plan.todo, executor, 1))
    assert len(plan.todo) == len(uploads)
    assert {path for path in tmp_path.rglob("*") if "gradebook" not in path.name} == before
    # each twice: a fault is met once more before it is believed
    assert {len(task.bundle.files) for task in executor.tasks} == {10, 1, 2, 0}
    assert len(executor.tasks) == 2 * len(uploads)


def rewritten(folder: Path) -> None:
    """As many bytes, at another time."""
    file = folder / "double.py"
    earlier = file.stat()
    file.write_bytes(GOOD.replace(b"+", b"-"))
    os.utime(file, ns=(earlier.st_atime_ns, earlier.st_mtime_ns + 1))


def replaced(folder: Path) -> None:
    """Another file of that name, size and time."""
    file = folder / "double.py"
    earlier = file.stat()
    other = put(folder.parent, "other.py", GOOD.replace(b"+", b"-"))
    os.utime(other, ns=(earlier.st_atime_ns, earlier.st_mtime_ns))
    other.rename(file)


CHANGES: dict[str, Callable[[Path], object]] = {
    "rewritten": rewritten,
    "longer": lambda folder: put(folder, "double.py", GOOD + b"\n"),
    "replaced": replaced,
    "a file more": lambda folder: put(folder, "more.py", b""),
    "a file less": lambda folder: (folder / "data.csv").unlink(),
    "another name": lambda folder: (folder / "data.csv").rename(folder / "date.csv"),
    "a link more": lambda folder: (folder / "link.py").symlink_to("double.py"),
    "gone": lambda folder: folder.rename(folder.parent / "elsewhere"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_upload_that_was_changed_since_the_plan_is_not_graded(
    batch: Batch, tmp_path: Path, change: Callable[[Path], object]
):
    """Its seed, and the grade that others of one content share, belong to what was planned."""
    ada = tmp_path / "class" / "ada"
    put(ada, "double.py")
    put(ada, "data.csv", b"1\n")
    plan = batch.plan([Upload([Member("1", "Ada")], [Part("", ada)])])
    executor = Recording()
    list(batch.run(plan.todo, executor, 1))
    assert [task.bundle.files for task in executor.tasks] == [[("data.csv", b"1\n"), ("double.py", GOOD)]] * 2
    change(ada)
    with pytest.raises(CannotGrade) as refused:
        list(batch.run(plan.todo, executor, 1))
    assert str(refused.value) == "the submission from Ada changed during the run; run the command again"
    assert len(executor.tasks) == 2


def test_a_file_that_changes_while_it_is_read_is_changed(batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its stamp is that of both moments: what was read cannot pass for what was planned."""
    file = put(tmp_path / "class" / "ada", "double.py")
    plan = batch.plan([Upload([Member("Ada")], [Part("", file.parent)])])
    executor, fstat = Recording(), os.fstat

    def changed(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        os.utime(file, ns=(0, 0))  # right after the first look
        return found

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", changed)
        with pytest.raises(CannotGrade):
            list(batch.run(plan.todo, executor, 1))
    assert executor.tasks == []


# Staged.


@pytest.fixture
def staged(zygote) -> Iterator[Callable[..., tuple[Submission, dict[str, bytes]]]]:
    """Stage a bundle, as it comes out of an executor's pipe; and what lies in the spool, by name."""
    made: list[Submission] = []

    def run(bundle: Bundle, limits: Limits = LIMITS, **options) -> tuple[Submission, dict[str, bytes]]:
        submission = stage(bundle, zygote, limits, **options)
        made.append(submission)
        folder = zygote.spool / submission.entry
        return submission, {
            os.fspath(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }

    yield run
    for submission in made:
        unstage(submission, zygote)


def test_a_folder_arrives_as_it_was_bundled_and_its_notes_once(staged, uploads: dict[str, Upload]):
    """No cap is met twice, no note is lost or told again."""
    bundle = pack(uploads["mixed"], LIMITS).bundle
    assert len(bundle.notes) == 5
    submission, files = staged(bundle)
    assert files == dict(bundle.files)
    assert (submission.problem, submission.notes) == (None, bundle.notes)


def test_a_bundle_is_written_to_the_spool_and_nowhere_else(staged, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert staged(Bundle([("a.py", GOOD), ("sub/b.py", GOOD)]))[1] == {"a.py": GOOD, "sub/b.py": GOOD}


def test_as_many_files_as_may_be_are_no_reason_for_a_note(staged, tmp_path: Path):
    """Those behind them are told once, by the bundle."""
    for number in range(2001):
        put(tmp_path / "many", f"{number:04}.py", b"")
    bundle = pack(Upload([Member("ada")], [Part("", tmp_path / "many")]), LIMITS).bundle
    submission, files = staged(bundle)
    assert len(files) == 2000
    assert submission.notes == ["only the first 2000 files were looked at"]


def test_several_parts_have_the_room_of_one(staged):
    """Each was within the caps. Together they are cut as one folder is: shallow files and Python files come first."""
    many = Bundle([(f"{part}/{number:04}.{part}", b"") for part in ("csv", "py") for number in range(1500)])
    submission, files = staged(many)
    assert sum(name.endswith(".py") for name in files) == 1500 and len(files) == 2000
    assert submission.notes == ["only the first 2000 files were looked at"]
    submission, files = staged(Bundle([("a.bin", bytes(1 << 19)), ("b.bin", bytes(1 << 20)), ("c.py", GOOD)]))
    assert set(files) == {"a.bin", "c.py"}
    assert submission.notes == ["`b.bin` is too large and was left out"]
    submission, files = staged(Bundle([("a.py", GOOD), (".b.py", GOOD), ("d/" * 16 + "e.py", GOOD)], ["a note"]))
    assert set(files) == {"a.py"}
    assert submission.notes == ["a note", "what lies deeper than 16 folders was not looked at"]


@pytest.mark.parametrize(
    ("name", "found", "problem"),
    [
        ("ada/code/double.py", {"double.py"}, None),
        ("DOUBLE.PY", {"DOUBLE.py"}, None),
        ("ada.ZIP", {"inside/double.py"}, None),
        ("ada/report.pdf", set(), "expected a folder, a .py file or a .zip archive, found .pdf"),
        ("double", set(), "expected a folder, a .py file or a .zip archive, found a file without an extension"),
    ],
)
def test_a_lone_file_is_graded_as_that_file(staged, tmp_path: Path, name: str, found: set[str], problem: str | None):
    """Wherever it lay in what was handed in."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("inside/double.py", GOOD)
    data = (tmp_path / "a.zip").read_bytes() if name.endswith("ZIP") else GOOD
    submission, files = staged(Bundle([(name, data)], ["a note"]))
    assert (set(files), submission.problem, submission.notes) == (found, problem, ["a note"])


def test_a_lone_notebook_is_converted(staged, course):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "x = 1"}
    notebook = msgspec.json.encode({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]})
    submission, files = staged(Bundle([("ada.ipynb", notebook)]), Limits(), formats=course.formats)
    assert submission.problem is None and "ada.py" in files
    submission, _ = staged(Bundle([("ada.ipynb", b"{")]), Limits(), formats=course.formats)
    assert "`ada.ipynb` cannot be graded: " in str(submission.problem)


def test_an_empty_bundle_says_what_was_left_out(staged):
    assert staged(Bundle([]))[0].problem == "it is empty; hand in the exercise's .py file"
    submission, _ = staged(Bundle([], ["`a.py` is a link and was left out"]))
    assert submission.problem == "`a.py` is a link and was left out; hand in the exercise's .py file"


def test_parts_that_stand_in_each_others_way_are_told(tmp_path: Path):
    """A file cannot lie in a file, nor be where a folder is: the first was taken."""
    file, folder = put(tmp_path, "1.py"), put(tmp_path / "folder", "a.py/b.py").parents[1]
    parts = [Part("a.py", file), Part("a.py/x.py", file), Part("", folder), Part("/tmp/out.py", file)]
    bundle = pack(Upload([Member("ada")], parts), LIMITS).bundle
    assert bundle.files == [("a.py", GOOD)]
    assert bundle.notes == [
        "`a.py/x.py` cannot be read (Not a directory) and was left out",
        "`a.py/b.py` cannot be read (Not a directory) and was left out",
        "`/tmp/out.py` leads outside the submission and was left out",
    ]
