"""The allow-list of paths that a worker may open: the interpreter, its library, torch, numpy and what they need.

It is computed on the trusted side from installed metadata. It names entries, not their parent folders: site-packages
also holds what students must not read (this grader's course, name lists with held-out names).
"""

import importlib.metadata
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from grader.jail.gpu import Gpu

PACKAGES = ("torch", "numpy")
"""The packages that student code may import, apart from the standard library."""
_CODEC = ("msgspec", "safetensors")
_GRADER_FILES = ("__init__.py", "jail/__init__.py", "jail/shared", "jail/inside")
"""The grader's own files that a worker may open: two folders, and the `__init__.py` files that Python runs first."""
_SYSTEM = (
    "/proc/cpuinfo",  # torch reads it to detect the processor, and complains without it
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/sys/devices/system/cpu",
)
_LIBRARIES = ("/lib", "/usr/lib")
_EXCLUDED = {"site-packages", "dist-packages", "test", "idlelib", "turtledemo", "ensurepip"}


class View(msgspec.Struct, frozen=True):
    """Absolute paths that exist. `listable` folders may be listed and nothing more."""

    readable: list[str]
    listable: list[str]
    sys_path: list[str]
    importable: list[str]
    package_root: str
    controllable: list[str] = []
    """The device files of a GPU, which may be read, written and controlled (ioctl)."""


def worker_view(packages: Iterable[str] = (), gpu: Gpu | None = None) -> View:
    """The allow-list for a worker; `packages` are a course's further distributions, `gpu` is for trainings."""
    site: dict[str, None] = {}
    readable: list[str] = []
    importable: set[str] = set()
    for distribution in _with_requirements([*PACKAGES, *_CODEC, *packages]):
        folder = str(distribution.locate_file(""))
        site[folder] = None
        for entry in _entries(distribution):
            readable.append(f"{folder}/{entry}")
            importable.add(entry.partition(".")[0])
    root = Path(__file__).resolve().parents[2]
    readable += [f"{root}/grader/{file}" for file in _GRADER_FILES]
    readable += [*_standard_library(), *_shared_libraries(), *_SYSTEM, *(gpu.readable if gpu else ())]
    return View(
        readable=sorted(path for path in set(readable) if os.path.exists(path)),
        listable=list(site),
        sys_path=list(site),
        importable=sorted(name for name in importable if name.isidentifier()),
        package_root=str(root),
        controllable=list(gpu.nodes) if gpu else [],
    )


def _with_requirements(names: list[str]) -> Iterator[importlib.metadata.Distribution]:
    """The named distributions and, transitively, what they require without extras, where installed."""
    seen: set[str] = set()
    queue = list(names)
    while queue:
        name = re.sub(r"[-_.]+", "-", queue.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # required on another platform
        yield distribution
        for requirement in distribution.requires or []:
            if "extra ==" not in requirement:
                match = re.match(r"[A-Za-z0-9._-]+", requirement)
                if match:
                    queue.append(match.group())


def _entries(distribution: importlib.metadata.Distribution) -> set[str]:
    """The top-level entries of a distribution; in a shared `__pycache__`, only its own files."""
    entries = set()
    for line in (distribution.read_text("RECORD") or "").splitlines():
        path = line.rpartition(",")[0].rpartition(",")[0].strip('"')
        top, _, rest = path.partition("/")
        if top in ("", "..") or path.startswith("/") or top.endswith(".pth"):
            continue
        entries.add(path if top == "__pycache__" and rest else top)
    return entries


def _standard_library() -> Iterator[str]:
    for folder in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}:
        for entry in os.listdir(folder):
            if entry not in _EXCLUDED and not entry.startswith("config-"):
                yield f"{folder}/{entry}"
    for library in Path(sys.base_prefix, "lib").glob(
        "*.so*"
    ):  # libpython; with conda, also the libraries that torch and numpy load
        yield str(library)


def _shared_libraries() -> Iterator[str]:
    """The folders that the dynamic linker searches: by architecture (Debian), else each library in lib64."""
    triplet = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"
    for folder in _LIBRARIES:
        yield f"{folder}/{triplet}"
        yield from (str(library) for library in Path(f"{folder}64").glob("*.so*"))
