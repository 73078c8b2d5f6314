"""JUnit XML as CI servers read it: a submission is a test suite, a check a test case, points are properties."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from grader.plugin import ExerciseGrade, Exported, Exporting, Row, Verdict, format_points

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML forbids, even escaped."""

_OUTCOMES = {"partial": "failure", "failed": "failure", "error": "error", "skipped": "skipped"}
"""The element for a check's status; `passed` has none."""

_TOTALS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def export(exporting: Exporting) -> Exported:
    """One `testsuites` element. Time is given per submission: it is not measured per check."""
    document = io.BytesIO()
    document.write(b'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="grades">\n')
    for row in exporting.rows():
        document.write("".join(_suite(row)).encode())
    document.write(b"</testsuites>\n")
    return Exported(document.getvalue())


def _suite(row: Row) -> Iterator[str]:
    grade = row.grade
    cases = [(exercise, check) for exercise in grade.exercises for check in exercise.checks]
    totals = Counter(_OUTCOMES.get(check.status, "") for _, check in cases)
    if not cases:
        totals["error"] = 1
    counts = {name: str(totals[element]) for name, element in _TOTALS.items()}
    yield _start("testsuite", name=row.student, tests=str(max(1, len(cases))), **counts, time=f"{grade.seconds:.3f}")
    properties = [
        ("name", row.name),
        ("status", grade.status),
        ("points", format_points(row.points)),
        ("max_points", format_points(grade.max_points)),
        ("percent", format_points(row.percent)),
        ("seed", str(grade.seed)),
        ("handed_in", row.when or ""),
        *[("adjustment", f"{change.points:+g}: {change.reason}") for change in row.adjustments],
    ]
    yield _properties(properties)
    for exercise, check in cases:
        yield from _case(exercise, check)
    if not cases:
        yield _start("testcase", classname="submission", name="submission")
        yield _outcome("error", grade.status, grade.message or "it has no checks", None)
        yield "</testcase>\n"
    yield "</testsuite>\n"


def _case(exercise: ExerciseGrade, check: Verdict) -> Iterator[str]:
    yield _start("testcase", classname=exercise.id, name=check.id)
    yield _properties([("points", format_points(check.points)), ("max_points", format_points(check.max_points))])
    if check.status in _OUTCOMES:
        yield _outcome(_OUTCOMES[check.status], check.status, check.message, check.hint)
    yield "</testcase>\n"


def _outcome(element: str, kind: str, message: str, hint: str | None) -> str:
    """The message's first line as an attribute, which CI servers show as the title, and all of it as text."""
    first = message.strip().split("\n")[0]
    text = escape(_FORBIDDEN.sub("", "\n\n".join([message, hint] if hint else [message])))
    return f"{_start(element, type=kind, message=first)}{text}</{element}>\n"


def _properties(properties: list[tuple[str, str]]) -> str:
    inside = "".join(f"{_start('property', name=name, value=value)}</property>" for name, value in properties)
    return f"<properties>{inside}</properties>\n"


def _start(element: str, /, **attributes: str) -> str:
    written = "".join(f" {name}={quoteattr(_FORBIDDEN.sub('', value))}" for name, value in attributes.items())
    return f"<{element}{written}>"
