"""Feedback files for a Moodle assignment: a zip in which folder names assign each page to a student."""

import io
import re
import zipfile

from grader.plugin import CannotExport, Exported, Exporting, Row

from .filling import listed
from .safe_names import safe_name

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Fixed, so that the same gradebook gives the same zip."""


def export(exporting: Exporting) -> Exported:
    """`<Full name>_<id>_assignfeedback_file/report.html` for each row whose student key is a participant number."""
    document = io.BytesIO()
    others = []
    written = 0
    with zipfile.ZipFile(document, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in exporting.rows():
            if not re.fullmatch("[0-9]+", row.student):
                others.append(row.student)
                continue
            entry = zipfile.ZipInfo(f"{_folder(row)}/report.html", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, exporting.page(row).encode("utf-8", "replace"))
            written += 1
    if not written:
        raise CannotExport(
            "moodle-feedback: no student key in the gradebook is a Moodle participant number; "
            f"found {listed(others) or 'none at all'}; grade the zip from Moodle's 'Download all submissions'"
        )
    notes = ["in Moodle: the assignment, Submissions, 'Upload multiple feedback files in a zip'"]
    if others:
        notes.append(f"not a Moodle participant number, left out: {listed(others)}")
    return Exported(document.getvalue(), notes=notes)


def _folder(row: Row) -> str:
    """Moodle takes the second field between underscores as the number, so the name must not contain any."""
    name = " ".join(re.sub(r"[_.]", " ", safe_name(row.name or "Participant", 100)).split())
    return f"{name or 'Participant'}_{row.student}_assignfeedback_file"
