"""Reads a sheet of separated values into byte ranges of cells, and fills cells in place.

Only the filled cells change: byte order mark, line ends, quotes and encoding stay.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.plugin import CannotExport

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Sheet:
    """The bytes of a sheet, and where each cell starts and ends in them, quotes included."""

    data: bytes
    delimiter: bytes
    encoding: str
    spans: Sequence[Sequence[tuple[int, int]]]

    def raw(self, row: int, column: int) -> bytes:
        """The bytes of a cell; empty if the row is too short."""
        spans = self.spans[row]
        if column >= len(spans):
            return b""
        start, end = spans[column]
        return self.data[start:end]

    def text(self, row: int, column: int) -> str:
        """A cell's text without quotes and surrounding spaces."""
        raw = self.raw(row, column)
        if raw.startswith(b'"'):
            raw = raw[1:-1].replace(b'""', b'"')
        return raw.decode(self.encoding).strip()

    def header(self) -> list[str]:
        """The first row's texts."""
        return [self.text(0, column) for column in range(len(self.spans[0]))]

    def filled(self, cells: Mapping[tuple[int, int], str]) -> bytes:
        """The bytes with these cells, by row and column, filled; a cell that was quoted stays quoted."""
        pieces, done = [], 0
        for row, column in sorted(cells):
            start, end = self.spans[row][column]
            pieces += [self.data[done:start], self._written(cells[row, column], self.raw(row, column))]
            done = end
        return b"".join([*pieces, self.data[done:]])

    def _written(self, text: str, before: bytes) -> bytes:
        value = text.encode(self.encoding)
        if before.startswith(b'"') or self.delimiter in value or b'"' in value:
            return b'"' + value.replace(b'"', b'""') + b'"'
        return value


def read_sheet(data: bytes, delimiters: Sequence[bytes]) -> Sheet:
    """Read with the delimiter that splits the first row into the most cells. Raises `CannotExport` for an invalid
    sheet."""
    if not data.removeprefix(BOM).strip():
        raise CannotExport("the sheet of --into is empty")
    if b"\0" in data:
        raise CannotExport("the sheet of --into is not a text file (a workbook, or UTF-16?): use the CSV as downloaded")
    try:
        data.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "latin-1"  # decodes any byte; the text is only compared, and the bytes stay
    delimiter = max(delimiters, key=lambda one: _width(data, one))
    return Sheet(data, delimiter, encoding, _rows(data, delimiter))


def number(text: str) -> float | None:
    """`12.5`, `12,5`, `1.000,00`: the last separator is the decimal one, as in Canvas. None if it is not a number."""
    text = re.sub(r"\s", "", text[:100])
    if not re.fullmatch(r"-?[0-9.,]*[0-9][0-9.,]*", text):
        return None
    *whole, last = re.split("[.,]", text)
    return float(f"{''.join(whole)}.{last}") if whole else float(last)


def decimal_mark(texts: Iterable[str], delimiter: bytes) -> str:
    """The decimal separator of the numbers in a sheet. Before three digits it may separate thousands, so it is
    ignored."""
    for text in texts:
        if found := re.fullmatch(r"-?[0-9.,\s]*[0-9]([.,])(?:[0-9]{1,2}|[0-9]{4,})", text):
            return found[1]
    return "," if delimiter == b";" else "."


def _width(data: bytes, delimiter: bytes) -> int:
    try:
        return len(_rows(data, delimiter, most=1)[0])
    except CannotExport:
        return 0


def _rows(data: bytes, delimiter: bytes, most: int | None = None) -> list[list[tuple[int, int]]]:
    end = re.escape(delimiter)
    cell = re.compile(rb'("(?:[^"]++|"")*+"|[^"%(end)s\r\n][^%(end)s\r\n]*+|)(%(end)s|\r\n|\n|\r|\Z)' % {b"end": end})
    rows: list[list[tuple[int, int]]] = []
    row: list[tuple[int, int]] = []
    position = len(BOM) if data.startswith(BOM) else 0
    while position < len(data) or row:
        found = cell.match(data, position)
        if found is None:
            line = len(re.findall(rb"\r\n|\n|\r", data[:position])) + 1
            raise CannotExport(f"the sheet of --into, line {line}: an unclosed quote, or text after a closing quote")
        row.append(found.span(1))
        position = found.end()
        if found[2] != delimiter:
            rows.append(row)
            row = []
            if most is not None and len(rows) == most:
                break
    return rows
