"""A confusion matrix, with a sentence about it: how many are right, and which classes are confused."""

import operator
from collections.abc import Sequence

import msgspec

from grader.records.sanitize import sanitize

LABEL = 60  # characters, at most, of a label
Counts = Sequence[Sequence[int]]


class Matrix(msgspec.Struct, frozen=True, tag=True):
    """A confusion matrix: how often examples of one class were assigned to another."""

    title: str
    sentence: str
    labels: list[str]
    """The classes, in the order of the rows and of the columns."""
    counts: list[list[int]]
    """`counts[row][column]`: how many examples of the class `row` were assigned to the class `column`."""
    row_label: str = "true class"
    column_label: str = "answered"
    description: str = ""
    """Alternative text for readers who cannot see the shades. By default, a report shows `in_words`."""

    @classmethod
    def of(
        cls,
        targets: Sequence[int],
        found: Sequence[int],
        labels: Sequence[str],
        *,
        title: str,
        things: str = "examples",
        row_label: str = "class",
        column_label: str = "answered",
    ) -> "Matrix":
        """Build a matrix from the true and the predicted class numbers, both (examples,), with a sentence about it.

        `things` says what was classified: "names". Raises `ValueError` for a number that has no label.
        """
        counts = _count_pairs(targets, found, len(labels))
        sentence = _summarize(counts, labels, things, row_label)
        return cls(title, sentence, list(labels), counts, row_label, column_label)

    @property
    def in_words(self) -> str:
        """The description; by default, how many are right, and the most frequent mistake."""
        return self.description or _describe(self.counts, self.labels)

    def __post_init__(self) -> None:
        labels = [sanitize(str(label), LABEL) for label in self.labels]
        counts = [[_as_count(self.title, value) for value in row] for row in self.counts]
        if not labels:
            raise ValueError(f"'{self.title}': a matrix needs at least one label")
        if len(counts) != len(labels):
            raise ValueError(f"'{self.title}': expected one row per label: {len(labels)} labels, {len(counts)} rows")
        for label, row in zip(labels, counts, strict=True):
            if len(row) != len(labels):
                raise ValueError(
                    f"'{self.title}': expected one column per label: {len(labels)} labels, row '{label}' has {len(row)}"
                )
        msgspec.structs.force_setattr(self, "labels", labels)
        msgspec.structs.force_setattr(self, "counts", counts)


def _as_count(title: str, value: object) -> int:
    try:
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"'{title}': counts must be whole numbers, found {value!r}") from None
    if count < 0:
        raise ValueError(f"'{title}': counts must not be negative, found {count}")
    return count


def _count_pairs(targets: Sequence[int], found: Sequence[int], classes: int) -> list[list[int]]:
    """How often each class was assigned to each. Raises `ValueError` for an invalid class, or unequal lengths."""
    counts = [[0] * classes for _ in range(classes)]
    for target, answer in zip(map(int, targets), map(int, found), strict=True):
        if not (0 <= target < classes and 0 <= answer < classes):
            raise ValueError(f"classes are 0 to {classes - 1}, found {target} taken for {answer}")
        counts[target][answer] += 1
    return counts


def _summarize(counts: Counts, labels: Sequence[str], things: str, kind: str) -> str:
    """How many are right, which two classes are confused most, and which one does worst.

    `things` says what was classified ("names"), `kind` what a class is ("list").
    """
    sentence = f"Of {sum(map(sum, counts))} {things} kept for this report, {_correct(counts)} are right."
    pairs = [(row, column) for column in range(len(labels)) for row in range(column)]
    confused = {(one, other): counts[one][other] + counts[other][one] for one, other in sorted(pairs)}
    if not any(confused.values()):
        return sentence
    one, other = max(confused, key=lambda pair: confused[pair])
    seen = [place for place, row in enumerate(counts) if sum(row)]
    worst = min(seen, key=lambda place: counts[place][place] / sum(counts[place]))
    return (
        f"{sentence} It confuses {labels[one]} and {labels[other]} most: {counts[one][other]} {things} of the "
        f"{labels[one]} {kind} are labelled {labels[other]}, and {counts[other][one]} the other way round. It "
        f"does worst on the {labels[worst]} {kind}: {counts[worst][worst]} of {sum(counts[worst])} are right."
    )


def _describe(counts: Counts, labels: Sequence[str]) -> str:
    """Alternative text: how many are right, and the most frequent mistake."""
    correct = f"{_correct(counts)} of {sum(map(sum, counts))} are on the diagonal."
    wrong = [
        (count, labels[place], labels[column])
        for place, row in enumerate(counts)
        for column, count in enumerate(row)
        if place != column
    ]
    count, label, answer = max(wrong, key=lambda found: found[0], default=(0, "", ""))
    return f"{correct} The most frequent mistake: {label} taken for {answer}, {count} times." if count else correct


def _correct(counts: Counts) -> int:
    return sum(row[place] for place, row in enumerate(counts))
