"""Keeps a page small enough to be mailed and opened on a phone: long texts are cut first, then evidence."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.plugin import ExerciseGrade, Grade

LARGEST = 390_000
"""Bytes of a page, at most."""
TEXTS = (1000, 300, 80)
"""Characters of a message, a hint or a note, at most, where a page would be too large; a twentieth as many notes."""
FIGURE_TEXT = 1000
"""Characters of a title, a sentence or a name in a figure, at most."""
FIGURES = (3, 1, 0)
"""Figures of an exercise, at most, where texts that were cut are not enough."""

Figures = dict[str, Sequence[Any]]


def render_small_enough(render: Callable[["Grade", Figures], str], grade: "Grade", figures: Figures) -> str:
    """The first page that is small enough: with everything, with shorter texts, with less evidence."""
    page = ""
    for part, shown in _variants(grade, figures):
        page = render(part, shown)
        if len(page.encode("utf-8", "replace")) <= LARGEST:
            break
    return page


def _variants(grade: "Grade", figures: Figures) -> Iterator[tuple["Grade", Figures]]:
    yield grade, figures
    for limit in TEXTS:
        yield shortened(grade, limit), figures
    for count in FIGURES:
        yield shortened(grade, TEXTS[-1]), {id: shown[:count] for id, shown in figures.items() if shown[:count]}


def with_short_texts(figure: Any) -> Any:
    """The figure with its texts, and those of its lines, cut to `FIGURE_TEXT`. Cells are cut by `tables`."""
    import msgspec

    fields: dict[str, Any] = {}
    for name in figure.__struct_fields__:
        value = getattr(figure, name)
        if isinstance(value, str) and len(value) > FIGURE_TEXT:
            fields[name] = _cut(value, FIGURE_TEXT)
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            fields[name] = [with_short_texts(part) for part in value]
    return _with(figure, **fields) if fields else figure


def shortened(grade: "Grade", limit: int) -> "Grade":
    """The same grade, with texts of at most `limit` characters before the note that they were cut."""
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
