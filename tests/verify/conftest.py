"""A course verified by a session that is open already: what `grade verify` finds and prints, without a new jail."""

import subprocess

import pytest

from grader.cli.verify import report_findings
from grader.course.calibration import known
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.grading.session import Session


@pytest.fixture
def verify_here(zygote, isolation, submission, capsys):
    """Verify a course of these files, but those that are None, with seed 3: exit code and output of the command."""

    def run(files, **options):
        folder = submission({path: text for path, text in files.items() if text is not None}, name="course")
        for path in files:
            if files[path] is None:
                (folder / path).unlink(missing_ok=True)
        course = load_course(read_settings(folder), entry_points=False)
        session = Session(course, course.exercises, zygote, isolation, known(folder, course.exercises, "cpu"))
        capsys.readouterr()
        problems = report_findings(session, 3, **options)
        return subprocess.CompletedProcess((), int(problems > 0), *capsys.readouterr())

    return run
