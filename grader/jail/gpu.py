"""The GPU that trainings may run on: what of it a worker needs, and whose turn it is.

On the trusted side, and nothing here starts CUDA: a worker forked from a process that did could not use it any more.
"""

import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from grader.records.errors import Unavailable

PROFILE = "the driver's device files are open to student code, memory on the device is not capped"
"""What a worker with a GPU has that others have not."""
UNTESTED = "untested on GPU: this version's GPU path has not been run on a CUDA machine"

_SHARED_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
_FACTS = (
    "proc/driver/nvidia*",
    "proc/devices",
    "proc/meminfo",
    "proc/modules",
    "proc/sys/vm/mmap_min_addr",
    "proc/sys/vm/overcommit_memory",
    "sys/bus/pci/devices",
    "sys/devices/system/memory",
    "sys/devices/system/node",
    "sys/module/nvidia*",
    "usr/share/nvidia",
)
"""What the driver's library reads of the machine, beside what every worker may."""
_DRIVER = """
import ctypes
library, version = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
library.cuDriverGetVersion(ctypes.byref(version))
print(version.value, next(line.split()[-1] for line in open("/proc/self/maps") if "/libcuda.so" in line))
"""
_PATIENCE = 1.0
_POLL_SECONDS = 0.05


class NoGpu(Unavailable):
    """No GPU can be used: what was found, and what to do about it."""


@dataclass(frozen=True)
class Gpu:
    """One GPU, as a worker is shown it. Device `cpu` puts a worker under the same rules on a machine without one."""

    node: str
    """Its device file. One worker at a time holds a lock on it."""
    nodes: tuple[str, ...] = ()
    """The device files that a worker reads, writes and controls."""
    readable: tuple[str, ...] = ()
    """What else it reads."""
    folder: str | None = None
    """Where the driver's libraries lie, if the dynamic linker does not look there by itself."""
    device: str = "cuda"
    """As torch calls it."""


def find(environment: Mapping[str, str] = os.environ) -> Gpu:
    """The GPU to use; the first that `CUDA_VISIBLE_DEVICES` names, where that is set. Raises `NoGpu`."""
    node = pick_node(Path("/dev"), environment.get("CUDA_VISIBLE_DEVICES"))
    import torch  # only now: most machines have no GPU, and end here

    check_build(torch.__version__, torch.version.cuda)
    version, library, is_linked = _driver(environment)
    check_driver(version, torch.version.cuda or "")
    readable = (*facts(Path("/")), *driver_files(library))
    folder = None if is_linked else str(library.parent)
    return Gpu(node, (node, *shared_nodes(Path("/dev"))), readable, folder)


def pick_node(devices: Path, visible: str | None) -> str:
    """The device file of the one GPU to use. Raises `NoGpu`."""
    numbers = sorted(int(file.name[6:]) for file in devices.glob("nvidia*") if file.name[6:].isdigit())
    if not numbers:
        raise NoGpu(
            f"there is no NVIDIA device file, as {devices}/nvidia0. Load the driver, or give the GPU to the container"
        )
    if visible is None:
        return str(devices / f"nvidia{numbers[0]}")
    first = visible.split(",")[0].strip()
    if not first.isdigit() or int(first) not in numbers:
        found = ", ".join(map(str, numbers))
        raise NoGpu(f"CUDA_VISIBLE_DEVICES is '{visible}'. Set it to the number of a GPU ({found}), or unset it")
    return str(devices / f"nvidia{first}")


def shared_nodes(devices: Path) -> tuple[str, ...]:
    """The device files that belong to the driver and no single GPU."""
    return tuple(str(devices / name) for name in _SHARED_NODES if (devices / name).exists())


def facts(root: Path) -> tuple[str, ...]:
    """What the driver's library reads about the machine, as far as it is there."""
    found = [file for pattern in _FACTS for file in root.glob(pattern)]
    links = [root / "sys/bus/pci/devices" / gpu.name for gpu in root.glob("proc/driver/nvidia/gpus/*")]
    found += [link.resolve() for link in links if link.exists()]  # its own folder: what is allowed are no links
    return tuple(sorted(map(str, found)))


def driver_files(library: Path) -> tuple[str, ...]:
    """The driver's libraries, which lie beside that one: each by itself, not the folder."""
    files = [file for pattern in ("libcuda*.so*", "libnvidia*.so*") for file in library.parent.glob(pattern)]
    return tuple(sorted(map(str, files)))


def check_build(torch_version: str, cuda: str | None) -> None:
    """Raise `NoGpu` where torch was built without CUDA."""
    if cuda is None:
        raise NoGpu(
            f"torch {torch_version} is a CPU build. Install one built for CUDA: https://pytorch.org/get-started"
        )


def check_driver(version: int, cuda: str) -> None:
    """Raise `NoGpu` where the driver is of an older major version of CUDA than torch was built for."""
    if version // 1000 < int(cuda.partition(".")[0]):
        known = f"{version // 1000}.{version % 1000 // 10}"
        raise NoGpu(f"the driver knows CUDA {known}, and this torch was built for {cuda}. Update the driver")


def _driver(environment: Mapping[str, str]) -> tuple[int, Path, bool]:
    """The CUDA version the driver knows, the path of its library, and whether it is found without `LD_LIBRARY_PATH`.

    The library is loaded in a process of its own, and not started. Raises `NoGpu`.
    """
    for is_linked, given in ((True, {}), (False, dict(environment))):
        command = [sys.executable, "-I", "-S", "-c", _DRIVER]
        tried = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
        if match := re.fullmatch(r"(\d+) (/.+)\n", tried.stdout):
            return int(match[1]), Path(match[2]), is_linked
    raise NoGpu("libcuda.so.1, the driver's library, cannot be loaded. Install it with the driver, of the same version")


def take_turn(node: str, waiting: Callable[[], None]) -> FileIO:
    """Wait until no other worker uses the GPU. Its turn lasts until the file is closed. Raises `OSError`.

    `waiting` is called once, where it takes longer than a moment. Gradings in other containers are not seen.
    """
    file = FileIO(node)
    patience = time.monotonic() + _PATIENCE
    told = False
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except BlockingIOError:
                pass
            if not told and time.monotonic() > patience:
                told = True
                waiting()
            time.sleep(_POLL_SECONDS)
    except BaseException:
        file.close()
        raise
