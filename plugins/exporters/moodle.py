"""Moodle: fills the grading worksheet of an assignment, for upload.

Its titles, its word for "Participant" and its decimal separator depend on the site's language. So a student is
identified by the number at the end of the first cell, and the grade column by its position before the maximum.
"""

import re
from collections import Counter
from typing import NamedTuple

from grader.plugin import CannotExport, Exported, Exporting

from .filling import Column, fill, listed, matching_notes, read_scores
from .sheets import Sheet, decimal_mark, number, read_sheet

_GET = (
    "in Moodle, allow the offline grading worksheet in the assignment's settings (Feedback types), "
    "choose 'Download grading worksheet' under Submissions and give that file to --into"
)

_MAXIMUM = {
    "maximum grade",
    "bestwertung",
    "note maximale",
    "calificación máxima",
    "qualificació màxima",
    "nota màxima",
    "nota máxima",
    "maximalt betyg",
    "valutazione massima",
    "maximumcijfer",
    "最高成绩",
}
"""The title of the maximum in some languages, in lower case. In others, the column is found by its numbers."""


class Frame(NamedTuple):
    """The structure of a worksheet."""

    students: dict[int, str]
    """Participant numbers by row."""
    grade: int
    maximum: int | None
    note: str | None
    """How the column was found, if the instructor should check it."""


def export(exporting: Exporting) -> Exported:
    """Fill the grade column of `--into`. Raises `CannotExport`."""
    if exporting.into is None:
        raise CannotExport(f"moodle fills a worksheet downloaded from Moodle: {_GET}")
    sheet = read_sheet(exporting.into, (b",", b";", b"\t"))
    frame = _frame(sheet, exporting.column)
    scores = read_scores(exporting)
    students = {row: student for row, student in frame.students.items() if student in scores}
    maxima: dict[int, float] = {}
    if frame.maximum is not None:
        values = {row: number(sheet.text(row, frame.maximum)) for row in frame.students}
        maxima = {row: value for row, value in values.items() if value}
    columns = [frame.grade] if frame.maximum is None else [frame.maximum, frame.grade]
    numbers = [sheet.text(row, column) for column in columns for row in frame.students]
    column = Column(frame.grade, maxima, decimal_mark(numbers, sheet.delimiter))
    document, notes = fill(sheet, column, students, scores)
    there = set(frame.students.values())
    missing = [student for student in scores if student not in there]
    without = [student for student in frame.students.values() if student not in scores]
    return Exported(document, notes=[*([frame.note] if frame.note else []), *notes, *matching_notes(missing, without)])


def _frame(sheet: Sheet, wanted: str | None) -> Frame:
    header = sheet.header()
    found = {row: re.fullmatch(r".*?([0-9]+)", sheet.text(row, 0), re.DOTALL) for row in range(1, len(sheet.spans))}
    students = {row: match[1] for row, match in found.items() if match}
    if not students or len(header) < 3:
        raise CannotExport(f"--into is not a grading worksheet: no first cell ends in a participant number; {_GET}")
    twice = [student for student, count in Counter(students.values()).items() if count > 1]
    if twice:
        raise CannotExport(f"--into has participants more than once: {listed(twice)}; download the worksheet again")
    grade, note = _grade_column(sheet, header, list(students), wanted)
    if _is_maximum(sheet, grade + 1, list(students)):
        return Frame(students, grade, grade + 1, note)
    unscaled = f"no maximum follows the column '{header[grade]}': points are not scaled"
    return Frame(students, grade, None, unscaled)


def _grade_column(sheet: Sheet, header: list[str], rows: list[int], wanted: str | None) -> tuple[int, str | None]:
    there = listed([f"'{title}'" for title in header[1:]], 50)
    if wanted is not None:
        named = [index for index, title in enumerate(header) if index and title.casefold() == wanted.strip().casefold()]
        if len(named) != 1:
            count = "no column" if not named else "more than one column"
            raise CannotExport(f"the sheet has {count} '{wanted}'; it has {there}")
        return named[0], None
    behind = [index for index, title in enumerate(header) if index > 1 and title.casefold() in _MAXIMUM]
    if len(behind) == 1 and _is_maximum(sheet, behind[0], rows):
        return behind[0] - 1, None
    shaped = [index for index in range(2, len(header) - 1) if _is_grade(sheet, index, rows)]
    if len(shaped) == 1:
        [index] = shaped
        return index, f"'{header[index]}' was filled: the column before the maximum, '{header[index + 1]}'"
    raise CannotExport(
        f"the grade column cannot be identified (only grades in points can be filled, not scales); "
        f"choose it with --column; the sheet has {there}"
    )


def _is_maximum(sheet: Sheet, index: int, rows: list[int]) -> bool:
    """Whether a column contains the same positive number in all rows."""
    values = {number(sheet.text(row, index)) for row in rows}
    return len(values) == 1 and (values.pop() or 0) > 0


def _is_grade(sheet: Sheet, index: int, rows: list[int]) -> bool:
    """Whether a column contains only blanks or numbers up to the maximum in the next column."""
    if not _is_maximum(sheet, index + 1, rows):
        return False
    most = number(sheet.text(rows[0], index + 1)) or 0
    for row in rows:
        text = sheet.text(row, index)
        value = number(text)
        if text not in ("", "-") and (value is None or not 0 <= value <= most):
            return False
    return True
