"""Fill a calibration: train solutions with known grades, seed after seed, resumably."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from grader import calibration
from grader.attempt import Attempt, NameNotFound, NotLoaded, TimeSpent
from grader.calibration import Calibration, Row
from grader.course import Course, effective_limits
from grader.exercise import Check, Exercise
from grader.expectations import Judged, Unmet
from grader.jail.handle import WorkerEnded
from grader.jail.host import Zygote
from grader.recipe import BadRecipe
from grader.records import Limits
from grader.student import NotAModule, Student, StudentRaised
from grader.submissions import stage, unstage
from grader.task import Learned
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
                made = Calibration(exercise.id, check.id, digest, zygote.device, _versions(zygote), rows)
                calibration.save(folder, made)
                yield row


def measured_or_trained(
    course: Course, exercises: Iterable[Exercise], zygote: Zygote, show: Callable[[str, str], None]
) -> dict[tuple[str, str], Calibration]:
    """What is known of each learning check: measured on this kind of device, else on the CPU.

    Where nothing was ever measured on this kind of device and the course has a reference, that is trained once, so that
    reports have something to compare with, and kept if the course's folder can be written.
    """
    found = {}
    for exercise in exercises:
        for check in exercise.checks:
            kept = check.task and _measured_or_trained(course, exercise, check, zygote, show)
            if kept:
                found[exercise.id, check.id] = kept
    return found


def _measured_or_trained(
    course: Course, exercise: Exercise, check: Check, zygote: Zygote, show: Callable[[str, str], None]
) -> Calibration | None:
    folder, device = course.settings.folder, zygote.device
    kept = calibration.load(folder, exercise.id, check.id, device)
    reference = folder / "solutions" / "reference"
    is_new = not calibration.file_of(folder, exercise.id, check.id, device).exists()
    if kept is None and is_new and (reference / f"{exercise.id}.py").is_file():
        show(exercise.id, "trains the reference once, to compare with")
        digest = calibration.hash_of(folder, exercise.id)  # now: what is edited meanwhile was not measured
        with contextlib.suppress(Exception):  # what is wrong with the exercise is told where it is graded
            row = measure(course, exercise, check, zygote, reference, next(calibration.seeds(1)))
            kept = Calibration(exercise.id, check.id, digest, device, _versions(zygote), [row])
            calibration.save(folder, kept)
    return kept or calibration.load(folder, exercise.id, check.id)


def measure(course: Course, exercise: Exercise, check: Check, zygote: Zygote, solution: Path, seed: int) -> Row:
    """One row: what the check says of it, by the whole policy for a reference, by a single training for a mistake."""
    zygote.prepare_training()
    submission = stage(solution, zygote, Limits())
    attempt = Attempt(zygote, submission, exercise, effective_limits(course.settings, exercise), seed, Watch())
    if not calibration.is_reference(solution.name):
        attempt.trainings = 1
    try:
        attempt.load()
        found = check.run(Student(attempt, check.id))
        share = found.share if isinstance(found, Judged) else 1.0 if found is None else float(found)
    except (Unmet, BadRecipe, NotAModule, StudentRaised, WorkerEnded, NotLoaded, NameNotFound, TimeSpent):
        share = 0.0
    finally:
        attempt.close()
        unstage(submission, zygote)
    return _row(solution.name, seed, share, attempt.learned)


def _versions(zygote: Zygote) -> dict[str, str]:
    return {**versions(), **zygote.device_versions}


def _row(solution: str, seed: int, share: float, learned: list[Learned]) -> Row:
    """What is kept; of a training that was refused, that it earned nothing."""
    if not learned:
        return Row(solution, seed, None, share, 0, [])
    counted, first = learned[-1].run, learned[-1].runs[0]
    score = float(f"{counted.score:.6g}") if math.isfinite(counted.score) else None
    curve = [(step, float(f"{value:.4g}")) for step, value in first.curve if math.isfinite(value)]
    is_kept = calibration.is_reference(solution)  # a band is drawn of references only
    return Row(solution, seed, score, round(share, 4), counted.steps, curve if is_kept else [])


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
