"""A page that can be mailed and opened on a phone: where it would be too large, long texts are cut, then evidence."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.plugin import ExerciseGrade, Grade

LARGEST = 390_000
"""Bytes of a page, at most."""
TEXTS = (1000, 300, 80)
"""Characters of a message, a hint or a note, at most, where a page would be too large; so many of them as notes."""
WORDS = 1000
"""Characters of a title, a sentence or a name in a figure, at most."""
FIGURES = (3, 1, 0)
"""Figures of an exercise, at most, where texts that were cut are not enough."""

Figures = dict[str, Sequence[Any]]


def fitted(render: Callable[["Grade", Figures], str], grade: "Grade", figures: Figures) -> str:
    """The first page that is small enough: with everything, with shorter texts, with less evidence."""
    page = ""
    for part, shown in _ways(grade, figures):
        page = render(part, shown)
        if len(page.encode("utf-8", "replace")) <= LARGEST:
            break
    return page


def _ways(grade: "Grade", figures: Figures) -> Iterator[tuple["Grade", Figures]]:
    yield grade, figures
    for limit in TEXTS:
        yield shortened(grade, limit), figures
    for count in FIGURES:
        yield shortened(grade, TEXTS[-1]), {id: shown[:count] for id, shown in figures.items() if shown[:count]}


def worded(figure: Any) -> Any:
    """A figure whose words, and those of its lines, fit a page. What stands in its cells is cut where it is shown."""
    import msgspec

    fields: dict[str, Any] = {}
    for name in figure.__struct_fields__:
        value = getattr(figure, name)
        if isinstance(value, str) and len(value) > WORDS:
            fields[name] = _cut(value, WORDS)
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            fields[name] = [worded(part) for part in value]
    return _with(figure, **fields) if fields else figure


def shortened(grade: "Grade", limit: int) -> "Grade":
    """The same grade, with texts of at most `limit` characters before the words that say so."""
    return _with(
        grade,
        message=grade.message and _cut(grade.message, limit),
        exercises=[_shortened(exercise, limit) for exercise in grade.exercises],
    )


def _shortened(exercise: "ExerciseGrade", limit: int) -> "ExerciseGrade":
    most = max(5, limit // 20)
    notes = [_cut(note, limit) for note in exercise.notes[:most]]
    if len(exercise.notes) > most:
        notes.append(f"{len(exercise.notes) - most} more notes are not shown.")
    checks = [
        _with(check, message=_cut(check.message, limit), hint=check.hint and _cut(check.hint, limit))
        for check in exercise.checks
    ]
    return _with(exercise, message=exercise.message and _cut(exercise.message, limit), notes=notes, checks=checks)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit} more characters)"


def _with(record: Any, **fields: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(record, **fields)
