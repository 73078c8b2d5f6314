"""Writes the reports of a class from a gradebook: a page per student and the class pages."""

import hashlib
import itertools
import multiprocessing
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from grader.batch.gradebook import Gradebook, open_gradebook
from grader.batch.worker import NAME
from grader.course.contributions import ClassView, Exporting
from grader.course.loading import Course, load_course
from grader.course.settings import bundled, read_settings
from grader.jail.shared import lockdown
from grader.records.files import write_whole
from grader.records.grade import Row

STUDENTS, TABLE = "students", "grades.csv"
_SAFE_NAME = re.compile(
    r"(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))(?!.*-[0-9a-f]{16}$)[a-z0-9](?:[a-z0-9._-]{0,78}[a-z0-9])?"
)
"""A student key that is safe as a file name: not reserved by Windows, and not of the form of an escaped name."""
_PIECE = 20
"""Pages a process writes before it reports progress."""
_WORTH_PROCESSES = 40
"""Below this many pages, starting processes does not pay."""


def page_of(row: Row, course: Course, book: Gradebook) -> str:
    """A student's page, as HTML."""
    record = book.record(row.attempt)
    name = row.name or row.student
    grade = msgspec.structs.replace(row.grade, submission=name)
    command = record.conditions.command.replace(f"grade submit {NAME}", "grade submit PATH", 1)
    conditions = msgspec.structs.replace(record.conditions, command=command)
    beside = {"adjustments": row.adjustments} if row.adjustments else {}
    return course.reports["html"].page(grade, conditions, record.evidence, **beside)


def file_of(student: str) -> str:
    """File name of a student's page: safe in any file system and in a link, and unique regardless of case."""
    if _SAFE_NAME.fullmatch(student):
        return f"{student}.html"
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", student).strip("_-")[:80]
    return f"{safe or 'student'}-{_short(student)}.html"


def write_pages(
    rows: Iterable[Row],
    count: int,
    course: Course,
    book: Gradebook,
    url: str,
    output: Path,
    jobs: int,
    show: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the page of each row below `output`, in several processes if there are many. `show` gets the count.

    Raises OSError.
    """
    folder = output / STUDENTS
    folder.mkdir(parents=True, exist_ok=True)
    if jobs < 2 or count < _WORTH_PROCESSES:
        for number, row in enumerate(rows, 1):
            write_whole(folder / file_of(row.student), page_of(row, course, book).encode())
            show(number)
        return
    students = [row.student for row in rows]
    pieces = [students[start : start + _PIECE] for start in range(0, len(students), _PIECE)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=lockdown.die_with_parent) as executor:
        work = [executor.submit(_write_piece, piece, course.settings.folder, url, folder) for piece in pieces]
        for number, done in enumerate(work):
            done.result()
            show(min((number + 1) * _PIECE, len(students)))


def write_class(view: ClassView, course: Course, exporting: Exporting, output: Path) -> list[Path]:
    """Write the class pages and the table. Returns the files, the one to open first at the front. Raises OSError."""
    output.mkdir(parents=True, exist_ok=True)
    documents = [pages(view) for pages in (writer.class_pages for writer in course.reports.values()) if pages]
    if "csv" in course.exporters:
        documents.append([(TABLE, course.exporters["csv"].export(exporting).document)])
    written = []
    for name, data in itertools.chain(*documents):
        write_whole(output / name, data)
        written.append(output / name)
    return written


def exporting_of(course: Course, book: Gradebook, *, into: bytes | None = None, column: str | None = None) -> Exporting:
    """The input of an exporter."""
    return Exporting(
        rows=book.rows,
        exercises=book.exercises(),
        page=lambda row: page_of(row, course, book),
        sources=lambda row: book.sources(row.content),
        into=into,
        column=column,
        settings=course.settings.plugins,
    )


def view_of(course: Course, book: Gradebook, notes: Sequence[str] = ()) -> ClassView:
    """The input of the class pages."""
    folder = course.settings.folder
    title = "Recurrent networks" if folder == bundled() else folder.name
    ids = set(book.exercises())
    exercises = [exercise for exercise in course.exercises if exercise.id in ids]

    def link(row: Row) -> str:
        return f"{STUDENTS}/{file_of(row.student)}"

    return ClassView(title, book.rows, exercises, link, course.settings.plugins, notes)


def _write_piece(students: list[str], folder: Path, url: str, output: Path) -> None:
    course = load_course(read_settings(folder))
    with open_gradebook(url) as book:
        for student in students:
            row = book.row(student)
            if row is not None:
                write_whole(output / file_of(student), page_of(row, course, book).encode())


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
