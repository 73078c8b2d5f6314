"""The sources of all submissions in one folder, for a plagiarism detector: Dolos, JPlag or MOSS.

Its results are for the instructor and never change a score.
"""

import csv
import io
from collections.abc import Iterator

from grader.plugin import Exported, Exporting

from .csv_table import inert
from .safe_names import unique_names, unique_paths

_NOTE = "Dolos reads info.csv; JPlag and MOSS take each folder as one submission. Their results change no score."


def export(exporting: Exporting) -> Exported:
    """One folder per submission, and `info.csv` with a row per Python file, as Dolos reads it."""
    return Exported(folder=_files(exporting), notes=[_NOTE])


def _files(exporting: Exporting) -> Iterator[tuple[str, bytes]]:
    text = io.StringIO()
    info = csv.writer(text)
    info.writerow(["filename", "id", "full_name", "created_at"])
    folder = unique_names()
    folder("info.csv")
    for row in exporting.rows():
        name, inside = folder(row.student), unique_paths()
        for path, content in exporting.sources(row).items():
            file = f"{name}/{inside(path)}"
            if file.lower().endswith(".py"):
                info.writerow([file, inert(row.student), inert(row.name or row.student), row.when or ""])
            yield file, content
    yield "info.csv", text.getvalue().encode("utf-8", "replace")
