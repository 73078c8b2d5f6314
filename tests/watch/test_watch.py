"""`grade watch`: what is said after each save, what a save interrupts, and what lies at a path that comes and goes."""

import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grader.authoring.exercise import Check, Exercise
from grader.grading.session import Session
from grader.records.grade import ExerciseGrade, Verdict
from grader.watch.changes import ChangeQueue, Saved, Source, mentions
from grader.watch.scoreboard import Scoreboard, affected_exercises, without_training

ROOT = Path(__file__).parents[2]
SECONDS = 120

COURSE = ROOT / "tests/courses/means"
MODEL = (COURSE / "solutions/reference/means.py").read_text()


class Watching:
    """A running `grade watch` whose output is read line by line."""

    def __init__(self, folder, *arguments):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GRADE_")}
        command = [sys.executable, "-m", "grader", "watch", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines = queue.Queue()
        self.read = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def until(self, words):
        """All that is said up to the line with these words."""
        said = []
        while not said or words not in said[-1]:
            line = self.lines.get(timeout=SECONDS)
            assert line is not None, "".join(self.read)
            said.append(line)
            self.read.append(line)
        return "".join(said)

    def answer(self):
        """The next answer to a save: it ends with the command that repeats it."""
        return self.until("The report: ")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(SECONDS) == 0


@pytest.fixture
def watching(tmp_path):
    started = []

    def run(*arguments):
        started.append(Watching(tmp_path, *arguments))
        return started[-1]

    yield run
    for each in started:
        each.process.kill()
        each.process.wait()
        each.process.stdout.close()


@pytest.mark.slow
def test_each_save_is_answered_with_what_changed(watching, tmp_path, reference):
    """However it is written: in place, by renaming, after it was gone; and Ctrl-C is a good end."""
    file = tmp_path / "my_rnn.py"
    watch = watching("my_rnn.py", "--seed", 5)
    assert "my_rnn.py does not exist or is empty; waiting for it." in watch.until("waiting for it")
    file.write_bytes((ROOT / "solutions/my_rnn/missing-bias/my_rnn.py").read_bytes())
    first = watch.answer()
    assert "my_rnn  9.5 of 10 points" in first
    assert "Hint: Add a trainable vector of hidden_size numbers inside the tanh." in first

    (tmp_path / "written").write_text(reference)
    (tmp_path / "written").replace(file)
    second = watch.answer()
    assert "+0.5 points: `bias` of my_rnn now passes" in second
    assert "Nothing to fix: every check passed." in second

    file.write_text("def (")
    third = watch.answer()
    assert "-10 points: my_rnn cannot be loaded or built now" in third
    assert "my_rnn.py, line 1: invalid syntax" in third

    file.unlink()
    watch.until("my_rnn.py does not exist")
    file.write_text(reference.replace("torch.tanh", "torch.relu"))
    fourth = watch.answer()
    assert "my_rnn can be judged again" in fourth
    assert "one step has a ReLU where tanh belongs" in fourth
    assert "grade submit my_rnn.py --seed 5" in fourth
    assert "copy_first" not in fourth.partition("not started")[0]
    watch.end()


@pytest.mark.slow
def test_training_comes_second_and_a_save_starts_it_anew(watching, tmp_path):
    """A model that is slow to train does not keep the next version waiting."""
    (tmp_path / "work").mkdir()
    file = tmp_path / "work/means.py"
    pause = "import time\n        time.sleep(60 if self.training and len(x) == 16 else 0)\n        return"
    file.write_text(MODEL.replace("return", pause))
    watch = watching("work", "--course", COURSE, "--seed", 3)
    first = watch.answer()
    assert "means  1 of 1 points; its training follows" in first
    assert "Nothing to fix so far." in first
    file.write_text(MODEL)
    again = watch.answer()
    assert "trained" not in again
    trained = watch.answer()
    assert "means trained" in trained
    assert "means  3 of 3 points" in trained
    file.write_text(MODEL.replace("return self.line(x)", "return self.line(x).detach() + 0 * self.line.bias"))
    assert "means  1 of 1 points" in watch.answer()
    assert "-2 points: `learns` of means fails now" in watch.answer()
    watch.end()


def test_a_path_that_cannot_come_is_refused(cli):
    result = cli("watch", "nowhere/at/all.py")
    assert (result.returncode, result.stdout) == (2, "")
    assert "nowhere/at: no such folder" in result.stderr


def test_a_save_ends_even_a_loop_without_end(zygote, course, isolation, submission, reference):
    """And the grader goes on with the same zygote."""
    calls = itertools.count()

    def saved():
        if next(calls) > 20:
            raise Saved

    loop = "while True: pass\n        "
    folder = submission({"my_rnn.py": reference.replace("outputs = []", loop + "outputs = []")})
    assert loop in (folder / "my_rnn.py").read_text()
    exercises = course.pick(("my_rnn",))
    session = Session(course, exercises, zygote, isolation)

    def judge():
        with session.staged(folder) as submission:
            return session.grade(submission, seed=1)

    zygote.waiting, staged = saved, set(zygote.spool.iterdir())
    try:
        with pytest.raises(Saved):
            judge()
    finally:
        zygote.waiting = lambda: None
    assert set(zygote.spool.iterdir()) == staged, "the staged copy is left"
    (folder / "my_rnn.py").write_text(reference)
    assert judge().percent == 100


# What lies at a path.


@pytest.fixture
def desk():
    """A desk in front of a path, already told what lies there."""
    opened = []

    def sit(path):
        desk = ChangeQueue(Source(path))
        desk.__enter__()
        opened.append(desk)
        desk.next()
        return desk

    yield sit
    for each in opened:
        each.__exit__()


def test_a_save_without_a_change_is_none(tmp_path, desk):
    file = tmp_path / "a.py"
    file.write_text("a = 1")
    at = desk(file)
    file.write_text("a = 1")
    os.utime(file, (1, 1))
    file.write_text("a = 2")
    assert at.next() == Source(file).digests()
    with pytest.raises(Saved):
        file.write_text("a = 3")
        at._has_change.wait(SECONDS)
        at.interrupt()


def test_a_folder_may_be_replaced(tmp_path, desk):
    """By another one, moved to its place; saves in that one are seen."""
    work, other = tmp_path / "work", tmp_path / "other"
    for folder in (work, other):
        folder.mkdir()
        (folder / "a.py").write_text(folder.name)
    at = desk(work)
    work.rename(tmp_path / "old")
    other.rename(work)
    (work / "b.py").write_text("b")
    while set(found := at.next()) != {"a.py", "b.py"}:
        pass
    (work / "sub").mkdir()
    (work / "sub/c.py").write_text("c")
    while "sub/c.py" not in at.next():
        pass
    assert found == {name: digest for name, digest in Source(work).digests().items() if name != "sub/c.py"}


def test_what_is_no_submissions_is_not_looked_at(tmp_path):
    """Editors' drafts, hidden folders, caches, the grader's own reports, pipes."""
    for name in (".git/a.py", "__pycache__/a.py", "grade-report/a.html", ".a.py.swp", "a.py~", "a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "gone.py").symlink_to("nowhere")
    assert set(Source(tmp_path).digests()) == {"a.py"}
    assert Source(tmp_path / "nothing.py").digests() == {}


# What a save touches, and what it changed.


def exercise(name, *checks):
    made = Exercise(name, title=name, statement="", names=(name,))
    made.checks = [Check(id, id, 2, needs, lambda _: None, task) for id, needs, task in checks]
    return made


@pytest.mark.parametrize(
    ("before", "after", "mentioned", "expected"),
    [
        ("", "a.py1 b.py1", "", "a b"),
        ("a.py1 b.py1", "a.py2 b.py1", "", "a"),
        ("a.py1 b.py1", "a.py2 b.py1", "a", "a b"),
        ("a.py1 b.py1 c.py1", "a.py1 b.py1 c.py2", "", "a b"),
        ("a.py1 b.py1", "a.py1", "", "b"),
        ("a.py1", "a.py2", "", "a b"),
        ("a.py1 b.py1", "a.py1 sub/b.py1 b.py1", "", "a b"),
    ],
)
def test_a_save_touches_what_it_may_change(before, after, mentioned, expected):
    """A neighbour may be imported by all; a module without a file of its own may be anywhere."""
    exercises = [exercise("a"), exercise("b")]

    def files(text):
        return {word[:-1]: word[-1].encode() for word in text.split()}

    found = affected_exercises(exercises, files(before), files(after), lambda module: module in mentioned.split())
    assert found == set(expected.split())


def test_a_neighbour_mentions_a_module_by_its_whole_name(tmp_path):
    for name, text in {"rnn.py": "rnn", "other.py": "import my_rnn, rnn2"}.items():
        (tmp_path / name).write_text(text)
    assert not mentions(tmp_path, "rnn")
    (tmp_path / "other.py").write_text("from rnn import x")
    assert mentions(tmp_path, "rnn")


def test_without_training_leaves_what_needs_a_training_out():
    task = lambda generator: None  # noqa: E731
    checks = [("shape", (), None), ("learns", ("shape",), task), ("follows", ("learns",), None), ("keeps", (), None)]
    assert [check.id for check in without_training(exercise("a", *checks)).checks] == ["shape", "keeps"]


def judged(name, status="graded", **checks):
    verdicts = [Verdict(id, id, state, points, 2.0, "") for id, (state, points) in checks.items()]
    points = sum(verdict.points for verdict in verdicts)
    return ExerciseGrade(name, name, status, None, points, 2.0 * len(verdicts), 0.1, [], [], verdicts)


def test_what_changed_is_told_by_check():
    """Those that were not judged again keep their verdict, for the next comparison."""
    standing, whole = Scoreboard(), exercise("a", ("x", (), None), ("y", (), None), ("z", (), None))
    standing.mark_stale(whole)
    assert standing.update(whole, judged("a", x=("passed", 2.0), y=("failed", 0.0), z=("partial", 1.0))) == []
    standing.mark_stale(whole)
    found = standing.update(whole, judged("a", x=("error", 0.0), y=("skipped", 0.0)))
    assert [(d.check, d.points, d.words) for d in found] == [
        ("x", -2.0, "raises an error now"),
        ("y", 0.0, "cannot be judged now"),
    ]
    assert (standing.current("a").points, standing.current("a").max_points) == (0, 4)
    (found,) = standing.update(whole, judged("a", z=("passed", 2.0)))
    assert (found.check, found.points, found.words) == ("z", 1.0, "now passes")
    assert (standing.current("a").points, standing.current("a").max_points) == (2, 6)


def test_an_exercise_that_cannot_be_judged_is_told_in_one_line():
    standing, whole = Scoreboard(), exercise("a", ("x", (), None), ("y", (), None))
    standing.update(whole, judged("a", x=("passed", 2.0), y=("passed", 2.0)))
    (found,) = standing.update(whole, judged("a", "error", x=("skipped", 0.0), y=("skipped", 0.0)))
    assert (found.check, found.points, found.words) == (None, -4.0, "cannot be loaded or built now")
    (found,) = standing.update(whole, judged("a", x=("passed", 2.0), y=("failed", 0.0)))
    assert (found.check, found.points, found.words) == (None, 2.0, "can be judged again")
