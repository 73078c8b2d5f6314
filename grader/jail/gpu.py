"""Find the GPU for trainings, list the files that a worker needs to use it, and lock it for one worker at a time.

This runs on the trusted side and never initializes CUDA: a worker forked from a process that did could not use it.
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
"""What is weaker about the isolation of a worker with a GPU."""
UNTESTED = "untested on GPU: this version's GPU path has not been run on a CUDA machine"

_SHARED_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
_DRIVER_READS = (
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
"""The files that the driver's library reads about the machine, in addition to what every worker may read."""
_DRIVER = """
import ctypes
library, version = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
library.cuDriverGetVersion(ctypes.byref(version))
print(version.value, next(line.split()[-1] for line in open("/proc/self/maps") if "/libcuda.so" in line))
"""
_PATIENCE = 1.0
_POLL_SECONDS = 0.05


class NoGpu(Unavailable):
    """No GPU can be used; the message says what was found, and what to do about it."""


@dataclass(frozen=True)
class Gpu:
    """One GPU and the files it needs. Device `cpu` applies the same rules to a worker on a machine without a GPU."""

    node: str
    """Its device file. One worker at a time holds a lock on it."""
    nodes: tuple[str, ...] = ()
    """The device files that a worker may read, write and control (ioctl)."""
    readable: tuple[str, ...] = ()
    """Other files that a worker may read."""
    folder: str | None = None
    """The folder of the driver's libraries, if the dynamic linker does not search it by default."""
    device: str = "cuda"
    """Its name in torch."""


def find(environment: Mapping[str, str] = os.environ) -> Gpu:
    """The GPU to use: the first one in `CUDA_VISIBLE_DEVICES`, if that is set. Raises `NoGpu`."""
    node = pick_node(Path("/dev"), environment.get("CUDA_VISIBLE_DEVICES"))
    import torch  # only now: most machines have no GPU, so `pick_node` has raised

    check_build(torch.__version__, torch.version.cuda)
    version, library, is_linked = _driver(environment)
    check_driver(version, torch.version.cuda or "")
    readable = (*driver_reads(Path("/")), *driver_files(library))
    folder = None if is_linked else str(library.parent)
    return Gpu(node, (node, *shared_nodes(Path("/dev"))), readable, folder)


def pick_node(devices: Path, visible: str | None) -> str:
    """The device file of the one GPU to use. Raises `NoGpu`."""
    numbers = sorted(int(file.name[6:]) for file in devices.glob("nvidia*") if file.name[6:].isdigit())
    if not numbers:
        raise NoGpu(
            f"found no NVIDIA device file such as {devices}/nvidia0. Load the driver, or give the GPU to the container"
        )
    if visible is None:
        return str(devices / f"nvidia{numbers[0]}")
    first = visible.split(",")[0].strip()
    if not first.isdigit() or int(first) not in numbers:
        found = ", ".join(map(str, numbers))
        raise NoGpu(f"CUDA_VISIBLE_DEVICES is '{visible}'. Set it to the number of a GPU ({found}), or unset it")
    return str(devices / f"nvidia{first}")


def shared_nodes(devices: Path) -> tuple[str, ...]:
    """The device files that belong to the driver, not to a single GPU."""
    return tuple(str(devices / name) for name in _SHARED_NODES if (devices / name).exists())


def driver_reads(root: Path) -> tuple[str, ...]:
    """The existing files that the driver's library reads about the machine."""
    found = [file for pattern in _DRIVER_READS for file in root.glob(pattern)]
    links = [root / "sys/bus/pci/devices" / gpu.name for gpu in root.glob("proc/driver/nvidia/gpus/*")]
    found += [
        link.resolve() for link in links if link.exists()
    ]  # the folder itself: Landlock rules apply to targets, not links
    return tuple(sorted(map(str, found)))


def driver_files(library: Path) -> tuple[str, ...]:
    """The driver's libraries in the folder of `library`: each file by itself, so that the folder stays closed."""
    files = [file for pattern in ("libcuda*.so*", "libnvidia*.so*") for file in library.parent.glob(pattern)]
    return tuple(sorted(map(str, files)))


def check_build(torch_version: str, cuda: str | None) -> None:
    """Raise `NoGpu` where torch was built without CUDA."""
    if cuda is None:
        raise NoGpu(
            f"torch {torch_version} is a CPU build. Install one built for CUDA: https://pytorch.org/get-started"
        )


def check_driver(version: int, cuda: str) -> None:
    """Raise `NoGpu` where the driver supports only an older major version of CUDA than torch was built for."""
    if version // 1000 < int(cuda.partition(".")[0]):
        known = f"{version // 1000}.{version % 1000 // 10}"
        raise NoGpu(f"the driver supports CUDA {known}, but this torch was built for {cuda}. Update the driver")


def _driver(environment: Mapping[str, str]) -> tuple[int, Path, bool]:
    """The CUDA version that the driver supports, its library, and whether that is found without `LD_LIBRARY_PATH`.

    The library is loaded in a separate process, and CUDA is not initialized. Raises `NoGpu`.
    """
    for is_linked, given in ((True, {}), (False, dict(environment))):
        command = [sys.executable, "-I", "-S", "-c", _DRIVER]
        tried = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
        if match := re.fullmatch(r"(\d+) (/.+)\n", tried.stdout):
            return int(match[1]), Path(match[2]), is_linked
    raise NoGpu("libcuda.so.1, the driver's library, cannot be loaded. Install the one that matches the driver")


def lock_gpu(node: str, waiting: Callable[[], None]) -> FileIO:
    """Wait until no other worker uses the GPU, and lock it until the returned file is closed. Raises `OSError`.

    `waiting` is called once if that takes longer than a second. Gradings in other containers are not noticed.
    """
    file = FileIO(node)
    patience = time.monotonic() + _PATIENCE
    reported = False
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except BlockingIOError:
                pass
            if not reported and time.monotonic() > patience:
                reported = True
                waiting()
            time.sleep(_POLL_SECONDS)
    except BaseException:
        file.close()
        raise
