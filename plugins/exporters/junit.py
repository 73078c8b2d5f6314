"""JUnit XML as CI servers read it: a submission is a test suite, a check a test case, points are properties."""

import io
import re
from collections import Counter
from xml.sax.saxutils import XMLGenerator

from grader import ExerciseGrade, Exported, Exporting, Row, Verdict, format_points

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold, not even escaped."""

_OUTCOMES = {"partial": "failure", "failed": "failure", "error": "error", "skipped": "skipped"}
"""What becomes of a check's status; `passed` has no element."""

_TOTALS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def export(exporting: Exporting) -> Exported:
    """One `testsuites` element. Time is a submission's: no single check's is measured."""
    document = io.BytesIO()
    xml = XMLGenerator(document, "utf-8", short_empty_elements=True)
    xml.startDocument()
    _open(xml, "testsuites", name="grades")
    for row in exporting.rows():
        _suite(xml, row)
    _close(xml, "testsuites")
    return Exported(document.getvalue())


def _suite(xml: XMLGenerator, row: Row) -> None:
    grade = row.grade
    cases = [(exercise, check) for exercise in grade.exercises for check in exercise.checks]
    totals = Counter(_OUTCOMES.get(check.status, "") for _, check in cases)
    if not cases:
        totals["error"] = 1
    counts = {name: str(totals[element]) for name, element in _TOTALS.items()}
    tests = str(max(1, len(cases)))
    _open(xml, "testsuite", name=row.student, tests=tests, **counts, time=f"{grade.seconds:.3f}")
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
    _properties(xml, properties)
    for exercise, check in cases:
        _case(xml, exercise, check)
    if not cases:
        _open(xml, "testcase", classname="submission", name="submission")
        _outcome(xml, "error", grade.status, grade.message or "there is no check of it", None)
        _close(xml, "testcase")
    _close(xml, "testsuite")


def _case(xml: XMLGenerator, exercise: ExerciseGrade, check: Verdict) -> None:
    _open(xml, "testcase", classname=exercise.id, name=check.id)
    _properties(xml, [("points", format_points(check.points)), ("max_points", format_points(check.max_points))])
    if check.status in _OUTCOMES:
        _outcome(xml, _OUTCOMES[check.status], check.status, check.message, check.hint)
    _close(xml, "testcase")


def _outcome(xml: XMLGenerator, element: str, kind: str, message: str, hint: str | None) -> None:
    """The message's first line as an attribute, where CI servers look for a headline, and all of it as text."""
    first = message.strip().split("\n")[0]
    _open(xml, element, type=kind, message=first)
    xml.characters(_clean("\n\n".join([message, hint] if hint else [message])))
    _close(xml, element)


def _properties(xml: XMLGenerator, properties: list[tuple[str, str]]) -> None:
    _open(xml, "properties")
    for name, value in properties:
        _open(xml, "property", name=name, value=value)
        _close(xml, "property")
    _close(xml, "properties")


def _open(xml: XMLGenerator, element: str, /, **attributes: str) -> None:
    xml.startElement(element, {name: _clean(value) for name, value in attributes.items()})  # type: ignore[arg-type]


def _close(xml: XMLGenerator, element: str) -> None:
    xml.endElement(element)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("", text)
