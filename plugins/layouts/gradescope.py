"""Gradescope, "Export Submissions": `submission_metadata.yml` and a folder `submission_<n>` per submission."""

from pathlib import Path

from grader.plugin import Collected, Member, Part, Skipped, Upload

from .listing import look_into, normalized, root
from .metadata import Submission, read_metadata

METADATA = "submission_metadata.yml"


def detect(folder: Path, name: str) -> bool:
    """Whether Gradescope's list of submissions is there."""
    return _looks_right(root(folder, _looks_right))


def _looks_right(folder: Path) -> bool:
    return any(file.name == METADATA for file in look_into(folder).files)


def collect(folder: Path, name: str) -> Collected:
    """One upload per folder in the list; all submitters of a group are its members."""
    folder = root(folder, _looks_right)
    listing = look_into(folder)
    known = read_metadata(folder / METADATA)
    uploads, skipped = [], list(listing.skipped)
    for path in listing.folders:
        submission = known.pop(path.name, None)
        if submission is None:
            skipped.append(Skipped(path.name, f"{METADATA} does not name it: its owner is unknown"))
        else:
            uploads.append(_upload(path, submission))
    skipped_names = {entry.what for entry in skipped}
    skipped += [
        Skipped(missing, f"named by {METADATA}, but there is no such folder")
        for missing in known
        if missing not in skipped_names
    ]
    skipped += [Skipped(file.name, "a file next to the submissions") for file in listing.files if file.name != METADATA]
    return Collected(_with_duplicates(uploads), skipped)


def _upload(path: Path, submission: Submission) -> Upload:
    warnings = list(submission.warnings)
    members: dict[str, Member] = {}
    for number, submitter in enumerate(submission.submitters, 1):
        key = submitter.sid or submitter.email
        if not key:
            key = path.name if len(submission.submitters) == 1 else f"{path.name}-{number}"
            warnings.append(f"{submitter.name or 'a submitter'} has neither a student id nor an email address")
        members.setdefault(key, Member(key, normalized(submitter.name), submitter.email))
    if not members:
        members[path.name] = Member(path.name)
        warnings.append("Gradescope lists no submitter for it")
    return Upload(list(members.values()), [Part("", path)], when=submission.when, doubts=warnings)


def _with_duplicates(uploads: list[Upload]) -> list[Upload]:
    """The uploads, each with a warning if one of its members is in another one too."""
    folders: dict[str, list[str]] = {}
    for upload in uploads:
        for member in upload.members:
            folders.setdefault(member.key, []).append(upload.parts[0].path.name)
    found = []
    for upload in uploads:
        own = upload.parts[0].path.name
        also = {other: member.key for member in upload.members for other in folders[member.key] if other != own}
        warnings = [f"duplicate: {key} is also in {other}" for other, key in sorted(also.items())]
        found.append(Upload(upload.members, upload.parts, upload.when, upload.late, [*upload.doubts, *warnings]))
    return found
