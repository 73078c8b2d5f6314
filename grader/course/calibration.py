"""The measured error rates of learning checks: trainings of sample solutions, stored with the exercise.

A row is one training. Rows are stored per solution with the hashes of the training and of the solution, and are fresh
as long as both are unchanged: see `hash_of_training`, `hash_of_solution`. Rows contain scores; shares are computed when
rows are read, and so is the result of the policy (full marks in the first training, else the median of three) for each
seed.

Why a rate of runs, and not one computed from a rate of trainings: the three trainings of a submission share their data,
so they fail together more often than independent ones, and p (1 - (1 - p)^2) would be too optimistic. So a run is
repeated as the policy makes it: the first training of each seed, and the two others of that seed if it falls short.
Seeds are independent, each is one success or failure of the whole policy, and the upper limit is that of Clopper and
Pearson. A run whose further trainings are missing (because score thresholds were moved) counts as having fallen short.
"""

import functools
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from grader.authoring.exercise import Check, Exercise
from grader.course.fingerprint import hash_of_solution, hash_of_training
from grader.course.settings import CourseError
from grader.records.figures import Band
from grader.records.files import write_whole

if TYPE_CHECKING:
    from grader.authoring.task import LearningTask

Device = Literal["cpu", "cuda"]
TRAININGS = 3
"""The number of trainings of a learning check if the first falls short; the median of their shares counts."""
_SEED = 1000


class Row(msgspec.Struct, frozen=True):
    """One training of one solution. `score` is None if it was NaN or infinite, or the training was refused."""

    solution: str
    seed: int
    """The submission's seed."""
    number: int
    """The number of the training within the submission, from 0."""
    score: float | None
    steps: int
    """Steps taken; 0 for a training that was refused, before it or after."""
    curve: list[tuple[int, float]]
    """For a reference: steps and validation scores."""


class Table(msgspec.Struct, frozen=True):
    """The rows of one solution, with the hashes of the training and of its source."""

    training: str
    source: str
    versions: dict[str, str]
    rows: list[Row]


class CalibrationFile(msgspec.Struct, frozen=True):
    """All rows of one learning check on one kind of device, fresh or stale, by solution."""

    exercise: str
    check: str
    device: Device
    solutions: dict[str, Table]


@dataclass(frozen=True)
class Calibration:
    """The fresh rows of one learning check on one kind of device."""

    exercise: str
    check: str
    device: Device
    rows: list[Row]
    task: "Callable[[], LearningTask]"
    """Creates the task, whose score thresholds turn scores into shares."""
    stale: tuple[str, ...] = ()
    """Solutions whose rows are stale."""

    def of(self, references: bool) -> list[Row]:
        """The rows of references, or those of mistakes."""
        return [row for row in self.rows if is_reference(row.solution) == references]

    def share(self, row: Row) -> float:
        """The share in [0, 1] that a training's score earns."""
        return share_of(self.task(), row)

    def runs(self, solution: str | None = None) -> list[float]:
        """The policy's share for each run of the references, or of one solution; 0 if trainings are missing."""
        found: dict[tuple[str, int], list[Row]] = {}
        for row in self.rows:
            if row.solution == solution or (solution is None and is_reference(row.solution)):
                found.setdefault((row.solution, row.seed), []).append(row)
        return [policy_share(rows, self.share) or 0.0 for rows in found.values()]


Calibrations = Mapping[tuple[str, str], Calibration]
"""Calibrations by exercise id and check id."""


def share_of(task: "LearningTask", row: Row) -> float:
    """The share in [0, 1] that a training's score earns by a task's score thresholds."""
    return 0.0 if row.score is None else task.share(row.score)


def policy_share(rows: Sequence[Row], share: Callable[[Row], float]) -> float | None:
    """The policy's share for the trainings of one submission; None if more of them are needed."""
    rows = sorted(rows, key=lambda row: row.number)[:TRAININGS]
    if [row.number for row in rows] != list(range(len(rows))):
        return None
    for number, row in enumerate(rows):
        if row.steps == 0:
            return 0.0  # refused: no further training follows
        if number == 0 and share(row) >= 1:
            return 1.0
    return statistics.median(map(share, rows)) if len(rows) == TRAININGS else None


def is_reference(solution: str) -> bool:
    """Whether a folder of `solutions/` is a reference, judging by its name."""
    return solution == "reference" or solution.startswith("reference-")


def seeds(count: int) -> Iterator[int]:
    """The submission seeds of a calibration with `count` runs per solution."""
    yield from range(_SEED, _SEED + count)


def sources(course: Path, exercise: str) -> dict[str, Path]:
    """The solution files of an exercise, by folder name."""
    folder = course / "solutions"
    files = [*folder.glob(f"reference*/{exercise}.py"), *folder.glob(f"{exercise}/*/{exercise}.py")]
    return {file.parent.name: file for file in sorted(files)}


def file_of(course: Path, exercise: str, check: str, device: Device = "cpu") -> Path:
    """The path of a learning check's calibration file."""
    return course / "exercises" / exercise / "calibration" / f"{check}.{device}.json"


def read(course: Path, exercise: str, check: str, device: Device = "cpu") -> CalibrationFile:
    """A learning check's calibration file with fresh and stale rows; empty if there is none.

    Raises `CourseError` if it cannot be read. Its path says which check it is for, so that an exercise can be copied.
    """
    file = file_of(course, exercise, check, device)
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=CalibrationFile)
    except FileNotFoundError:
        return CalibrationFile(exercise, check, device, {})
    except (OSError, msgspec.MsgspecError, ValueError) as problem:  # from another version, or edited by hand
        where = file.relative_to(course).as_posix()
        raise CourseError(f"{where}: it cannot be read ({problem}); fix it, or delete it and measure again") from None
    return CalibrationFile(exercise, check, device, kept.solutions)


def load(course: Path, exercise: Exercise, check: Check, device: Device = "cpu") -> Calibration | None:
    """The fresh rows of a learning check on a kind of device.

    None if there are none or the file cannot be read: no grade depends on it."""
    try:
        kept = read(course, exercise.id, check.id, device)
    except CourseError:
        return None
    if not kept.solutions:
        return None
    fresh = fresh_tables(course, exercise, check, kept)
    stale = tuple(name for name in kept.solutions if name not in fresh and name in sources(course, exercise.id))
    rows = [row for table in fresh.values() for row in table.rows]
    task = functools.cache(lambda: task_of(check))
    return Calibration(exercise.id, check.id, device, rows, task, stale) if rows else None


def fresh_tables(course: Path, exercise: Exercise, check: Check, kept: CalibrationFile) -> dict[str, Table]:
    """The tables whose hashes are both unchanged, by solution.

    Without `solutions/`, as in a student release, no solution counts as changed."""
    training, found = hash_of_training(course, exercise, check), sources(course, exercise.id)
    is_released = not (course / "solutions").is_dir()
    return {
        name: table
        for name, table in kept.solutions.items()
        if table.training == training
        and (is_released or (name in found and hash_of_solution(found[name]) == table.source))
    }


def task_of(check: Check) -> "LearningTask":
    """A learning check's task; score thresholds are the same in all runs. Raises ValueError for any other check."""
    import torch

    if check.task is None:
        raise ValueError(f"{check.id} is not a learning check")
    return check.task(torch.Generator().manual_seed(0))


def known(course: Path, exercises: Iterable[Exercise], device: Device) -> Calibrations:
    """The calibration of each learning check: on this kind of device, else on the CPU."""
    found = {}
    for exercise in exercises:
        for check in exercise.checks:
            if check.task is None:
                continue
            kept = load(course, exercise, check, device) or load(course, exercise, check)
            if kept is not None:
                found[exercise.id, check.id] = kept
    return found


def save(course: Path, kept: CalibrationFile) -> None:
    """Write the file atomically, so that an interruption loses nothing."""
    file = file_of(course, kept.exercise, kept.check, kept.device)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.encode(kept).replace(b'{"solution"', b'\n{"solution"')  # a row per line
    write_whole(file, text + b"\n")


def upper_limit(errors: int, runs: int, confidence: float = 0.95) -> float:
    """The exact one-sided upper limit of an error rate (Clopper and Pearson 1934)."""
    if errors >= runs:
        return 1.0
    low, high = errors / runs, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        chance = sum(math.comb(runs, k) * middle**k * (1 - middle) ** (runs - k) for k in range(errors + 1))
        low, high = (middle, high) if chance > 1 - confidence else (low, middle)
    return high


def statement(calibration: Calibration) -> str:
    """A sentence with the measured error rates, for a report."""
    runs = calibration.runs()
    mistakes = [row for row in calibration.of(references=False) if row.steps]  # some are refused before training
    name = f"`{calibration.exercise}.{calibration.check}`"
    if not runs or not mistakes:
        return f"{name}: the error rate of this learning check has not been measured."
    short = sum(share < 1 for share in runs)
    passed = sum(calibration.share(row) >= 1 for row in mistakes)
    text = (
        f"{name}: by score alone, our reference solutions fell short of full marks in {short} of {len(runs)} "
        f"runs (95 % upper limit {upper_limit(short, len(runs)):.1%}); single trainings of known mistakes earned "
        f"full marks in {passed} of {len(mistakes)} (upper limit {upper_limit(passed, len(mistakes)):.1%})"
    )
    return (
        f"{text}, not counting what the check requires of a trained model beyond its score." if passed else f"{text}."
    )


def reference_band(calibration: Calibration) -> Band | None:
    """The middle 90 % of scores of the references' first trainings at each step; all, if there are fewer than 20.

    A training that was stopped keeps its last score.
    """
    curves = [row.curve for row in calibration.of(references=True) if row.curve and row.number == 0]
    if not curves:
        return None
    steps = sorted({step for curve in curves for step, _ in curve})
    columns = [sorted(_at(curve, step) for curve in curves) for step in steps]
    cut = len(curves) // 20  # runs left out at each end
    low, high = [column[cut] for column in columns], [column[-1 - cut] for column in columns]
    return Band(f"our references ({calibration.device})", [float(step) for step in steps], low, high)


def reference_scores(calibration: Calibration) -> dict[str, float]:
    """The median held-out score of each reference's first trainings, by folder name."""
    scores: dict[str, list[float]] = {}
    for row in calibration.of(references=True):
        if row.score is not None and row.number == 0:
            scores.setdefault(row.solution, []).append(row.score)
    return {solution: statistics.median(found) for solution, found in scores.items()}


def _at(curve: list[tuple[int, float]], step: int) -> float:
    reached = [score for at, score in curve if at <= step]
    return reached[-1] if reached else curve[0][1]
