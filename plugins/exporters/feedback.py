"""Feedback files for a Moodle assignment: a zip whose folder names lead each page to its student."""

import io
import re
import zipfile

from grader.plugin import CannotExport, Exported, Exporting, Row

from .filling import listed
from .safe_names import safe_name

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same gradebook makes the same zip."""


def export(exporting: Exporting) -> Exported:
    """`<Full name>_<id>_assignfeedback_file/report.html` for each row whose student is a participant number."""
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
            "moodle-feedback: no student of the gradebook is a participant number of Moodle's; "
            f"found {listed(others) or 'none at all'}; grade the zip that Moodle's 'Download all submissions' makes"
        )
    notes = ["in Moodle: the assignment, Submissions, 'Upload multiple feedback files in a zip'"]
    if others:
        notes.append(f"no participant number of Moodle's, left out: {listed(others)}")
    return Exported(document.getvalue(), notes=notes)


def _folder(row: Row) -> str:
    """Moodle takes the second part between underscores for the number, so a name has none."""
    name = " ".join(re.sub(r"[_.]", " ", safe_name(row.name or "Participant", 100)).split())
    return f"{name or 'Participant'}_{row.student}_assignfeedback_file"
