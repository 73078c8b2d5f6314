"""Valid frames, archives and sources, damaged at random: each ends in an answer, none in an exception of ours."""

import io
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
import tokenize
import zipfile
from collections.abc import Callable
from keyword import iskeyword
from os import pidfd_open
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader import Exercise, expect
from grader.grading.grading import grade_exercise
from grader.intake.staging import stage, unstage
from grader.jail.handle import Forked, Worker, WorkerEnded
from grader.jail.shared import messages, wire
from grader.jail.shared.messages import Place
from grader.records.grade import ExerciseGrade, ExerciseStatus
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

STATUSES = set(get_args(ExerciseStatus)) - {"broken"}
PLACE = Place("task.py", 1)
TENSORS = [torch.arange(6.0).reshape(2, 3), torch.tensor([True, False]), torch.zeros(0, 2, dtype=torch.int64)]
ANSWERS: list[tuple[Any, list[torch.Tensor]]] = [
    (messages.Ready(None), []),
    (messages.Step(PLACE, "nothing"), []),
    (messages.Loaded("task.py", ["quick"], [messages.Named("a", "b.py")], [], ["a note"], None), []),
    (messages.Loaded(None, [], [], [messages.Failure(PLACE, ["quick"], "ValueError: no")], [], "an error"), []),
    (messages.Value([7]), []),
    (messages.Value([wire.pack({"a": [1, (2.5, None)], "b": float("nan")}, []), True, "text"]), []),
    (messages.Value([wire.pack((TENSORS[0], object()), [])], had_arrays=True), TENSORS[:1]),
    (messages.Value([messages.TensorNode(2), messages.TensorNode(0)]), TENSORS),
    (messages.Built(0, True, "task.Model"), []),
    (messages.Raised("ValueError", "no", [messages.Frame("task.py", 3, "attack", "raise")], False), []),
    (messages.Trained([0.5, None], [1.0, None]), []),
    (messages.Traced({"aten::mm": 3}, [messages.ModuleEntry("RNN", True)]), []),
    (messages.Line(PLACE, "self.a = 1"), []),
    (messages.Unpacked([messages.Entry("task.py", 2)], ["a note"], None), TENSORS[1:2]),
    (messages.Probed({"open": "EACCES"}), []),
]
PIECES = [b"", b"\0", b"\xff\xff\xff\xff", b'"', b"{", b"}", b"[", b"9", b"-1", b"1e9", b"null", b",", b"PK\1\2", b"\n"]

some = settings(max_examples=30, deadline=None, derandomize=True)
many = settings(max_examples=int(os.environ.get("GRADER_SOAK", "500")), deadline=None, derandomize=True)
"""The same ones in every run: `make soak` takes more of them."""


def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Some bytes of it overwritten, put in, cut off, doubled, taken out or exchanged, up to four times."""
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
        short = min(end, start + draw(st.integers(0, 8)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=8))
        ways = [
            content[:start] + piece + content[start + len(piece) :],
            content[:start] + piece + content[start:],
            content[:start] + piece + content[short:],
            content[:end],
            content[:end] + content[start:end] + content[end:],
            content[:start] + content[end:],
            content[end:] + content[start:end] + content[:start],
        ]
        content = draw(st.sampled_from(ways))
    return content


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Damaged anywhere; or its header and tensors alone, in a frame whose lengths fit or lie."""
    frame = wire.encode(*draw(st.sampled_from(ANSWERS)))
    if draw(st.booleans()):
        return damaged(draw, frame)
    body = frame[wire.PREFIX.size :]
    header, _ = wire.lengths(frame[: wire.PREFIX.size])
    parts = [body[:header], body[header:]]
    which = draw(st.integers(0, 1))
    parts[which] = damaged(draw, parts[which])
    lengths = [len(part) + draw(st.sampled_from([0, 0, 0, 1, -1, 70_000])) for part in parts]
    return wire.PREFIX.pack(wire.MAGIC, *(max(0, length) for length in lengths)) + b"".join(parts)


@pytest.mark.slow
@many
@given(frames())
def test_every_damaged_frame_is_an_answer_or_the_end_of_its_worker(frame):
    """Sent by a process that then ends: nothing else is raised, and the process is reaped."""
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(wire.encode(messages.Ready(None), []) + frame)
        theirs.shutdown(socket.SHUT_WR)
        worker = Worker(Forked(pidfd_open(process.pid), ours, (), process.wait), Limits())
        process.stdin.close()
        try:
            answer, tensors = worker.ask(messages.Seed(1), deadline=time.monotonic() + 20)
        except WorkerEnded as end:
            assert end.kind in ("protocol", "crashed")
        else:
            assert type(answer).__name__ in {kind.__name__ for kind in get_args(messages.Answer)}
            assert all(type(tensor) is torch.Tensor for tensor in tensors)
        finally:
            worker.close()
    assert process.returncode is not None


def task() -> Exercise:
    """An exercise that asks twice: what is sent in front of the first answer shifts all others."""
    exercise = Exercise("task", title="A task", statement="Answer.", names=("attack",))

    @exercise.check(points=1)
    def first(student):
        """An answer."""
        expect(student.call("attack") == 7, "`attack` is wrong")

    @exercise.check(points=1)
    def second(student):
        """An answer again."""
        expect(student.call("attack") == 7, "`attack` is wrong")

    return exercise


@pytest.fixture(scope="session")
def graded(zygote) -> Callable[..., ExerciseGrade]:
    """Grade files in the real jail, without a folder of the test's own: for many examples."""

    def run(exercise: Exercise, name: str, source: bytes, **limits: float) -> ExerciseGrade:
        folder = Path(tempfile.mkdtemp())
        given = Limits(**{"seconds": 5, "top_level_seconds": 1, "memory_mib": 500, **limits})  # type: ignore[arg-type]
        try:
            (folder / name).write_bytes(source)
            staged = stage(folder, zygote, given)
            grade = grade_exercise(staged, exercise, given, zygote, seed=1)
            unstage(staged, zygote)
        finally:
            shutil.rmtree(folder)
        assert grade.status in STATUSES, grade
        assert not any(ours in str(grade) for ours in ("Traceback", "grader/", "site-packages")), grade
        return grade

    return run


@pytest.mark.slow
@some
@given(frames(), st.booleans())
def test_damaged_frames_from_the_jail_end_in_a_grade(graded, frame, ends):
    """Written by a submission to the channel, which it then leaves or goes on to use."""
    last = "os._exit(0)" if ends else "return 7"
    source = f"import os\ndef attack():\n    os.write(3, {frame!r})\n    {last}\n"
    assert graded(task(), "task.py", source.encode(), seconds=1).points <= 2


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Of a few files, packed in one way or another, then damaged."""
    method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in {"my_rnn.py": "x = 1\n" * 20, "ada/b.py": "y", "ada/ü.txt": "z" * 300}.items():
            with file.open(name, "w", force_zip64=draw(st.booleans())) as entry:
                entry.write(content.encode())
    return damaged(draw, buffer.getvalue())


NAMELESS = (
    b"PK\x01\x02" + bytes(42) + b"PK\x05\x06" + bytes(4) + b"\x01\0\x01\0" + (46).to_bytes(4, "little") + bytes(6)
)
"""An archive whose one entry has no name at all."""


@pytest.mark.slow
@many
@given(archives())
@example(NAMELESS)
def test_every_damaged_archive_is_a_submission_or_a_problem_in_words(zygote, archive):
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "ada.zip").write_bytes(archive)
        submission = stage(folder / "ada.zip", zygote, Limits())
        staged = zygote.spool / submission.entry
        files = [file for file in staged.rglob("*") if file.is_file()]
        unstage(submission, zygote)
        assert [file.name for file in folder.iterdir()] == ["ada.zip"]
        assert (folder / "ada.zip").read_bytes() == archive
    finally:
        shutil.rmtree(folder)
    if submission.problem is None:
        assert [file for file in files if file.suffix == ".py"]
    else:
        assert "re-create it" in submission.problem or "hand" in submission.problem, submission.problem
        # without a reason, it was the end of an exception that nobody had thought of
        assert not submission.problem.startswith("the archive is broken;"), submission.problem


REFERENCE = (Path(__file__).parents[2] / "solutions" / "reference" / "my_rnn.py").read_text()


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    """The reference with bytes damaged, or with tokens or lines deleted, doubled, swapped; lines moved in or out.

    Most of these are no Python any more; with names exchanged, they run and fail.
    """
    kind = draw(st.sampled_from(["bytes", "tokens", "lines", "names", "names"]))
    if kind == "bytes":
        return damaged(draw, REFERENCE.encode())
    if kind == "names":
        parts = _pieces()
        names = st.sampled_from([i for i, part in enumerate(parts) if part.isidentifier() and not iskeyword(part)])
        for _ in range(draw(st.integers(1, 4))):
            parts[draw(names)] = parts[draw(names)]
        return "".join(parts).encode()
    parts = REFERENCE.splitlines(keepends=True) if kind == "lines" else _pieces()
    for _ in range(draw(st.integers(1, 4))):
        a, b = draw(st.tuples(*[st.integers(0, len(parts) - 1)] * 2))
        moves = [
            [*parts[:a], *parts[a + 1 :]],
            [*parts[:a], parts[a], *parts[a:]],
            [parts[b] if i == a else parts[a] if i == b else part for i, part in enumerate(parts)],
            [parts[b] if i == a else part for i, part in enumerate(parts)],
        ]
        if kind == "lines":
            moves += [[*parts[:a], "    " + parts[a], *parts[a + 1 :]], [*parts[:a], parts[a][4:], *parts[a + 1 :]]]
        parts = draw(st.sampled_from(moves)) or [""]
    return "".join(parts).encode()


def _pieces() -> list[str]:
    """The reference cut into its tokens and what stands between them."""
    lines = REFERENCE.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    cuts = {0, len(REFERENCE)}
    for token in tokenize.generate_tokens(io.StringIO(REFERENCE).readline):
        cuts |= {min(starts[row - 1] + column, len(REFERENCE)) for row, column in (token.start, token.end)}
    ordered = sorted(cuts)
    return [REFERENCE[start:end] for start, end in itertools.pairwise(ordered)]


@pytest.mark.slow
@many
@given(sources())
def test_every_damaged_source_is_graded(graded, course, source):
    """Never as our fault, and never with more points than there are."""
    (exercise,) = course.pick(("my_rnn",))
    grade = graded(exercise, "my_rnn.py", source)
    assert 0 <= grade.points <= 10
    assert grade.status == "graded" or grade.message
    assert "loading it raised" not in str(grade.message)  # what a submission raises there is a note
