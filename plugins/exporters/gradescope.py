"""Gradescope's `results.json`: what Gradescope reads from an autograder's container."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from grader.plugin import ExerciseGrade, Exported, Exporting, Row, Verdict, format_points

from .safe_names import unique_names


def export(exporting: Exporting) -> Exported:
    """One document if the gradebook has one row, else `<student>/results.json` for each."""
    if len(list(itertools.islice(exporting.rows(), 2))) == 1:
        return Exported(_document(next(iter(exporting.rows()))))
    return Exported(folder=_files(exporting))


def _files(exporting: Exporting) -> Iterator[tuple[str, bytes]]:
    safe = unique_names()
    for row in exporting.rows():
        yield f"{safe(row.student)}/results.json", _document(row)


def _document(row: Row) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_results(row)), indent=2) + b"\n"


def _results(row: Row) -> dict[str, Any]:
    """Every format is `text`, because these texts quote students and the default at the top level is HTML.

    Nothing is hidden, because Gradescope would show no total; flags are for the instructor and are left out.
    """
    judged = [exercise for exercise in row.grade.exercises if exercise.status != "broken"]
    return {
        "score": row.points,
        "execution_time": round(row.grade.seconds, 3),
        "output": "\n".join(_remarks(row)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "tests": [
            _test(exercise, check, f"{number}.{count}")
            for number, exercise in enumerate(judged, 1)
            for count, check in enumerate(exercise.checks, 1)
        ],
    }


def _remarks(row: Row) -> Iterator[str]:
    """Remarks about the submission as a whole."""
    if row.grade.message:
        yield row.grade.message
    for exercise in row.grade.exercises:
        if exercise.status == "broken":
            yield f"{exercise.title}: the grader could not judge this exercise; its points do not count."
        elif exercise.message:
            yield f"{exercise.title}: {exercise.message}"
        yield from (f"{exercise.title}: {note}" for note in exercise.notes)
    for change in row.adjustments:
        sign = "-" if change.points < 0 else "+"
        yield f"{sign}{format_points(abs(change.points))} points: {change.reason}"


def _test(exercise: ExerciseGrade, check: Verdict, number: str) -> dict[str, Any]:
    said = [check.message, f"What to try: {check.hint}" if check.hint else ""]
    return {
        "name": f"{exercise.title}: {check.title}",
        "name_format": "text",
        "number": number,
        "score": check.points,
        "max_score": check.max_points,
        "status": "passed" if check.status == "passed" else "failed",
        "output": "\n\n".join(part for part in said if part),
        "output_format": "text",
        "visibility": "visible",
    }
