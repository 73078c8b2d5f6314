"""Measures a calibration: trains sample solutions with one seed after another; can be resumed."""

import math
from collections.abc import Iterator
from pathlib import Path

from grader.authoring.exercise import Check, Exercise
from grader.course import calibration
from grader.course.calibration import Row, Table
from grader.course.fingerprint import hash_of_solution, hash_of_training
from grader.grading.session import Session
from grader.grading.student import Student
from grader.learning.policy import train
from grader.learning.run import Run
from grader.records.errors import StudentFault
from grader.records.versions import versions
from grader.verify.claims import read_claim


def calibrate(session: Session, exercise: Exercise, count: int, mistakes: int | None = None) -> Iterator[Row]:
    """Measure `count` runs of each reference, and `mistakes` trainings (by default `count`) of each mistake that a
    learning check must catch, on the session's training device.

    Yields each new row. Fresh rows are kept, stale ones are replaced.
    """
    for check in exercise.checks:
        if check.task is None:
            continue
        filling = _Filling(session, exercise, check)
        for name, file in _solutions(session.course.settings.folder, exercise, check).items():
            is_mistake = mistakes is not None and not calibration.is_reference(name)
            yield from filling.fill(name, file, mistakes if is_mistake and mistakes is not None else count)


class _Filling:
    """Measures the missing rows of one learning check."""

    def __init__(self, session: Session, exercise: Exercise, check: Check):
        self.session, self.exercise, self.check = session, exercise, check
        self.course = session.course.settings.folder
        self.task = calibration.task_of(check)
        self.versions = {**versions(), **session.jail.device_versions}
        # hashed now: later edits are not what is measured
        self.training = hash_of_training(self.course, exercise, check)
        self.kept = calibration.read(self.course, exercise.id, check.id, session.jail.device)
        self.fresh = calibration.fresh_tables(self.course, exercise, check, self.kept)

    def fill(self, solution: str, file: Path, count: int) -> Iterator[Row]:
        """Measure the missing rows of one solution; each row is saved before the next is measured."""
        source = hash_of_solution(file)
        rows = list(self.fresh[solution].rows) if solution in self.fresh else []
        for seed in calibration.seeds(count):
            while (number := self._missing(solution, [row for row in rows if row.seed == seed])) is not None:
                row = measure(self.session, self.exercise, self.check, file, seed, number)
                rows.append(row)
                self.kept.solutions[solution] = Table(self.training, source, self.versions, rows)
                calibration.save(self.course, self.kept)
                yield row

    def _missing(self, solution: str, rows: list[Row]) -> int | None:
        """The number of a seed's next training, or None. A mistake is trained once, a reference as the policy says."""
        if not rows:
            return 0
        if not calibration.is_reference(solution) or calibration.policy_share(rows, self._share) is not None:
            return None
        return len(rows)

    def _share(self, row: Row) -> float:
        return calibration.share_of(self.task, row)


def measure(session: Session, exercise: Exercise, check: Check, file: Path, seed: int, number: int) -> Row:
    """Train a solution once, as the check's training of this number does. A refused training has no score."""
    solution, found = file.parent.name, None
    with session.staged(file.parent) as submission, session.attempt(submission, exercise, seed=seed) as attempt:
        try:
            attempt.load()
            student = Student(attempt, check.id)
            task = student.task(check.task) if check.task is not None else calibration.task_of(check)
            found = train(student, task, number)
        except StudentFault:
            pass
    return _row(solution, seed, number, found)


def _row(solution: str, seed: int, number: int, run: Run | None) -> Row:
    """The row to save. A training that was refused or changed no parameter has no score."""
    if run is None or not run.moved:
        return Row(solution, seed, number, None, 0, [])
    score = float(f"{run.score:.6g}") if math.isfinite(run.score) else None
    curve = [(step, float(f"{value:.4g}")) for step, value in run.curve if math.isfinite(value)]
    is_kept = calibration.is_reference(solution)  # bands are drawn for references only
    return Row(solution, seed, number, score, run.steps, curve if is_kept else [])


def _solutions(course: Path, exercise: Exercise, check: Check) -> dict[str, Path]:
    """References, and the mistakes whose first line names this check."""
    found = {}
    for name, file in calibration.sources(course, exercise.id).items():
        claim = None if calibration.is_reference(name) else read_claim(file)
        if calibration.is_reference(name) or (claim is not None and claim.check == check.id):
            found[name] = file
    return found
