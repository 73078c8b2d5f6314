"""Canvas: fills a column of the gradebook that the instructor exported, for import.

Canvas treats a blank cell as a change, an unknown title as a new assignment, and falls back to matching students by
name. So only grades are written, only into an existing column, and students are matched by ids alone.
"""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from grader.plugin import CannotExport, Exported, Exporting

from .filling import Column, fill, listed, matching_notes, read_scores
from .sheets import Sheet, decimal_mark, number, read_sheet

_GET = "export the gradebook in Canvas (Grades, Export, 'Export Entire Gradebook') and give that file to --into"
_COMPUTED = re.compile(
    "Current Score|Current Points|Current Grade|Final Score|Final Points|Final Grade"
    "|Override Score|Override Grade|Override Status"
)


class Frame(NamedTuple):
    """The structure of a gradebook sheet."""

    header: list[str]
    ids: list[tuple[str, int]]
    """Columns that identify a student, the most reliable first: title and index."""
    first: int
    """The first column after those about students."""
    possible: int | None
    """The row with each assignment's maximum points."""


def export(exporting: Exporting) -> Exported:
    """Fill `--column` of `--into`. Raises `CannotExport`."""
    if exporting.into is None:
        raise CannotExport(f"canvas fills a gradebook exported from Canvas: {_GET}")
    sheet = read_sheet(exporting.into, (b",", b";"))
    frame = _frame(sheet)
    index = _pick(sheet, frame, exporting.column)
    scores = read_scores(exporting)
    students, ambiguous = _match(sheet, frame, scores)
    rows = range(1, len(sheet.spans))
    possible = number(sheet.text(frame.possible, index)) if frame.possible is not None else None
    maxima = dict.fromkeys(rows, possible) if possible and possible > 0 else {}
    numbers = (sheet.text(row, column) for row in rows for column in range(frame.first, len(frame.header)))
    column = Column(index, maxima, decimal_mark(numbers, sheet.delimiter), kept=("EX",))
    document, notes = fill(sheet, column, students, scores)
    if not maxima:
        notes.insert(0, f"the sheet has no Points Possible for '{frame.header[index]}': points are not scaled")
    if ambiguous:
        notes.append(f"the ID of one student and the SIS ID of another in the sheet, not written: {listed(ambiguous)}")
    found = {*students.values(), *ambiguous}
    missing = [student for student in scores if student not in found]
    without = [_who(sheet, frame, row) for row in rows if row not in students and _is_student(sheet, frame, row)]
    return Exported(document, notes=[*notes, *matching_notes(missing, without)])


def _frame(sheet: Sheet) -> Frame:
    header = sheet.header()
    start = header[:3] + [""] * 3
    if "Student" in start[0] and "ID" in start[1]:
        id_column = 1
    elif "LastName" in start[0] and "FirstName" in start[1] and "ID" in start[2]:
        id_column = 2
    else:
        raise CannotExport(f"--into is not a Canvas gradebook, whose first columns are Student and ID: {_GET}")
    section = next((index for index in range(id_column + 1, len(header)) if "Section" in header[index]), None)
    if section is None:
        raise CannotExport(f"--into is not a Canvas gradebook, because it has no column Section: {_GET}")
    ids = [("ID", id_column)]
    for title in ("SIS User ID", "SIS Login ID"):
        pattern = re.compile(title.replace(" ", r"\s+"))
        ids += [(title, index) for index in range(id_column + 1, section) if pattern.search(header[index])][:1]
    rows = range(1, min(3, len(sheet.spans)))
    possible = next((row for row in rows if "Points Possible" in sheet.text(row, 0)), None)
    return Frame(header, ids, section + 1, possible)


def _pick(sheet: Sheet, frame: Frame, wanted: str | None) -> int:
    """The column to fill. Raises `CannotExport`, listing the assignments, unless exactly one matches."""
    columns = range(frame.first, len(frame.header))
    titles = {index: re.fullmatch(r"(.*\S)\s*\([0-9]+\)", frame.header[index], re.DOTALL) for index in columns}
    computed = {index for index in columns if _is_computed(sheet, frame, index)}
    assignments = [index for index in columns if titles[index] and index not in computed]
    there = listed([f"'{frame.header[index]}'" for index in assignments], 50) or "no assignment at all"
    if wanted is None:
        if len(assignments) == 1:
            return assignments[0]
        raise CannotExport(f"choose the assignment with --column; the sheet has {there}")
    wanted = wanted.strip()
    whole = [index for index in columns if frame.header[index] == wanted]
    meant = whole or [index for index in columns if (title := titles[index]) and title[1].strip() == wanted]
    if not meant:
        raise CannotExport(f"the sheet has no column '{wanted}'; it has {there}")
    if len(meant) > 1:
        several = listed([f"'{frame.header[index]}'" for index in meant])
        raise CannotExport(f"more than one column is called '{wanted}': {several}; name it with its (id)")
    if meant[0] in computed:
        raise CannotExport(f"the column '{wanted}' is computed by Canvas and cannot be filled; there are {there}")
    return meant[0]


def _is_computed(sheet: Sheet, frame: Frame, index: int) -> bool:
    points = sheet.text(frame.possible, index) if frame.possible is not None else ""
    return bool(re.search(r"read\s+only", points) or _COMPUTED.search(frame.header[index]))


def _match(sheet: Sheet, frame: Frame, scores: Collection[str]) -> tuple[dict[int, str], list[str]]:
    """The student of each row, and the ambiguous students, who are left out.

    A student may have several rows (one per section). A key is ambiguous if it is one student's ID and another's SIS
    ID: a wrong guess would give a student someone else's grade."""
    kinds = [_rows_by_key(sheet, frame, index, scores) for _, index in frame.ids]
    places = {student: {tuple(rows[student]) for rows in kinds if student in rows} for student in scores}
    students: dict[int, str] = {}
    for rows_by_key in kinds:
        for student, rows in rows_by_key.items():
            if len(places[student]) == 1:
                students |= {row: student for row in rows if row not in students}
    return students, [student for student in scores if len(places[student]) > 1]


def _rows_by_key(sheet: Sheet, frame: Frame, column: int, scores: Collection[str]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in range(1, len(sheet.spans)):
        key = sheet.text(row, column)
        if row != frame.possible and key and key in scores:
            found.setdefault(key, []).append(row)
    return found


def _is_student(sheet: Sheet, frame: Frame, row: int) -> bool:
    return row != frame.possible and any(sheet.text(row, index) for _, index in frame.ids)


def _who(sheet: Sheet, frame: Frame, row: int) -> str:
    return next(text for _, index in frame.ids if (text := sheet.text(row, index)))
