"""Fill a calibration: train solutions with known grades, seed after seed, resumably."""

import math
from collections.abc import Iterator
from pathlib import Path

from grader.authoring.exercise import Check, Exercise
from grader.authoring.expectations import Judged
from grader.course import calibration
from grader.course.calibration import Calibration, Row
from grader.course.fingerprint import hash_of_exercise
from grader.course.loading import Course
from grader.grading.session import Session
from grader.grading.student import Student
from grader.learning.learned import Learned
from grader.records.errors import StudentFault
from grader.records.versions import versions
from grader.verify.claims import read_claim, solutions_to


def calibrate(session: Session, exercise: Exercise, count: int, mistakes: int | None = None) -> Iterator[Row]:
    """Bring each reference to `count` rows, and each mistake that a learning check must catch to `mistakes` (or as
    many), on the session's device for trainings; rows as they come."""
    folder, device = session.course.settings.folder, session.jail.device
    versions_used = {**versions(), **session.jail.device_versions}
    digest = hash_of_exercise(folder, exercise.id)  # now: what is edited meanwhile was not measured
    for check in exercise.checks:
        if check.task is None:
            continue
        kept = calibration.load(folder, exercise.id, check.id, device)
        rows = list(kept.rows) if kept is not None else []
        done = {(row.solution, row.seed) for row in rows}
        for solution in _solutions(session.course, exercise, check):
            is_mistake = mistakes is not None and not calibration.is_reference(solution.name)
            for seed in calibration.seeds(mistakes if is_mistake else count):  # type: ignore[arg-type]
                if (solution.name, seed) in done:
                    continue
                row = measure(session, exercise, check, solution, seed)
                rows.append(row)
                made = Calibration(exercise.id, check.id, digest, device, versions_used, rows)
                calibration.save(folder, made)
                yield row


def measure(session: Session, exercise: Exercise, check: Check, solution: Path, seed: int) -> Row:
    """One row: what the check says of it, by the whole policy for a reference, by a single training for a mistake."""
    with session.staged(solution) as submission, session.attempt(submission, exercise, seed=seed) as attempt:
        if not calibration.is_reference(solution.name):
            attempt.trainings = 1
        try:
            attempt.load()
            found = check.run(Student(attempt, check.id))
            share = found.share if isinstance(found, Judged) else 1.0 if found is None else float(found)
        except StudentFault:
            share = 0.0
    return _row(solution.name, seed, share, attempt.learned)


def _row(solution: str, seed: int, share: float, learned: list[Learned]) -> Row:
    """What is kept; of a training that was refused, that it earned nothing."""
    if not learned:
        return Row(solution, seed, None, share, 0, [])
    counted, first = learned[-1].run, learned[-1].runs[0]
    score = float(f"{counted.score:.6g}") if math.isfinite(counted.score) else None
    curve = [(step, float(f"{value:.4g}")) for step, value in first.curve if math.isfinite(value)]
    is_kept = calibration.is_reference(solution)  # a band is drawn of references only
    return Row(solution, seed, score, round(share, 4), counted.steps, curve if is_kept else [])


def _solutions(course: Course, exercise: Exercise, check: Check) -> list[Path]:
    """References, and the mistakes whose first line names this check."""
    found = []
    for path in solutions_to(course, exercise):
        claim = read_claim(path / f"{exercise.id}.py")
        if calibration.is_reference(path.name) or (claim is not None and claim.check == check.id):
            found.append(path)
    return found


def rerun(session: Session, exercise: Exercise, check: Check, row: Row) -> Row:
    """Measure a row of a learning check again."""
    (solution,) = [path for path in solutions_to(session.course, exercise) if path.name == row.solution]
    return measure(session, exercise, check, solution, row.seed)
