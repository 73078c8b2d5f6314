"""The gradebook, on SQLite and on PostgreSQL: what counts, what is kept, what two versions may not share."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader.batch.database import GradebookError
from grader.batch.gradebook import Gradebook, open_gradebook
from grader.records.grade import Adjustment, Conditions, ExerciseGrade, Grade, HandIn, Record

pytestmark = pytest.mark.slow

CONDITIONS = Conditions("grade submit submission --seed 7", {}, {}, [])


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")
    return f"sqlite:///{tmp_path}/deeper/grades.db"


@pytest.fixture
def book(url: str) -> Iterator[Gradebook]:
    with open_gradebook(url, create=True) as book:
        yield book


def record(points: float, *, status: str = "graded", seed: int = 7) -> Record:
    exercise = ExerciseGrade("my_rnn", "An RNN", status, None, points, 10.0, 0.1, [], [], [])  # type: ignore[arg-type]
    counted = 0.0 if status == "broken" else 10.0
    grade = Grade(
        1, "submission", "graded", None, points, counted, points * 10, "cpu", "full", seed, 0.1, ["x"], [exercise]
    )
    return Record(grade, CONDITIONS, {})


def nothing(grade: Grade, hand_in: HandIn) -> Sequence[Adjustment]:
    return []


def late(grade: Grade, hand_in: HandIn) -> Sequence[Adjustment]:
    return [Adjustment("late", -2.5)] if hand_in.late else []


def hand_in(book: Gradebook, student: str, content: str, when: str | None = None, is_late: bool = False) -> None:
    book.hand_in(HandIn(student, student.title(), when, is_late), f"{student}@example.org", content)


def test_seed_is_drawn_once_and_kept(url: str):
    with open_gradebook(url, create=True) as book:
        assert book.seed(None, lambda: 11) == 11
    with open_gradebook(url) as book:
        assert book.seed(None, lambda: 12) == 11
        assert book.seed(2**53 - 1, lambda: 12) == 2**53 - 1
        assert book.seed(None, lambda: 12) == 2**53 - 1


def test_two_that_begin_at_once_have_one_gradebook_and_one_seed(url: str):
    """While one draws a seed another may have kept one; and both may want to make the tables."""
    ready = threading.Barrier(4)

    def open_at_once(_: int) -> None:
        ready.wait()
        with open_gradebook(url, create=True):
            pass

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(open_at_once, range(4)))
    with open_gradebook(url) as first, open_gradebook(url) as second:
        assert first.seed(None, lambda: second.seed(None, lambda: 2) and 1) == 2
        assert second.seed(None, lambda: 3) == 2


def test_an_attempt_counts_for_all_who_handed_it_in(book: Gradebook):
    hand_in(book, "ada", "one")
    hand_in(book, "bob", "one", is_late=True)
    hand_in(book, "eve", "two")
    book.write("one", "course", ["my_rnn"], record(9.0), {"my_rnn.py": b"\xff\x00"}, late)
    rows = {row.student: row for row in book.rows()}
    assert set(rows) == {"ada", "bob"} and book.count() == 2
    assert (rows["ada"].points, rows["ada"].percent, rows["ada"].adjustments) == (9.0, 90.0, [])
    assert (rows["bob"].points, rows["bob"].percent) == (6.5, 65.0)
    assert rows["bob"].adjustments == [Adjustment("late", -2.5)] and rows["bob"].grade.submission == "bob"
    assert book.sources("one") == {"my_rnn.py": b"\xff\x00"} and book.sources("two") == {}
    assert book.record(rows["ada"].attempt) == record(9.0)
    assert book.exercises() == ["my_rnn"]


def test_points_never_fall_below_nothing(book: Gradebook):
    hand_in(book, "bob", "one", is_late=True)
    book.write("one", "course", ["my_rnn"], record(1.0), {}, late)
    assert next(book.rows()).points == 0.0


def test_what_is_graded_need_not_be_graded_again(book: Gradebook):
    """For the same content, course, exercises and seed; and not where a fault of ours was met."""
    hand_in(book, "ada", "one")
    book.write("one", "course", ["my_rnn"], record(0.0, status="broken"), {}, nothing)
    assert book.graded("one", "course", ["my_rnn"], 7) is None
    book.write("one", "course", ["my_rnn"], record(9.0), {}, nothing)
    assert book.graded("one", "course", ["my_rnn"], 7) is not None
    for other in (
        ("two", "course", ["my_rnn"], 7),
        ("one", "changed", ["my_rnn"], 7),
        ("one", "course", ["my_rnn", "more"], 7),
        ("one", "course", ["my_rnn"], 8),
    ):
        assert book.graded(*other) is None
    book.write("one", "course", ["my_rnn"], record(0.0, status="broken"), {}, nothing)
    assert next(book.rows()).points == 9.0, "a fault of ours takes no grade away"


def test_the_latest_counts_or_the_best(book: Gradebook):
    """By when it was handed in, whatever its zone and whatever was graded first."""
    hand_in(book, "ada", "second", "2026-11-20T10:00:00+01:00")
    hand_in(book, "ada", "first", "2026-11-20T09:30:00+01:00")
    hand_in(book, "ada", "third", "2026-11-20T09:15:00Z")
    for content, points in (("third", 5.0), ("first", 9.0), ("second", 7.0)):
        book.write(content, "course", ["my_rnn"], record(points), {}, nothing)
    assert book.policy(None) == "latest" and next(book.rows()).content == "third"
    assert book.policy("best") == "best"
    book.recompute_standings(nothing)
    assert next(book.rows()).content == "first"
    assert book.policy(None) == "best", "it is kept"
    assert [attempt.counts for attempt in book.history("ada")] == [False, True, False]


def test_a_new_attempt_at_the_same_content_stands_for_the_old(book: Gradebook):
    hand_in(book, "ada", "one")
    book.write("one", "course", ["my_rnn"], record(9.0), {}, nothing)
    book.write("one", "changed", ["my_rnn"], record(4.0), {}, nothing)
    assert next(book.rows()).points == 4.0
    assert [attempt.points for attempt in book.history("ada")] == [9.0, 4.0]


def test_names_and_times_that_become_known_are_kept(book: Gradebook):
    book.hand_in(HandIn("4711", "", None, False), "", "one")
    book.hand_in(HandIn("4711", "Ada Lovelace", "2026-11-20", True), "ada@example.org", "one")
    book.hand_in(HandIn("4711", "", None, True), "", "one")
    book.write("one", "course", ["my_rnn"], record(9.0), {}, nothing)
    (row,) = book.rows()
    assert (row.name, row.email, row.when, row.late) == ("Ada Lovelace", "ada@example.org", "2026-11-20", True)


def test_odd_names_are_kept_as_they_are(book: Gradebook):
    for name in ("Zoë O'Neil", "李雷", "'; drop table students; --", "a" * 120):
        book.hand_in(HandIn(name, name, None, False), "", f"content of {name}")
        book.write(f"content of {name}", "course", ["my_rnn"], record(1.0), {}, nothing)
        row = book.row(name)
        assert row is not None and row.name == name


def test_no_gradebook_is_made_by_reading(tmp_path: Path):
    with pytest.raises(GradebookError, match="no such gradebook; create one with `grade batch`"):
        open_gradebook(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nothing", "is not a database URL"),
        ("sqlite:////proc/none/grades.db", "cannot be created"),
        ("mysql+pymysql://localhost/x", "cannot be opened: No module named .pymysql."),
        ("mysql+nothing://localhost/x", "cannot be opened|is not a database URL"),
        ("postgresql+psycopg://nobody:secret@127.0.0.1:1/none", "cannot be opened"),
    ],
)
def test_urls_that_will_not_do_are_told_in_one_line_without_a_password(url: str, words: str):
    with pytest.raises(GradebookError, match=words) as refused:
        open_gradebook(url, create=True)
    assert "\n" not in str(refused.value) and "secret" not in str(refused.value)


def test_a_file_that_is_no_gradebook_is_refused(tmp_path: Path):
    (tmp_path / "grades.db").write_text("name,points\n" * 500)
    with pytest.raises(GradebookError, match="cannot be opened: file is not a database"):
        open_gradebook(f"sqlite:///{tmp_path}/grades.db", create=True)
