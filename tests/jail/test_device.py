"""Trainings on a GPU, as far as they can be tested without one: the same path with the rules of a GPU's worker on the
CPU, a device of torch's own that is not the CPU (`meta`), and what only computes.

The tests at the end need CUDA and are skipped where there is none.
"""

import contextlib
import importlib.util
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from grader import Exercise, LearningTask, Opaque, StudentRaised, expect, learn
from grader.course.calibration import CalibrationFile, Row, Table, known, reference_band, save
from grader.course.fingerprint import hash_of_training
from grader.course.loading import Course
from grader.grading.attempt import Attempt
from grader.grading.exception_hints import hint_for
from grader.grading.grading import grade
from grader.grading.listener import Listener
from grader.grading.student import Student
from grader.intake.staging import stage, unstage
from grader.jail import gpu
from grader.jail.device import choose_device
from grader.jail.gpu import Gpu, NoGpu
from grader.jail.handle import JailError
from grader.jail.host import Jail
from grader.jail.inside import landlock, seccomp, syscalls, worker
from grader.jail.isolation import Isolation, measure
from grader.jail.shared import lockdown
from grader.jail.shared.layers import Layers
from grader.jail.view import worker_view
from grader.records.grade import ExerciseGrade, Grade
from grader.records.limits import Limits

ROOT = Path(__file__).parents[2]
NO_CUDA = "no CUDA device"
"""The one reason for a skip that CI takes (`conftest.py`)."""


# Which GPU, and whether it can be used.


@pytest.fixture
def devices(tmp_path: Path) -> Callable[..., Path]:
    """A folder with device files of these names."""

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).touch()
        return tmp_path

    return make


def test_the_first_gpu_is_used(devices):
    """By number, not by spelling; what belongs to no single GPU is no GPU."""
    folder = devices("nvidiactl", "nvidia-uvm", "nvidia10", "nvidia2", "nvidia-modeset", "null")
    assert gpu.pick_node(folder, None) == f"{folder}/nvidia2"
    assert gpu.pick_node(folder, " 10 , 2") == f"{folder}/nvidia10"
    assert gpu.shared_nodes(folder) == (f"{folder}/nvidiactl", f"{folder}/nvidia-uvm")


@pytest.mark.parametrize("visible", ["", "-1", "1", "GPU-8932f937", "MIG-3"])
def test_a_gpu_that_is_hidden_is_not_used(devices, visible):
    """`CUDA_VISIBLE_DEVICES` that names none by its number: what it says, and which there are."""
    with pytest.raises(NoGpu, match=f"CUDA_VISIBLE_DEVICES is '{visible}'.*a GPU \\(0, 3\\)"):
        gpu.pick_node(devices("nvidia0", "nvidia3"), visible)


def test_each_reason_is_told_with_what_to_do(devices):
    """No device file, a torch without CUDA, a driver too old: three different things to do."""
    with pytest.raises(NoGpu, match=r"no NVIDIA device file.*Load the driver"):
        gpu.pick_node(devices("nvidiactl"), None)
    with pytest.raises(NoGpu, match=r"torch 2\.13\.0\+cpu is a CPU build. Install one built for CUDA"):
        gpu.check_build("2.13.0+cpu", None)
    gpu.check_build("2.13.0", "13.0")
    with pytest.raises(
        NoGpu, match=r"the driver supports CUDA 12\.8, but this torch was built for 13\.0. Update the driver"
    ):
        gpu.check_driver(12080, "13.0")
    for version in (12000, 12080, 13000):  # of one major version, any driver will do
        gpu.check_driver(version, "12.8")


def test_what_the_driver_reads_is_named_entry_by_entry(tmp_path):
    """Of the machine's facts and the driver's libraries what is there, and no folder that holds more."""
    for name in (
        "proc/driver/nvidia/gpus/0000:01:00.0",
        "proc/driver/nvidia-uvm",
        "sys/module/nvidia_uvm",
        "sys/bus/pci",
    ):
        (tmp_path / name).mkdir(parents=True)
    own = tmp_path / "sys/devices/pci0000:00/0000:01:00.0"
    own.mkdir(parents=True)
    (tmp_path / "sys/bus/pci/devices").mkdir()
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0").symlink_to(own)
    found = {str(Path(path).relative_to(tmp_path)) for path in gpu.driver_reads(tmp_path)}
    assert found == {
        "proc/driver/nvidia",
        "proc/driver/nvidia-uvm",
        "sys/bus/pci/devices",
        "sys/devices/pci0000:00/0000:01:00.0",
        "sys/module/nvidia_uvm",
    }
    for name in ("libcuda.so.1", "libcuda.so.570.1", "libnvidia-ptxjitcompiler.so.1", "libc.so.6", "secret"):
        (tmp_path / name).touch()
    files = gpu.driver_files(tmp_path / "libcuda.so.570.1")
    assert [Path(file).name for file in files] == ["libcuda.so.1", "libcuda.so.570.1", "libnvidia-ptxjitcompiler.so.1"]


def test_a_machine_without_a_gpu_says_so():
    """`find` asks the machine itself; hidden, no machine has one."""
    with pytest.raises(NoGpu, match=r"no NVIDIA device file|CUDA_VISIBLE_DEVICES is ''"):
        gpu.find({"CUDA_VISIBLE_DEVICES": ""})


# One worker at a time.


@pytest.mark.slow
def test_gradings_take_turns(tmp_path):
    """A second one waits, says so once, after a second, and goes on when the first one's turn ends."""
    node = tmp_path / "nvidia0"
    node.touch()
    told: list[float] = []
    started = time.monotonic()
    first = gpu.lock_gpu(str(node), lambda: told.append(0.0))
    code = "import sys; from grader.jail.gpu import lock_gpu; lock_gpu(sys.argv[1], lambda: print('waits', flush=True))"
    command = [sys.executable, "-c", code + "; print('has it')", str(node)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "waits\n"
        assert time.monotonic() - started > 1
        threading.Timer(0.5, first.close).start()
        assert other.communicate(timeout=20)[0] == "has it\n"
    gpu.lock_gpu(str(node), lambda: told.append(0.0)).close()
    assert told == []


@pytest.mark.slow
def test_a_turn_that_is_given_up_is_free(tmp_path):
    """Waiting that is interrupted holds nothing."""
    node = tmp_path / "nvidia0"
    node.touch()
    first = gpu.lock_gpu(str(node), list)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gpu.lock_gpu(str(node), stop)
    first.close()
    gpu.lock_gpu(str(node), stop).close()


# The rules of a GPU's worker, computed.


def layers(device: str | None, **changes: object) -> Layers:
    return Layers(False, 7, [], True, 60001, [], 1 << 30, device)._replace(**changes)


def test_memory_is_not_reserved_by_rule_where_a_driver_reserves_it():
    """No limit on data, more threads and files; all else as everywhere."""
    limits = {"memory_mib": 100, "files_mib": 8, "cpu_seconds": 9}
    plain, with_gpu = (worker.resources(limits, layers(device)) for device in (None, "cuda"))
    assert plain == lockdown.Resources((1 << 30) + (100 << 20), 8 << 20, 9, 64, 256)
    assert with_gpu == lockdown.Resources(None, 8 << 20, 9, 512, 512)
    assert worker.resources(limits, layers("cuda", uid=None)).processes is None


def test_variables_show_one_gpu_or_none():
    """And ask cuBLAS for sums that repeat."""
    assert worker.environment("/s", layers(None))["CUDA_VISIBLE_DEVICES"] == ""
    given = worker.environment("/s", layers("cuda"))
    assert (given["CUDA_VISIBLE_DEVICES"], given["CUBLAS_WORKSPACE_CONFIG"]) == ("0", ":4096:8")
    assert {given["HOME"], given["TMPDIR"]} == {"/s"}


def test_device_files_are_in_the_view_of_a_gpu_only():
    """Read, written and controlled; the driver's libraries are read. Without a GPU, none of it."""
    mine = Gpu("/dev/nvidia0", ("/dev/nvidia0", "/dev/nvidiactl"), ("/proc/self/stat",))
    view, plain = worker_view(gpu=mine), worker_view()
    assert view.controllable == ["/dev/nvidia0", "/dev/nvidiactl"]
    assert set(view.readable) - set(plain.readable) == {"/proc/self/stat"}
    assert plain.controllable == []
    assert not [path for path in plain.readable if path.startswith("/dev") or "/proc/driver" in path]
    assert landlock.CONTROL == landlock.DEVICE | 1 << 15  # ioctl, where the kernel knows the right
    assert not landlock.CONTROL & landlock.READ & ~landlock.DEVICE


ALLOW, DENY, ABSENT, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMN = {"x86_64": 0, "aarch64": 1}


def verdict(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What a filter says of a system call: a machine for the few instructions it is made of."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    at, value = 0, 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        match code:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, k)
            case 0x54:
                value &= k
            case 0x15 | 0x35 | 0x45:
                holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
                at += if_true if holds else if_false
            case 0x06:
                return k
            case _:
                raise AssertionError(f"instruction {code:#x}")


@pytest.mark.parametrize("machine", AUDIT)
def test_the_filter_of_a_gpu_lets_through_what_is_named_and_no_more(machine):
    """Call by call against the filter of all others, on both kinds of machine."""
    audit, column = AUDIT[machine], COLUMN[machine]
    plain, with_gpu = seccomp.build(1, machine), seccomp.build(1, machine, gpu=True)
    needs = {syscalls.DENIED[name][column] for name in syscalls.GPU_NEEDS}
    clone3, ioctl = 435, (16, 29)[column]
    for number in range(600):
        for argument in (1, 2, 0x21, 0x10000):  # AF_UNIX, AF_INET, shared anonymous memory, a thread
            before = verdict(plain, audit, number, argument, argument, 0, argument)
            now = verdict(with_gpu, audit, number, argument, argument, 0, argument)
            if before != now:
                is_shared_memory = number == (9, 222)[column] and argument == 0x21
                assert (before, now) == (DENY, ALLOW)
                # a driver is asked by controls of its own; elsewhere a few are allowed, and tried below
                assert number in needs or is_shared_memory or number == ioctl, number
    socket = syscalls.DENIED["socket"][column]
    assert verdict(with_gpu, audit, socket, 1, 5, 0) == ALLOW
    for family in (0, 2, 10, 16, 17, 40):  # the network, the kernel, packets, virtual machines
        assert verdict(with_gpu, audit, socket, family, 1, 0) == DENY
    for name in (
        "connect",
        "accept",
        "accept4",
        "sendto",
        "sendmsg",
        "socketpair",
        "execve",
        "ptrace",
        "io_uring_setup",
    ):
        assert verdict(with_gpu, audit, syscalls.DENIED[name][column]) == DENY, name
    assert verdict(with_gpu, audit, clone3) == ABSENT
    for request in (0x5412, 0x40086602):  # typing into a terminal, a file's flags
        assert verdict(with_gpu, audit, ioctl, 3, request) == verdict(plain, audit, ioctl, 3, request) == DENY
    assert verdict(plain, audit, ioctl, 3, 0x5401) == ALLOW  # whether it is a terminal
    assert verdict(plain, audit, ioctl, 3, 0xC00846D6) == DENY
    assert verdict(with_gpu, audit, ioctl, 3, 0xC00846D6) == ALLOW  # one of the driver's
    assert verdict(with_gpu, AUDIT["aarch64" if machine == "x86_64" else "x86_64"], 1) == KILL


# The rules of a GPU's worker, put on for real, on the CPU.


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Gpu:
    """A GPU's rules without a GPU: its device is the CPU, and a file stands for the device file."""
    node = tmp_path_factory.mktemp("dev") / "nvidia0"
    node.touch()
    return Gpu(str(node), device="cpu")


@pytest.fixture(scope="module")
def own(stand_in: Gpu) -> Iterator[Jail]:
    """A zygote whose trainings run under those rules."""
    with Jail() as zygote:
        zygote.train_on_gpu(stand_in)
        yield zygote


@pytest.fixture(scope="module")
def strict(own: Jail) -> Isolation:
    """The isolation of a worker under those rules."""
    return measure(own.trainer)


@pytest.mark.isolation
def test_its_level_is_measured_and_said(strict, isolation):
    """`basic` where a worker on the CPU reaches that or more; the device has computed, and what is open is told."""
    assert strict.level == ("process" if isolation.level == "process" else "basic")
    assert (strict.probes["GPU"], strict.probes["system-call filter"]) == ("cpu", "on")
    assert "memory on the device is not capped" in strict.probes["GPU profile"]


exercise = Exercise("task", title="A task", statement="Answer.", names=("Model",), limits={"memory_mib": 300})


@exercise.check(points=2)
def during(student):
    """Loaded, built and asked where trainings run."""
    student.restart("attack", trains=True)
    answer = student.build("Model")(torch.ones(2))
    expect(isinstance(answer, torch.Tensor) and answer.tolist() == [2.0, 2.0], f"`forward` returned {answer!r}")


@pytest.fixture
def attack(own: Jail, tmp_path: Path, course: Course) -> Callable[..., ExerciseGrade]:
    """Grade a submission whose forward pass does this, in a worker under a GPU's rules."""

    def run(code: str, zygote: Jail = own) -> ExerciseGrade:
        body = textwrap.indent(textwrap.dedent(code).strip(), " " * 8)
        source = (
            "import ctypes, mmap, os, socket, sys, threading, time\nimport torch\n\nclass Model(torch.nn.Module):\n"
        )
        (tmp_path / "task.py").write_text(f"{source}    def forward(self, x):\n{body}\n        return x + 1\n")
        staged = stage(tmp_path / "task.py", zygote, Limits())
        try:
            return grade(staged, [exercise], course, zygote, level="basic", seed=1).exercises[0]
        finally:
            unstage(staged, zygote)

    return run


def assert_harmless(graded: ExerciseGrade) -> None:
    assert (graded.status, graded.points) == ("graded", 2), graded.checks[0].message


NOT_ALLOWED = """
for number, way in enumerate(ways):
    try:
        way()
        x = x + number + 1
    except OSError:
        pass
"""


@pytest.mark.isolation
def test_no_network_with_a_gpu(attack, tmp_path):
    """Nobody is reached, by address, by path or by name; a socket that nobody is let in by is what the driver needs."""
    with socket_pair_of_listeners() as (port, path, name):
        assert_harmless(
            attack(
                f"""
                unix = lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                data = lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                ways = [
                    lambda: socket.socket(), lambda: socket.socket(socket.AF_INET6), lambda: socket.socketpair(),
                    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
                    lambda: socket.create_connection(("127.0.0.1", {port})), lambda: unix().connect({path!r}),
                    lambda: unix().connect({name!r}), lambda: data().sendto(b"x", {path!r}),
                    lambda: data().sendto(b"x", {name!r}), lambda: unix().bind(os.environ["TMPDIR"] + "/socket"),
                ]
                listener = unix()
                listener.bind("\\0cuda-uvmfd-of-a-test-" + str(os.getpid()))
                listener.listen(8)
                ways.append(listener.accept)
                {textwrap.indent(NOT_ALLOWED, " " * 16).strip()}
                """
            )
        )


@contextlib.contextmanager
def socket_pair_of_listeners() -> Iterator[tuple[int, str, str]]:
    """Something to connect to: a port, a path that all may use, and a name without a file."""
    import os
    import socket

    path, name = f"/tmp/listens-{os.getpid()}", f"\0listens-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as by_port,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as by_path,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as by_name,
    ):
        for listener, address in ((by_path, path), (by_name, name)):
            listener.bind(address)
            listener.listen()
        Path(path).chmod(0o777)
        try:
            yield by_port.getsockname()[1], path, name
            for listener in (by_port, by_path, by_name):
                listener.setblocking(False)
                with pytest.raises(BlockingIOError):
                    listener.accept()
        finally:
            Path(path).unlink()


@pytest.mark.isolation
def test_no_other_program_with_a_gpu(attack):
    """Nothing is started, by fork, by exec or out of a file in memory; nobody is sent a signal."""
    assert_harmless(
        attack(
            f"""
            program = os.memfd_create("program")
            os.write(program, b"#!/bin/true\\n")
            ways = [
                os.fork, lambda: os.execv("/bin/true", ["true"]), lambda: os.execve(program, ["x"], {{}}),
                lambda: os.execv(f"/proc/self/fd/{{program}}", ["x"]), lambda: os.kill(os.getppid(), 0),
                lambda: os.posix_spawn("/bin/true", ["true"], {{}}), os.setsid,
            ]
            {textwrap.indent(NOT_ALLOWED, " " * 12).strip()}
            """
        )
    )


@pytest.mark.isolation
def test_no_other_files_with_a_gpu(attack, stand_in):
    """Not the machine's, not another process's, not the device file of a GPU that it was not given."""
    assert_harmless(
        attack(
            f"""
            ways = [
                lambda: open("/etc/passwd").read(), lambda: os.listdir("/tmp"), lambda: open("/tmp/made", "w"),
                lambda: open({stand_in.node!r}), lambda: open({str(ROOT / "README.md")!r}),
                lambda: open("/proc/1/status").read(), lambda: open("/proc/1/task/1/comm", "w").write("x"),
                lambda: open("/proc/self/net/tcp").read(), lambda: open("/proc/self/mountinfo").read(),
                lambda: open("/dev/shm/made", "w"), lambda: open(__file__, "a"), lambda: os.chmod(__file__, 0o777),
                lambda: open(f"/proc/{{os.getppid()}}/task/{{os.getppid()}}/comm", "w").write("x"),
            ]
            {textwrap.indent(NOT_ALLOWED, " " * 12).strip()}
            open(os.environ["TMPDIR"] + "/own", "w").write("this one is allowed")
            """
        )
    )


def test_what_the_driver_needs_is_there(attack):
    """It looks at its own process, names its threads, maps files in memory, and shares memory with itself."""
    assert_harmless(
        attack(
            """
            assert "Threads" in open("/proc/self/status").read() and "torch" in open("/proc/self/maps").read()
            done = []
            def name_itself():
                with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as file:
                    file.write("cuda-EvtHandlr")
                done.append(open(f"/proc/self/task/{threading.get_native_id()}/comm").read())
            thread = threading.Thread(target=name_itself)
            thread.start()
            thread.join()
            assert done == ["cuda-EvtHandlr\\n"], done
            file = os.memfd_create("code", os.MFD_CLOEXEC)
            os.ftruncate(file, 1 << 16)
            mmap.mmap(file, 1 << 16)[:4] = b"code"
            mmap.mmap(-1, 1 << 16)
            mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=0)  # a terabyte, reserved
            """
        )
    )


@pytest.mark.parametrize(
    "bomb",
    [
        "kept = [torch.ones(25 << 20) for _ in range(20)]",
        "kept = mmap.mmap(-1, 1 << 30); ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(kept)), 1, len(kept))",
    ],
    ids=["private", "shared"],
)
def test_memory_is_watched_where_no_limit_is_set(attack, bomb):
    """The host sees it and ends the worker."""
    graded = attack(f"{bomb}\ntime.sleep(30)")
    assert (graded.status, graded.points) == ("memory", 0)


@pytest.mark.slow
def test_a_turn_lasts_as_long_as_the_worker(own, stand_in, strict):
    """From the fork to the end, however it ends; a worker that cannot be had leaves none behind."""
    entry = own.new_entry()
    entry.chmod(0o755)
    waited: list[float] = []
    held = own.trainer.spawn(entry.name, Limits())
    threading.Timer(1.5, held.close).start()
    started = time.monotonic()
    own.trainer.spawn(entry.name, Limits(), waiting=lambda: waited.append(time.monotonic() - started)).close()
    assert len(waited) == 1
    assert 1 < waited[0] < 1.5 < time.monotonic() - started
    own.spawn(entry.name, Limits()).close()  # the CPU's workers wait for nobody
    for _ in range(2):
        with pytest.raises(JailError, match="could not be made ready"):
            own.trainer.spawn("not-there", Limits())
    gpu.lock_gpu(stand_in.node, lambda: pytest.fail("it is still held")).close()


# The device of a worker.


@pytest.fixture(scope="module")
def on_meta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jail]:
    """A zygote whose trainings run on torch's `meta` device: another one than the CPU, which computes shapes only."""
    node = tmp_path_factory.mktemp("dev") / "nvidia0"
    node.touch()
    with Jail() as zygote:
        zygote.train_on_gpu(Gpu(str(node), device="meta"))
        yield zygote


@pytest.mark.slow
def test_a_device_that_computes_nothing_is_refused(on_meta):
    """The trial on the worker is judged by its numbers."""
    with pytest.raises(JailError, match="the device computes wrong results"):
        measure(on_meta.trainer)


@pytest.mark.slow
def test_a_device_that_does_not_start_is_refused(tmp_path):
    """Such as CUDA where there is none, or a device file that is not there: said in words, and the CPU serves on."""
    (tmp_path / "node").touch()
    with Jail() as zygote:
        for broken in (Gpu(str(tmp_path / "node"), device="hpu"), Gpu(str(tmp_path / "nothing"), device="cpu")):
            with pytest.raises(JailError, match=r"could not be made ready|nothing cannot be opened: No such file"):
                measure(zygote.train_on_gpu(broken))
            zygote.train_on_cpu()
        assert zygote.trainer is zygote
        assert measure(zygote).level != "none"


PLACED = """
import torch

class Model(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layer = torch.nn.Linear(size, 1)

    def forward(self, x, where=""):
        if where == "new tensor":
            x = x + torch.zeros(len(x), 2)
        if where == "lengths":
            packed = torch.nn.utils.rnn.pack_padded_sequence(x[:, None], torch.ones(len(x), dtype=torch.int64).to(x))
        if where == "full":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        if where == "full inside":
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return self.layer(x)

    def translate(self, x):
        return {"nested": (x, [self.layer.weight])}
"""


@contextlib.contextmanager
def student_of(zygote: Jail, source: str, tmp_path: Path) -> Iterator[Student]:
    """A check's handle on this source, in a worker on the device of trainings."""
    (tmp_path / "task.py").write_text(source)
    staged = stage(tmp_path / "task.py", zygote, Limits())
    attempt = Attempt(zygote, staged, exercise, Limits(), 1, Listener())
    try:
        attempt.load()
        student = Student(attempt, "during")
        student.restart("train", trains=True)
        yield student
    finally:
        attempt.close()
        unstage(staged, zygote)


@pytest.mark.slow
def test_models_and_arguments_are_where_trainings_run(on_meta, tmp_path):
    """Each verb places what it is given: a model on another device than its arguments would raise."""
    with student_of(on_meta, PLACED, tmp_path) as student:
        model = student.build("Model", 2)
        x = torch.ones(3, 2)
        for answer in (model(x), model.predict(x, batch_size=2)):
            assert isinstance(answer, Opaque)
            assert "device meta" in answer.type_name
        nested = model.method("translate", x)["nested"]
        assert "device meta" in nested[0].type_name
        assert "device meta" in nested[1][0].type_name
        model.load({"layer.weight": torch.ones(1, 2)})
        assert "aten::linear" in model.trace(x).operators
        student.restart("after")
        assert student.build("Model", 2)(x).device.type == "cpu"


@pytest.mark.parametrize(
    ("where", "kind", "words"),
    [
        ("new tensor", "RuntimeError", "device=x.device"),
        ("lengths", "RuntimeError", "lengths.cpu()"),
    ],
)
def test_the_classic_device_errors_have_hints(on_meta, tmp_path, where, kind, words):
    """As torch really spells them."""
    with student_of(on_meta, PLACED, tmp_path) as student:
        with pytest.raises(StudentRaised) as raised:
            student.build("Model", 2)(torch.ones(3, 2), where)
        assert raised.value.type_name == kind
        hint = hint_for(raised.value, student._attempt)
        assert hint is not None
        assert words in hint, (raised.value.message, hint)


@pytest.mark.parametrize("where", ["full", "full inside"])
def test_a_full_gpu_counts_as_memory(own, tmp_path, where):
    """An allocation that failed on the device, in torch's words or a library's."""
    with student_of(own, PLACED, tmp_path) as student:
        with pytest.raises(StudentRaised):
            student.build("Model", 2)(torch.ones(3, 2), where)
        assert student._attempt.out_of_memory


REFERENCES = sorted(ROOT.glob("solutions/reference*/*.py"))
UNTRAINED = {"my_rnn": ("MyRNN", (3, 5), (torch.zeros(2, 4, 3), None))}
"""How the model of an exercise without a task is built, and what it is asked."""


def asked_of(course, name):
    """The name of an exercise's model, what it is built with, and what it is asked: as its task says."""
    (exercise,) = course.pick((name,))
    for check in exercise.checks:
        if check.task is not None:
            task = check.task(torch.Generator().manual_seed(0))
            return task.model, task.arguments, task.draw(2, torch.Generator().manual_seed(0))[0]
    return UNTRAINED.get(name)


class OneDevice(TorchDispatchMode):
    """Notices every operation on tensors of two devices: `meta` itself lets some of them pass."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor) and leaf.dim()]
        may_mix = any(name in str(function) for name in ("copy", "aten.index.", "_pack_padded_sequence"))
        assert may_mix or len({leaf.device for leaf in leaves}) < 2, f"{function} on tensors of two devices"
        return function(*args, **(kwargs or {}))


@pytest.mark.slow
def test_tensors_of_two_devices_are_noticed():
    """The control of the test below."""
    with OneDevice(), pytest.raises(AssertionError, match="two devices"):
        torch.ones(2, 3) @ torch.ones(3, 2, device="meta")


@pytest.mark.slow
@pytest.mark.parametrize("file", REFERENCES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_references_make_their_tensors_where_their_input_is(file, course):
    """On a device that is not the CPU, forward, backward and `translate` run without meeting a tensor of the CPU."""
    spec = importlib.util.spec_from_file_location("solution", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = asked_of(course, file.stem)
    if asked is None:
        return  # a function, or a layer: nothing says how it is built
    name, sizes, inputs = asked
    model = getattr(module, name)(*sizes).to("meta")
    given = [x if x is None else x.to("meta") for x in inputs]
    try:
        with OneDevice():
            outputs = model(*given)
        first = outputs[0] if isinstance(outputs, tuple) else outputs
        assert first.device.type == "meta"
        first.sum().backward()
        if hasattr(model, "translate"):
            assert model.translate(given[0]).device.type == "meta"
    except NotImplementedError as wanted:  # it asks for numbers, as `lengths.cpu()` does: there are none on this device
        assert "Cannot copy out of meta tensor" in str(wanted)
        assert ".cpu()" in file.read_text()


# A training, from one end to the other.


def draw(count, generator):
    """Four random numbers; their sum is asked for."""
    x = torch.rand(count, 4, generator=generator)
    return (x,), x.sum(1)


def error(predictions, targets):
    return float(((predictions - targets) ** 2).mean())


TASK = LearningTask(
    model="Model", arguments=(4,), draw=draw, score=error, metric="error", best=0.01, half=0.1, zero=0.3, worst=0.33,
    stop=0.005, steps=40, lr=0.05, batch_size=32, every=20, held_out=200, seconds=30.0,
)  # fmt: skip
LEARNER = """
import os, torch

class Model(torch.nn.Module):
    where = os.environ.get("CUBLAS_WORKSPACE_CONFIG", "no GPU")
    if where != "no GPU":  # answers that repeat, and no new tensor is filled with NaN for it
        assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.allow_tf32
        assert not torch.utils.deterministic.fill_uninitialized_memory
    recipe = {"steps": 40 if where == "no GPU" else 30}

    def __init__(self, size):
        super().__init__()
        self.layer = torch.nn.Linear(size, 1)
        self.drop = torch.nn.Dropout(0.1)

    def forward(self, x):
        return self.layer(self.drop(x))
"""

learns = Exercise("task", title="A sum", statement="Add.", names=("Model",))


@learns.check(points=1)
def stays(student):
    """What is no training stays on the CPU."""
    expect(student.attribute("Model", "where") == "no GPU", "it went along")


@learns.check(points=4, task=TASK)
def trained(student):
    """It learns to add."""
    learned = learn(student, TASK, {"parameters": lambda model: model.parameters()})
    student.tell(
        f"{learned.run.recipe.steps} {learned.run.losses} {learned.run.score} {learned.observed('parameters')}"
    )
    return learned.judge()


@learns.check(points=1)
def stays_again(student):
    """And is there again afterwards."""
    expect(student.attribute("Model", "where") == "no GPU", "it stayed away")


def graded(zygote: Jail, course: Course, tmp_path: Path, source: str = LEARNER) -> tuple[Grade, str]:
    """The grade of a source, and what its training told last."""
    (tmp_path / "task.py").write_text(source)
    zygote.prepare_training()
    staged = stage(tmp_path / "task.py", zygote, Limits())
    told: list[str] = []
    listener = Listener(check=lambda _, words: told.append(words or ""), internal_error=pytest.fail)
    try:
        result = grade(staged, [learns], course, zygote, level="basic", seed=5, listener=listener)
    finally:
        unstage(staged, zygote)
    return result, next((words for words in told if "tensor(" in words), "")


@pytest.mark.slow
def test_trainings_go_where_they_were_sent_and_nothing_else_does(own, course, tmp_path):
    """The recipe was read where the GPU's rules hold, the other checks saw none of it."""
    result, told = graded(own, course, tmp_path)
    assert [check.status for check in result.exercises[0].checks][::2] == ["passed", "passed"]
    assert told.startswith("30 ")
    assert result.device == "cpu"  # what it really ran on


def test_a_training_comes_out_the_same_under_both_rules(own, zygote, course, tmp_path):
    """To the last digit: losses, score and parameters."""
    source = LEARNER.replace('40 if where == "no GPU" else 30', "40")
    here, there = graded(zygote, course, tmp_path, source), graded(own, course, tmp_path, source)
    assert here[1]
    assert here[1] == there[1]
    assert here[0].points == there[0].points > 2


def test_a_submission_without_trainings_ran_on_the_cpu(own, course, tmp_path, monkeypatch):
    """Whatever trainings would have run on."""
    monkeypatch.setattr(Jail, "device", "cuda")
    assert graded(own, course, tmp_path)[0].device == "cuda"
    (tmp_path / "task.py").write_text(LEARNER)
    staged = stage(tmp_path / "task.py", own, Limits())
    assert grade(staged, [exercise], course, own, level="basic", seed=5).device == "cpu"
    unstage(staged, own)


@pytest.mark.slow
def test_the_zygote_of_a_gpu_makes_no_backward_pass():
    """The first one in a process counts the GPUs for all its forks, and starts threads where there are some."""
    code = """
        import torch
        from grader.jail.inside import zygote
        torch.autograd.backward = torch.Tensor.backward = None
        zygote.warm_up(backward=False)
        zygote.warm_up_training(backward=False)
        assert not torch.cuda.is_initialized()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


# Calibration by device.


def calibration_of(course: Path, device: str) -> CalibrationFile:
    row = Row("reference", 1, 0, 0.0, 40, [(20, 0.1), (40, 0.0)])
    check = next(check for check in learns.checks if check.task is not None)
    table = Table(hash_of_training(course, learns, check), "", {}, [row])
    return CalibrationFile("task", "trained", device, {"reference": table})  # type: ignore[arg-type]


def band_name(course: Path, device: str) -> str:
    (found,) = known(course, [learns], device).values()  # type: ignore[arg-type]
    band = reference_band(found)
    assert band is not None
    return band.name


def test_the_band_is_of_the_device_where_there_is_one(tmp_path):
    """Else of the CPU, and named so."""
    (tmp_path / "exercises").mkdir()
    assert known(tmp_path, [learns], "cuda") == {}
    save(tmp_path, calibration_of(tmp_path, "cpu"))
    names = []
    for _ in range(2):
        names += [f"{asked}: {band_name(tmp_path, asked)}" for asked in ("cpu", "cuda")]
        save(tmp_path, calibration_of(tmp_path, "cuda"))
    assert names == [
        "cpu: our references (cpu)",
        "cuda: our references (cpu)",
        "cpu: our references (cpu)",
        "cuda: our references (cuda)",
    ]


# The command line.


HIDDEN = {"CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["submit", "verify"])
def test_cuda_that_is_not_there_is_a_usage_error(cli, command):
    """Exit 2, nothing graded, what was found and what to do."""
    path = [ROOT / "solutions" / "reference"] if command == "submit" else ["my_rnn"]
    result = cli(command, *path, "--device", "cuda", env=HIDDEN)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--device cuda: " in result.stderr
    assert "NVIDIA device file" in result.stderr or "CUDA_VISIBLE_DEVICES" in result.stderr
    assert "use --device cpu" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_auto_says_nothing_where_there_is_no_gpu(monkeypatch, capsys, own, strict):
    """And leaves everything as it was."""
    for name, value in HIDDEN.items():
        monkeypatch.setenv(name, value)
    with Jail() as zygote:
        for asked in ("auto", "cpu"):
            assert choose_device(asked, zygote, strict, required=None, say=pytest.fail) is strict
        assert zygote.trainer is zygote
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_doctor_says_what_there_is_of_a_gpu(cli):
    """What was found, what to do, and that nobody has tried."""
    result = cli("doctor", env=HIDDEN)
    assert result.returncode == 0, result.stderr
    assert "No GPU can be used: " in result.stdout
    assert "untested on GPU" in result.stdout


# With a GPU. None of these has been run yet.


def has_cuda() -> bool:
    try:
        gpu.find()
    except NoGpu:
        return False
    return True


cuda = pytest.mark.skipif(not has_cuda(), reason=NO_CUDA)


@pytest.fixture(scope="module")
def on_cuda() -> Iterator[Jail]:
    """A zygote whose trainings run on the GPU."""
    with Jail() as zygote:
        zygote.train_on_gpu(gpu.find())
        yield zygote


@cuda
def test_a_gpu_computes_in_its_worker(on_cuda, isolation):
    """Under all its rules, at the level that is said."""
    found = measure(on_cuda.trainer)
    assert found.level == ("process" if isolation.level == "process" else "basic")
    assert found.probes["GPU"] not in ("", "cpu")


@cuda
def test_trainings_run_on_the_gpu(on_cuda, zygote, course, tmp_path):
    """They learn there as on the CPU, and say so."""
    result, told = graded(on_cuda, course, tmp_path)
    assert (result.device, told[:3]) == ("cuda", "30 ")
    assert result.points == pytest.approx(graded(zygote, course, tmp_path)[0].points, abs=1)


@cuda
def test_a_training_on_the_gpu_can_be_repeated(on_cuda, course, tmp_path):
    """The same seed, the same numbers."""
    assert graded(on_cuda, course, tmp_path)[1] == graded(on_cuda, course, tmp_path)[1]


@cuda
def test_memory_of_the_gpu_that_is_not_there_is_refused(on_cuda, attack):
    """What is too much for it is `memory`, and nothing of it stays behind."""
    assert attack("torch.ones(1 << 44, device=x.device)", on_cuda).status == "memory"
    assert_harmless(attack("assert x.is_cuda", on_cuda))


@cuda
def test_the_command_trains_on_the_gpu(submit_json):
    """From the command line to the grade."""
    answer = submit_json(
        ROOT / "solutions" / "reference", "--exercise", "adding_problem", "--device", "cuda", timeout=600
    )
    assert (answer["device"], answer["percent"]) == ("cuda", 100)
