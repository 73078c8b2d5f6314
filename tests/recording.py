"""`grade verify` as it is, which also writes down what a student would read first of each submission that it grades: a
line of JSON each, into the file named first. So the tests of hints grade no mistake again.
"""

import json
import sys
from pathlib import Path
from typing import Any

import grader.verify
from grader.cli import main
from grader.grading import grade_exercise
from grader.records import ExerciseGrade
from grader.summary import first_in


def recorded(submission: Any, exercise: Any, *arguments: Any, **options: Any) -> ExerciseGrade:
    """What `grade_exercise` says, written down."""
    grade = grade_exercise(submission, exercise, *arguments, **options)
    fix = first_in(grade)
    first = "" if fix is None else f"{fix.reason}\n{fix.hint or ''}"
    line = {"exercise": exercise.id, "solution": submission.name, "first": first}
    with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return grade


if __name__ == "__main__":
    grader.verify.grade_exercise = recorded  # type: ignore[attr-defined]
    main(sys.argv[2:])
