"""What a worker may open: an allow-list of the interpreter, its library, torch, numpy and what they need.

Computed on the trusted side from installed metadata. It names entries, not their parents: a site-packages folder also
holds what students must not read (this grader's course, name lists with held-out names).
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
"""What student code may import beside the standard library."""
_CODEC = ("msgspec", "safetensors")
_OURS = ("__init__.py", "jail/__init__.py", "jail/shared", "jail/inside")
"""What a worker may open of ours: two folders, and what Python runs above them."""
_SYSTEM = (
    "/proc/cpuinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/sys/devices/system/cpu",
)
_LIBRARIES = ("/lib", "/usr/lib")
_FOREIGN = {"site-packages", "dist-packages", "test", "idlelib", "turtledemo", "ensurepip"}


class View(msgspec.Struct, frozen=True):
    """Absolute paths that exist. `listable` folders may be listed and nothing more."""

    readable: list[str]
    listable: list[str]
    sys_path: list[str]
    importable: list[str]
    package_root: str
    controllable: list[str] = []
    """The device files of a GPU: read, written and controlled."""


def worker_view(packages: Iterable[str] = (), gpu: Gpu | None = None) -> View:
    """The view of a worker; `packages` are further distributions that a course declares, `gpu` is for trainings."""
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
    readable += [f"{root}/grader/{file}" for file in _OURS]
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
    """The top-level entries of a distribution; of the shared `__pycache__`, its own files only."""
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
            if entry not in _FOREIGN and not entry.startswith("config-"):
                yield f"{folder}/{entry}"
    for library in Path(sys.base_prefix, "lib").glob("*.so*"):  # libpython; in conda, what torch and numpy load
        yield str(library)


def _shared_libraries() -> Iterator[str]:
    """The folders the dynamic linker searches: by machine (Debian), else the libraries in lib64 one by one."""
    triplet = sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu"
    for folder in _LIBRARIES:
        yield f"{folder}/{triplet}"
        yield from (str(library) for library in Path(f"{folder}64").glob("*.so*"))
