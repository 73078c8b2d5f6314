"""Fill a calibration: train solutions with known grades, seed after seed, resumably."""

import math
from collections.abc import Iterator
from pathlib import Path

from grader import calibration
from grader.attempt import Attempt, NameNotFound, NotLoaded, TimeSpent
from grader.calibration import Calibration, Row
from grader.course import Course, effective_limits
from grader.exercise import Check, Exercise
from grader.expectations import Unmet
from grader.jail.handle import WorkerEnded
from grader.jail.host import Zygote
from grader.learning import learn, train
from grader.recipe import BadRecipe
from grader.records import Limits
from grader.student import NotAModule, Student, StudentRaised
from grader.submissions import stage, unstage
from grader.task import Learned, Run
from grader.verify import read_claim
from grader.versions import versions
from grader.watch import Watch


def calibrate(
    course: Course, exercise: Exercise, zygote: Zygote, count: int, mistakes: int | None = None
) -> Iterator[Row]:
    """Bring each reference to `count` rows, and each mistake that a learning check must catch to `mistakes` (or as
    many), on the zygote's device for trainings; rows as they come."""
    folder = course.settings.folder
    digest = calibration.hash_of(folder, exercise.id)  # now: what is edited meanwhile was not measured
    for check in exercise.checks:
        if check.task is None:
            continue
        kept = calibration.load(folder, exercise.id, check.id, zygote.device)
        rows = list(kept.rows) if kept is not None else []
        done = {(row.solution, row.seed) for row in rows}
        for solution in _solutions(folder / "solutions", exercise, check):
            is_mistake = mistakes is not None and not calibration.is_reference(solution.name)
            for seed in calibration.seeds(mistakes if is_mistake else count):  # type: ignore[arg-type]
                if (solution.name, seed) in done:
                    continue
                row = measure(course, exercise, check, zygote, solution, seed)
                rows.append(row)
                graded_by = {**versions(), **zygote.device_versions}
                calibration.save(folder, Calibration(exercise.id, check.id, digest, zygote.device, graded_by, rows))
                yield row


def measure(course: Course, exercise: Exercise, check: Check, zygote: Zygote, solution: Path, seed: int) -> Row:
    """One row: the whole policy for a reference, a single training for a mistake."""
    zygote.prepare_training()
    submission = stage(solution, zygote, Limits())
    attempt = Attempt(zygote, submission, exercise, effective_limits(course.settings, exercise), seed, Watch())
    try:
        attempt.load()
        student = Student(attempt, check.id)
        assert check.task is not None
        task = student.task(check.task)
        if calibration.is_reference(solution.name):
            return _row(solution.name, seed, learn(student, task))
        return _row(solution.name, seed, train(student, task, 0))
    except (Unmet, BadRecipe, NotAModule, StudentRaised, WorkerEnded, NotLoaded, NameNotFound, TimeSpent):
        return Row(solution.name, seed, None, 0.0, 0, [])
    finally:
        attempt.close()
        unstage(submission, zygote)


def _row(solution: str, seed: int, result: Learned | Run) -> Row:
    first, counted = (result.runs[0], result.run) if isinstance(result, Learned) else (result, result)
    score = float(f"{counted.score:.6g}") if math.isfinite(counted.score) else None
    curve = [(step, float(f"{value:.4g}")) for step, value in first.curve if math.isfinite(value)]
    is_kept = calibration.is_reference(solution)  # a band is drawn of references only
    return Row(solution, seed, score, round(counted.share, 4), counted.steps, curve if is_kept else [])


def _solutions(folder: Path, exercise: Exercise, check: Check) -> list[Path]:
    """References, and the mistakes whose first line names this check."""
    found = []
    for path in sorted(folder.iterdir()):
        file = path / f"{exercise.id}.py"
        if not file.is_file():
            continue
        claim = read_claim(file)
        if calibration.is_reference(path.name) or (claim is not None and claim.check == check.id):
            found.append(path)
    return found


def rerun(course: Course, exercise: Exercise, check: Check, zygote: Zygote, row: Row) -> Row:
    """Measure a row of a learning check again."""
    return measure(course, exercise, check, zygote, course.settings.folder / "solutions" / row.solution, row.seed)
