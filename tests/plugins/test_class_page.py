"""The pages about a class: what they tell, that they stay small, and that nothing in them runs or overflows."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from grader.course.contributions import ClassView
from grader.course.loading import Course
from grader.records.grade import Adjustment, ExerciseGrade, Grade, Row, Verdict

HOSTILE = "</title><script>window.pwned=1</script><img src=x onerror=pwned=1>\u202egnp\u2066 \x1b[31m" + "w" * 3000


def verdict(check: str, points: float, most: float, hint: str | None = None) -> Verdict:
    status = "passed" if points >= most else "partial" if points else "failed"
    return Verdict(check, f"Promise of {check}.", status, points, most, f"seen in {check}", hint)


def row(student: str, *, points: float = 10.0, **changes: object) -> Row:
    """A grade of `my_rnn`: what is missing of 10 points is missing in `one_step`."""
    short = 10.0 - points
    hint = f"The tanh is missing: off by {short:.3f}." if short else None
    checks = [verdict("one_step", 10.0 - short, 10.0, hint)]
    grade = Grade(
        schema=1,
        submission=student,
        status="graded",
        message=None,
        points=points,
        max_points=10.0,
        percent=points * 10,
        device="cpu",
        isolation="strong",
        seed=7,
        seconds=1.5,
        flags=[],
        exercises=[ExerciseGrade("my_rnn", "An RNN", "graded", None, points, 10.0, 1.5, [], [], checks)],
    )
    made = Row(student, "", "", None, False, "content", grade, [], points, points * 10, 1)
    known = set(Row.__struct_fields__)
    import msgspec

    of_grade = {key: value for key, value in changes.items() if key not in known}
    of_row = {key: value for key, value in changes.items() if key in known}
    return msgspec.structs.replace(made, grade=msgspec.structs.replace(grade, **of_grade), **of_row)


@pytest.fixture
def pages(course: Course) -> Callable[..., dict[str, str]]:
    """The pages about these rows, by file name."""

    def make(*rows: Row, **changes: object) -> dict[str, str]:
        exercises = [exercise for exercise in course.exercises if exercise.id == "my_rnn"]
        view = ClassView("Homework", lambda: iter(rows), exercises, lambda row: f"students/{row.student}.html", {})
        made = course.reports["html"].class_pages(replace(view, **changes))  # type: ignore[arg-type, misc]
        return {name: data.decode() for name, data in made}

    return make


def words(page: str) -> str:
    """What a reader reads."""
    body = page.partition("<main>")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def section(page: str, heading: str) -> str:
    """The words of one section."""
    return words("<main>" + page.partition(f">{heading}</h2>")[2].partition("</section>")[0])


def test_the_page_tells_how_the_class_did(pages):
    """Mean, distribution, the check that fails most with its commonest hint, and a link to each student's page."""
    index = pages(row("ada"), row("bob", points=4.0), row("eve", points=4.0), row("max", points=0.0))["index.html"]
    assert "4 students, mean 45.0 %" in words(index)
    assert "90 to 100 % 1" in section(index, "Distribution") and "40 to 50 % 2" in section(index, "Distribution")
    checks = section(index, "Exercises and checks")
    assert "3 of 4 The tanh is missing: off by …" in checks
    assert 'href="students/bob.html"' in index and 'href="grades.csv"' in index


def test_those_who_need_a_person_are_listed(pages):
    broken = ExerciseGrade("my_rnn", "An RNN", "broken", "The grader failed.", 0.0, 10.0, 0.1, [], [], [])
    index = pages(
        row("ada", points=10.0),
        row("near", points=4.9),
        row("flagged", points=9.0, flags=["no-recurrence"]),
        row("unread", points=0.0, status="invalid", message="the archive is broken", exercises=[]),
        row("ours", points=0.0, exercises=[broken], max_points=0.0),
        notes=["4711: a text entry: nothing to grade"],
    )["index.html"]
    told = section(index, "For manual review")
    for reason, who in {
        "internal error 1": "ours",
        "could not be read 1": "unread",
        "flagged 1": "flagged 90 %, no-recurrence",
        "near 50 % 1": "near 49 %",
        "Not graded 1": "4711: a text entry",
    }.items():
        assert f"{reason} {who}" in told
    assert "ada" not in told


def test_boundaries_and_title_are_the_courses(pages):
    settings = {"html_report": {"boundaries": [85], "title": "Spring term"}}
    index = pages(row("ada", points=8.4), row("bob", points=5.0), settings=settings)["index.html"]
    assert "near 85 % 1 ada" in section(index, "For manual review")
    assert "near 50 %" not in index and "<h1><bdi>Spring term</bdi></h1>" in index


def test_submissions_that_fail_alike_are_grouped(pages):
    """By what was said, whatever its numbers; the largest group first."""
    hint = "Gradients do not reach h_(t-1)."
    other = [
        ExerciseGrade(
            "my_rnn", "An RNN", "graded", None, 8.0, 10.0, 1.0, [], [], [verdict("one_step", 8.0, 10.0, hint)]
        )
    ]
    index = pages(
        *(row(f"a{number}", points=float(number)) for number in range(5)),
        *(row(f"b{number}", points=8.0, exercises=other) for number in range(3)),
        row("alone", points=9.5, exercises=[]),
    )["index.html"]
    alike = section(index, "Failing in the same way")
    assert alike.index("5 submissions: my_rnn: The tanh is missing") < alike.index("3 submissions: my_rnn: Gradients")
    assert "h_(t-1)" in alike and "alone" not in alike


def test_adjustments_and_lateness_are_shown(pages):
    index = pages(row("bob", late=True, points=8.0, adjustments=[Adjustment("late", -2.0)]))["index.html"]
    assert re.search(r"bob graded late 80 8 \(−2\)", section(index, "Everybody"))


def test_orders_are_rendered_before(pages):
    """There is no script: each order is a page, and says which one it is."""
    made = pages(row("ada", points=1.0), row("bob", points=9.0), row("eve", points=4.0, seconds=9.0))

    def order(name: str) -> list[str]:
        return re.findall(r'href="students/(\w+)\.html', made[f"by-{name}-1.html"])

    assert order("name") == ["ada", "bob", "eve"]
    assert order("points") == ["ada", "eve", "bob"]
    assert order("time") == ["eve", "ada", "bob"]
    assert "<strong>by points</strong>" in made["by-points-1.html"]


@pytest.mark.parametrize("many", [10, 300, 2000])
def test_a_class_of_any_size_stays_readable(pages, many):
    """No page grows beyond 400 kB; a large class is cut into pages that name each other."""
    chance = random.Random(3)
    made = pages(*(row(f"s{number:04}", points=round(chance.random() * 10, 2)) for number in range(many)))
    assert max(len(page) for page in made.values()) < 400_000
    listed = [name for name in made if name.startswith("by-name")]
    assert len(listed) == -(-many // 300)
    found = [student for name in listed for student in re.findall(r'href="students/(\w+)', made[name])]
    assert found == [f"s{number:04}" for number in range(many)]
    assert 'href="by-name-1.html"' in made["index.html"]
    assert ("s0005.html" in section_source(made["index.html"], "Everybody")) == (many <= 300)


def section_source(page: str, heading: str) -> str:
    return page.partition(f">{heading}</h2>")[2].partition("</section>")[0]


def test_an_empty_gradebook_has_a_page(pages):
    assert "0 students" in words(pages()["index.html"])


@pytest.mark.slow
def test_pages_are_readable_in_a_browser(pages, assert_readable, tmp_path):
    """In light, dark, at 320 px and on paper: nothing runs, nothing overflows, axe finds nothing; names are hostile."""

    def hostile() -> Iterator[Row]:
        yield row(
            "x1",
            name=HOSTILE,
            points=4.9,
            flags=["no-recurrence", "output-limit"],
            exercises=[
                ExerciseGrade(
                    "my_rnn",
                    "An RNN",
                    "graded",
                    HOSTILE,
                    4.9,
                    10.0,
                    1.0,
                    [],
                    [],
                    [verdict("one_step", 4.9, 10, HOSTILE)],
                )
            ],
        )
        yield row("x2", points=4.9, late=True, adjustments=[Adjustment(HOSTILE, -1.0)])
        yield row("x3", points=0.0, status="invalid", message=HOSTILE, exercises=[])
        yield from (row(f"s{number}", points=number / 6) for number in range(60))

    made = pages(*hostile(), notes=[HOSTILE])
    for name, page in made.items():
        (tmp_path / name).write_text(page)
    for name in ("index.html", "by-points-1.html"):
        assert_readable(tmp_path / name)
