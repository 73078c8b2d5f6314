"""Layouts of LMS downloads: who submitted what, judging by names alone. One file per system."""

from collections.abc import Sequence
from pathlib import Path

from grader.plugin import Collected, Layout, hookimpl

from . import blackboard, canvas, git, gradescope, moodle, plain


@hookimpl
def grader_layouts(exercises: Sequence[str]) -> list[Layout]:
    """All layouts; `plain` is for downloads that no other layout detects."""

    def collect_plain(folder: Path, name: str) -> Collected:
        return plain.collect(folder, name, exercises)

    return [
        Layout("plain", lambda folder, name: False, collect_plain),
        Layout("canvas", canvas.detect, canvas.collect),
        Layout("moodle", moodle.detect, moodle.collect),
        Layout("gradescope", gradescope.detect, gradescope.collect),
        Layout("blackboard", blackboard.detect, blackboard.collect),
        Layout("git", git.detect, git.collect),
    ]
