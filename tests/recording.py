"""`grade verify` of one exercise as it is, which also keeps the page that the student of each submission would get: in
the folder named first, for the tests of pages.
"""

import sys
from pathlib import Path

from grader.cli.options import note
from grader.cli.verify import report_findings
from grader.course.settings import read_settings
from grader.grading.session import Session, open_session
from grader.records.grade import Conditions, Grade
from grader.records.seeds import draw
from grader.verify.gradings import Grading


def keep_page(folder: Path, session: Session, seed: int, grading: Grading) -> None:
    """Write the page of one grading, as far as it went."""
    grade = grading.grade
    percent = round(100 * grade.points / grade.max_points, 2)
    head = (1, grading.name, "graded", None, grade.points, grade.max_points, percent, "cpu", "strong")
    whole = Grade(*head, seed, grade.seconds, grade.flags, [grade])
    conditions = Conditions(f"grade submit {grading.name}", {}, {}, [])
    page = session.course.reports["html"].page(whole, conditions, {grade.id: list(grading.figures)})
    (folder / f"{grade.id}.{grading.name}.html").write_text(page, encoding="utf-8")


def main(folder: Path, exercise: str) -> int:
    """Verify an exercise with a seed drawn at random; the exit code of the command."""
    seed = draw()
    with open_session(read_settings(), [exercise], note=note) as session:
        problems = report_findings(session, seed, seen=lambda grading: keep_page(folder, session, seed, grading))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
