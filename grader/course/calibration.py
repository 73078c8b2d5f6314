"""How often a learning check errs, measured: trainings of solutions with known grades, kept beside the exercise.

A row is one seed of one solution: the whole policy for a reference, a single training for a mistake (which keeps it
affordable, and is the harder test: the policy takes a median). A file whose hash is not that of the exercise is stale.
"""

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from grader.authoring.exercise import Exercise
from grader.course.fingerprint import hash_of_exercise
from grader.records.figures import Band
from grader.records.files import write_whole

Device = Literal["cpu", "cuda"]
_SEED = 1000


class Row(msgspec.Struct, frozen=True):
    """One seed of one solution: what the learning check said, whatever it needs. `score` is None where it was not a
    number, or where the training was refused."""

    solution: str
    seed: int
    score: float | None
    share: float
    steps: int
    curve: list[tuple[int, float]]
    """Steps and probe-set scores of the first training."""


class Calibration(msgspec.Struct, frozen=True):
    """All rows of one learning check on one kind of device."""

    exercise: str
    check: str
    hash: str
    device: Device
    versions: dict[str, str]
    rows: list[Row]

    def of(self, references: bool) -> list[Row]:
        """The rows of references, or those of mistakes."""
        return [row for row in self.rows if is_reference(row.solution) == references]


Calibrations = Mapping[tuple[str, str], Calibration]
"""What has been measured, by the ids of an exercise and of a learning check of it."""


def is_reference(solution: str) -> bool:
    """Whether a folder of `solutions/` is a reference by its name."""
    return solution == "reference" or solution.startswith("reference-")


def seeds(count: int) -> Iterator[int]:
    """The submissions' seeds of a calibration with `count` rows per solution."""
    yield from range(_SEED, _SEED + count)


def file_of(course: Path, exercise: str, check: str, device: Device = "cpu") -> Path:
    """Where the calibration of a learning check lies."""
    return course / "exercises" / exercise / "calibration" / f"{check}.{device}.json"


def load(course: Path, exercise: str, check: str, device: Device = "cpu") -> Calibration | None:
    """A learning check's calibration on a kind of device; None where there is none, or where it is stale."""
    file = file_of(course, exercise, check, device)
    if not file.is_file():
        return None
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Calibration)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None  # of another version, or cut short: as good as none
    return found if found.hash == hash_of_exercise(course, exercise) else None


def known(course: Path, exercises: Iterable[Exercise], device: Device) -> Calibrations:
    """What has been measured of each learning check: on this kind of device, else on the CPU."""
    found = {}
    for exercise in exercises:
        for check in exercise.checks:
            if check.task is None:
                continue
            kept = load(course, exercise.id, check.id, device) or load(course, exercise.id, check.id)
            if kept is not None:
                found[exercise.id, check.id] = kept
    return found


def save(course: Path, calibration: Calibration) -> None:
    """Write it in one move, so that a stop in the middle loses nothing."""
    file = file_of(course, calibration.exercise, calibration.check, calibration.device)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.encode(calibration).replace(b'{"solution"', b'\n{"solution"')  # a row per line
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
    """The measured error rates in words, for a report."""
    references = calibration.of(references=True)
    mistakes = [row for row in calibration.of(references=False) if row.steps]  # some are refused before they train
    short = sum(row.share < 1 for row in references)
    passed = sum(row.share >= 1 for row in mistakes)
    name = f"`{calibration.exercise}.{calibration.check}`"
    return (
        f"{name}: our reference solutions fell short of full marks in {short} of {len(references)} "
        f"runs (95 % upper limit {upper_limit(short, len(references)):.1%}); single trainings of known mistakes earned "
        f"full marks in {passed} of {len(mistakes)} (upper limit {upper_limit(passed, len(mistakes)):.1%})."
        if references and mistakes
        else f"{name}: the error rate of this learning check has not been measured."
    )


def reference_band(calibration: Calibration) -> Band | None:
    """Between which scores nine in ten of the references' trainings lay at each step; all, of fewer than twenty.

    One that was stopped stays where it stopped.
    """
    curves = [row.curve for row in calibration.of(references=True) if row.curve]
    if not curves:
        return None
    steps = sorted({step for curve in curves for step, _ in curve})
    columns = [sorted(_at(curve, step) for curve in curves) for step in steps]
    cut = len(curves) // 20  # runs left out at either end
    low, high = [column[cut] for column in columns], [column[-1 - cut] for column in columns]
    return Band(f"our references ({calibration.device})", [float(step) for step in steps], low, high)


def reference_scores(calibration: Calibration) -> dict[str, float]:
    """The median held-out score of each reference, by its folder."""
    scores: dict[str, list[float]] = {}
    for row in calibration.of(references=True):
        if row.score is not None:
            scores.setdefault(row.solution, []).append(row.score)
    return {solution: statistics.median(found) for solution, found in scores.items()}


def _at(curve: list[tuple[int, float]], step: int) -> float:
    reached = [score for at, score in curve if at <= step]
    return reached[-1] if reached else curve[0][1]
