"""Does the installed torch fit? The machine, which may have no GPU, and the course, whose error rates were measured.

`grade doctor` asks. Nothing here changes how anything is graded.
"""

import importlib.metadata
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from grader.course.calibration import CalibrationFile

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where wheels of torch without CUDA are, a tenth of the size."""
_NAME = re.compile(r"[\w.-]+")
_FOR_GPUS = re.compile(r"nvidia[-_.]|cuda[-_.]|triton$", re.IGNORECASE)


def advice(
    version: str, cuda: str | None, gpus: int, libraries: Mapping[str, int], measured: Mapping[str, Sequence[str]]
) -> list[str]:
    """What to say about an installed torch, a line each; nothing where it fits.

    `version` and `cuda` are torch's own, `gpus` is how many it finds, `libraries` what `gpu_libraries` answers, and
    `measured` what `measured_with` does.
    """
    installed = _public(version)
    lines = []
    if cuda is not None and not gpus:
        size = f": {sum(libraries.values()) / 1e9:.1f} GB of GPU libraries are not used" if libraries else ""
        names = " ".join(["torch", *sorted(libraries)])
        lines.append(
            f"torch {installed} was built for CUDA {cuda}, and it finds no GPU here{size}. For the CPU build: "
            f"pip uninstall -y {names} && pip install torch=={installed} --index-url {CPU_INDEX}"
        )
    for other, checks in sorted(measured.items(), key=lambda item: release_of(item[0])):
        if release_of(other)[:2] != release_of(installed)[:2]:
            of = f"{len(checks)} learning checks" if len(checks) > 1 else checks[0]
            index = "" if gpus else f" --index-url {CPU_INDEX}"
            lines.append(
                f"Warning: torch {installed} is installed, and the error rates of {of} were measured with torch "
                f"{other}: trained models may score differently. For that version: pip install torch=={other}{index}"
            )
    return lines


def gpu_libraries(site: Sequence[str] | None = None) -> dict[str, int]:
    """The installed distributions that torch requires for GPUs alone, with their bytes on disk.

    `site` are folders to look in instead of this interpreter's.
    """
    found = {}
    waiting = ["torch"]
    while waiting:
        name = waiting.pop()
        for distribution in importlib.metadata.distributions(name=name, path=list(site or sys.path)):
            if name != "torch":
                found[name] = _size(distribution)
            required = {match.group().lower() for one in distribution.requires or () if (match := _NAME.match(one))}
            waiting += [other for other in required if _FOR_GPUS.match(other) and other not in found]
            break  # the first on the path is the one that is imported
    return found


def measured_with(course: Path) -> dict[str, list[str]]:
    """The versions of torch with which a course's error rates were measured, each with the learning checks.

    A file that cannot be read is passed over: `grade verify` says so.
    """
    found: dict[str, set[str]] = {}
    for file in sorted(course.glob("exercises/*/calibration/*.json")):
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=CalibrationFile)
        except (OSError, msgspec.MsgspecError, ValueError):
            continue
        for table in kept.solutions.values():
            if "torch" in table.versions:
                found.setdefault(_public(table.versions["torch"]), set()).add(f"{kept.exercise}.{kept.check}")
    return {version: sorted(checks) for version, checks in found.items()}


def _public(version: str) -> str:
    """A version without its local part: the same release, built for something else."""
    return version.partition("+")[0]


def release_of(version: str) -> tuple[int, ...]:
    """What versions are ordered by: the numbers of a release."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _size(distribution: importlib.metadata.Distribution) -> int:
    paths = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file())
