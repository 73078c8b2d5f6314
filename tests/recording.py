"""`grade verify` as it is, which also writes down what a student would read first of each submission that it grades: a
line of JSON each, into the file named first; and the page that its student would get, into a file beside that one. So
the tests of hints and of pages grade no mistake again.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import grader.grading.grading
from grader.cli.main import main
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.grading.listener import Listener
from grader.records.figures import Figure
from grader.records.grade import Conditions, ExerciseGrade, Grade
from grader.records.summary import first_in


def recorded(submission: Any, exercise: Any, *arguments: Any, **options: Any) -> ExerciseGrade:
    """What `grade_exercise` says, written down."""
    figures: list[Figure] = []
    listener = dataclasses.replace(
        options.pop("listener", None) or Listener(), figure=lambda _, figure: figures.append(figure)
    )
    grade = grade_exercise(submission, exercise, *arguments, listener=listener, **options)
    _keep_page(submission.name, grade, figures, options["seed"])
    fix = first_in(grade)
    first = "" if fix is None else f"{fix.reason}\n{fix.hint or ''}"
    line = {"exercise": exercise.id, "solution": submission.name, "first": first}
    with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return grade


def _keep_page(name: str, grade: ExerciseGrade, figures: list[Figure], seed: int) -> None:
    percent = round(100 * grade.points / grade.max_points, 2)
    head = (1, name, "graded", None, grade.points, grade.max_points, percent, "cpu", "strong")
    whole = Grade(*head, seed, grade.seconds, grade.flags, [grade])
    page = COURSE.reports["html"].page(whole, Conditions(f"grade submit {name}", {}, {}, []), {grade.id: figures})
    Path(sys.argv[1]).with_name(f"{grade.id}.{name}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    COURSE = load_course(read_settings(), entry_points=False)
    grade_exercise, grader.grading.grading.grade_exercise = grader.grading.grading.grade_exercise, recorded
    main(sys.argv[2:])
