"""The student's page: what stands on it, in which order, and what can never get into it."""

import importlib
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.records.figures import Band, Cell, Curve, Level, Line, Mark, Matrix, Samples, differing
from grader.records.grade import Adjustment, Conditions, ExerciseGrade, Grade, Verdict

ROOT = Path(__file__).parents[2]
VOID = {"meta", "link", "img", "br", "hr", "input", "base", "source", "wbr", "col", "embed", "area", "track"}
BLOCKS = {"p", "pre", "ul", "ol", "dl", "div", "table", "section", "article", "h1", "h2", "h3", "header"}
INLINE = {"code", "bdi", "strong", "a", "span"}
CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{ 7 * 7 }} `</code><b>` &amp; </style>"
TRACEBACK = """forward raised RuntimeError:
Traceback (most recent call last):
  File "my_rnn.py", line 9, in forward
    return self.out(h) @ x
           ~~~~~~~~~~~~^~~
RuntimeError: <shapes> differ"""

CONDITIONS = Conditions(
    command="grade submit ada --seed 7",
    versions={"rnn-grader": "0.1.0", "torch": "2.13.0"},
    probes={"landlock": "ABI 7", "seccomp": "on"},
    notes=["The band was measured on a CPU."],
    error_rates=["`adding_problem.learns`: our reference solutions fell short in 0 of 100 runs."],
)
ADJUSTMENTS = [Adjustment("handed in `late`", -1.0), Adjustment("a bug found in the exercise", 0.25)]


# Grades written by hand


def verdict(id, status="passed", points=0.0, max_points=2.0, message="", hint=None):
    title = f"Keeps the promise of `{id}`."
    return Verdict(id, title, status, 2.0 if status == "passed" else points, max_points, message, hint)


def attempt(id, *checks, status="graded", message=None, notes=()):
    points, max_points = sum(check.points for check in checks), sum(check.max_points for check in checks)
    title = f"Exercise {id}"
    return ExerciseGrade(
        id, title, status, message, points, max_points, 1.2, ["output-limit"], list(notes), list(checks)
    )


def grade(*exercises, submission="ada", status="graded", message=None, max_points=None):
    counted = [exercise for exercise in exercises if exercise.status != "broken"]
    points = sum(exercise.points for exercise in counted)
    most = max_points or sum(exercise.max_points for exercise in counted)
    percent = round(100 * points / most, 2) if most else 0.0
    exercises = list(exercises)
    return Grade(
        1,
        submission,
        status,
        message,
        points,
        most,
        percent,
        "cpu",
        "strong",
        7,
        12.34,
        ["no-recurrence"],
        exercises,
    )


FAILED = verdict("state", "failed", message="h_n is all zeros", hint="Return `h`, not `h_0`.")
PERFECT = attempt("my_rnn", verdict("shapes"), verdict("forward", message="largest difference 3e-07"))
LEARNING = attempt(
    "adding_problem",
    verdict("batch"),
    verdict("learns", "partial", 0.5, message="error 0.05", hint="Is the mask read?"),
    FAILED,
    verdict("length", "skipped", message="needs state"),
    notes=["line 80 raised FileNotFoundError"],
)
RAISED = attempt("copy_first", verdict("runs", "error", message=TRACEBACK))
MISSING = attempt("names", verdict("a", "skipped"), status="missing", message="No `NameClassifier` was found.")
BROKEN = attempt("dates", verdict("b", "skipped"), status="broken", message="KeyError in a check")
DISALLOWED = attempt("my_rnn", verdict("c", "skipped"), status="disallowed", message="`nn.RNN` was used.")
CRASHED = attempt(
    "copy_first",
    verdict("runs"),
    verdict("learns", "error", message="killed", hint="Is there a loop without end?"),
    status="crashed",
    message="Its process died.",
)
STEPS = list(range(0, 350, 25))
LEARNING_CURVE = Curve(
    title="Learning",
    sentence="Your model reached an error of 0.0032; full marks need 0.01.",
    x_label="training steps",
    y_label="mean squared error",
    lines=[Line("your model", STEPS, [0.17 * 0.73**count for count in range(14)])],
    bands=[Band("reference solutions", [0, 200, 400], [0.15, 0.01, 0.002], [0.18, 0.03, 0.003])],
    levels=[Level("trivial baseline", 0.167), Level("full marks", 0.01)],
    marks=[Mark("stopped at step 325", 325)],
    log_y=True,
)
GRADIENTS = Curve("Gradients", "They do not vanish.", "training steps", "norm", [Line("your model", STEPS, STEPS)])
CONFUSION = Matrix(
    title="Confusion",
    sentence="Your model names 11 of 20 names rightly.",
    labels=["Czech", "Dutch", "Greek"],
    counts=[[8, 2, 0], [9, 1, 0], [0, 0, 0]],
)
DATES = Samples(
    title="Dates",
    sentence="1 of 3 dates is right.",
    columns=["asked", "expected", "answered"],
    rows=[
        [Cell("1 May 2024"), Cell("2024-05-01"), differing("2024-05-01", "2024-05-01")],
        [Cell("7 May 2024"), Cell("2024-05-07"), differing("2024 05-10", "2024-05-07")],
        [Cell("30 May 2024"), Cell("2024-05-30"), differing("2024-05-3", "2024-05-30")],
    ],
)
EVIDENCE = {"adding_problem": [LEARNING_CURVE, GRADIENTS, CONFUSION, DATES]}


def curve_with(word):
    """A curve that has this word wherever it can have one."""
    return Curve(
        *(word, word, word, word, [Line(word, [1, 2], [3, 4]), Line(word, [1], [math.nan])]),
        *([Band(word, [1, 2], [1, 2], [2, 3])], [Level(word, 5)], [Mark(word, 1)]),
    )


NASTY = attempt("x", verdict("x", "failed", message=HOSTILE, hint=HOSTILE), message=HOSTILE, notes=[HOSTILE])
TAME = attempt("x", verdict("x", "failed", message="a `b` c", hint="a `b` c"), message="a `b` c", notes=["a `b` c"])

GRADES = {
    "perfect": grade(PERFECT),
    "mixed": grade(PERFECT, LEARNING, RAISED, MISSING, BROKEN),
    "missing": grade(MISSING),
    "broken": grade(PERFECT, BROKEN),
    "disallowed": grade(DISALLOWED),
    "crashed": grade(PERFECT, CRASHED),
    "hostile": grade(NASTY, submission=HOSTILE),
    "invalid": grade(status="invalid", message="The archive is encrypted.", max_points=20.0),
}


# Reading a page


class Reader(HTMLParser):
    """A page as (tag, attributes), its text by tag, and whatever is not well formed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.faults = [], [], []
        self.text, self.texts = "", {}
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in BLOCKS and "p" in self.open:
            self.faults.append(f"<{tag}> inside <p>")
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")
        if tag not in INLINE:
            self.text += " "  # as the eye sees it: what stands beside or below is another word

    def handle_data(self, data):
        if "style" not in self.open and "title" not in self.open:
            self.text += data
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def attributes(self, name):
        return [attributes[name] for _, attributes in self.tags if name in attributes]


@pytest.fixture(scope="module")
def plugin(course):
    """The plugin's module, loaded as a course loads it."""
    return sys.modules[course.reports["html"].page.__module__]


@pytest.fixture(scope="module")
def render(plugin):
    [writer] = plugin.grader_reports([ROOT / "reports"])
    assert writer.name == "html"
    return lambda grade, evidence=EVIDENCE, **more: writer.page(grade, CONDITIONS, evidence, **more)


@pytest.fixture(scope="module")
def tables(plugin):
    return importlib.import_module(f"{plugin.__name__}.tables")


def squeeze(text):
    return " ".join(text.split())


def assert_in_order(text, *parts):
    """Each part stands in the text after the one before it."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not in {text[at:]!r}"
        at = found + len(part)


# Every page


@pytest.mark.parametrize("name", GRADES)
def test_page_is_well_formed(render, name):
    """Every tag is closed in its order, ids are unique, and links lead somewhere on the page."""
    page = render(GRADES[name])
    reader = Reader(page)
    assert page.lstrip().startswith("<!doctype html>")
    assert reader.faults == []
    ids = reader.attributes("id")
    assert len(ids) == len(set(ids))
    assert {href.removeprefix("#") for href in reader.attributes("href")} <= set(ids)
    assert set(reader.attributes("aria-labelledby")) <= set(ids)


@pytest.mark.parametrize("name", GRADES)
def test_page_is_self_contained(render, name):
    """No script and nothing from elsewhere: the page says so, and contains nothing that would try."""
    page = render(GRADES[name])
    reader = Reader(page)
    tags = {tag for tag, _ in reader.tags}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "base", "image"})
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": CSP}) in reader.tags
    assert all(href.startswith("#") for href in reader.attributes("href"))
    for _, attributes in reader.tags:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "srcset", "style", "action")]
    [style] = reader.texts["style"]
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("name", GRADES)
def test_page_can_be_read_by_everybody(render, name):
    """Language, width, captions, scopes, and a shape that is hidden from readers of the word beside it."""
    reader = Reader(render(GRADES[name]))
    assert ("html", {"lang": "en"}) in reader.tags
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in reader.tags
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("caption") == tags.count("table")
    assert all(caption.strip() for caption in reader.texts.get("caption", []))
    assert all(attributes.get("scope") for tag, attributes in reader.tags if tag == "th")
    ids = set(reader.attributes("id"))
    for attributes in (attributes for tag, attributes in reader.tags if tag == "svg"):
        described = {attributes.get("aria-labelledby"), attributes.get("aria-describedby")} <= ids
        assert attributes.get("aria-hidden") or (attributes["role"] == "img" and described)
    assert tags.count("h1") == 1


def test_page_hides_flags(render):
    """Flags are for the instructor."""
    page = render(GRADES["mixed"])
    assert "no-recurrence" not in page
    assert "output-limit" not in page


# Order and words


def test_page_tells_in_order(render):
    """Name and points, the one thing to fix, the exercises with their checks, and how it was graded."""
    words = squeeze(Reader(render(GRADES["mixed"])).text)
    assert_in_order(
        words,
        "ada",
        "6.5 of 16 points",
        "40.62 %",
        "graded",
        "What to fix first",
        "Exercise adding_problem",
        "Keeps the promise of learns.",
        "error 0.05",
        "Is the mask read?",
        "Total",
        "6.5 of 16",
        "Exercise my_rnn",
        "4 of 4 points",
        "passed",
        "Exercise adding_problem",
        "partial",
        "0.5 of 2",
        "failed",
        "h_n is all zeros",
        "Return h, not h_0.",
        "skipped",
        "needs state",
        "line 80 raised FileNotFoundError",
        "How it was graded",
        "strong: namespaces of its own",
        "landlock ABI 7",
        "cpu",
        "7",
        "12.3 seconds",
        "torch 2.13.0",
        "The band was measured on a CPU.",
        "grade submit ada --seed 7",
        "How often learning checks err",
        "adding_problem.learns: our reference solutions fell short in 0 of 100 runs.",
    )
    assert "Adjustments" not in words


def test_adjustments_stand_between_evidence_and_conditions(render):
    """Each with its reason; what counts is told there and at the top, and never falls below 0."""
    words = squeeze(Reader(render(GRADES["mixed"], adjustments=ADJUSTMENTS)).text)
    assert_in_order(
        words,
        "ada 5.75 of 16 points 35.94 %",
        "Total 6.5 of 16",
        "Evidence",
        "Adjustments",
        "The checks 6.5 of 16",
        "handed in late −1",
        "a bug found in the exercise +0.25",
        "What counts 5.75 of 16",
        "How it was graded",
    )
    words = squeeze(Reader(render(GRADES["mixed"], adjustments=[Adjustment("copied", -20)])).text)
    assert_in_order(words, "ada 0 of 16 points 0 %", "copied −20", "What counts 0 of 16")


def first(render, name):
    words = squeeze(Reader(render(GRADES[name])).text).partition("What to fix first ")[2]
    return re.split(" Exercises | How it was graded", words)[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("perfect", "Nothing: every check passed."),
        ("missing", "Exercise names missing No NameClassifier was found."),
        ("disallowed", "Exercise my_rnn disallowed nn.RNN was used."),
        ("broken", "Nothing on your side. The grader failed on an exercise. Please tell your instructor."),
        ("invalid", "The submission could not be read. The archive is encrypted."),
        (
            "crashed",
            "Exercise copy_first Keeps the promise of learns. Its process died. Hint Is there a loop without end?",
        ),
    ],
)
def test_first_to_fix_is_one_thing(render, name, words):
    """What stopped the first exercise that is not perfect; nothing that is not the student's."""
    assert first(render, name) == words


def test_broken_exercise_is_an_internal_error(render):
    """It says whose mistake it was, and that it does not count."""
    words = squeeze(Reader(render(GRADES["broken"])).text)
    assert_in_order(words, "4 of 4 points", "Exercise dates broken not counted", "Total 4 of 4")
    assert_in_order(words, "The grader itself failed here. This is not your mistake", "KeyError in a check")


def test_messages_keep_their_shape(render):
    """A traceback is code, line by line; the sentence before it is a sentence."""
    reader = Reader(render(grade(RAISED)))
    sentence, _, code = TRACEBACK.partition("\n")
    assert sentence in reader.texts["p"]
    assert reader.texts["pre"].count(code) == 2  # in what to fix first, and at its check
    [style] = reader.texts["style"]
    assert re.search(r"^pre, \.prose \{ white-space: pre-wrap; \}$", style, re.MULTILINE)


# Evidence


def test_evidence_stands_after_the_exercises(render):
    """Each exercise leads to its own: title, sentence, a drawing for wide and one for narrow pages, and the numbers."""
    page = render(GRADES["mixed"])
    reader = Reader(page)
    words = squeeze(reader.text)
    assert_in_order(
        words,
        "line 80 raised FileNotFoundError",
        "What was measured: Learning, Gradients, Confusion, Dates",
        "Exercise copy_first",
        "Evidence Exercise adding_problem",
        "Learning Your model reached an error of 0.0032; full marks need 0.01.",
        "stopped at step 325",
        "trivial baseline: 0.167 full marks: 0.01 stopped at step 325",
        "Learning in numbers training steps your model reference solutions 0 0.17 0.15 to 0.18 25 0.124",
        "325 0.00284 0.005 to 0.0131",
        "Gradients They do not vanish.",
        "Confusion Your model names",
        "Dates 1 of 3",
        "How it was graded",
    )
    assert "#evidence-adding_problem" in reader.attributes("href")
    classes = [attributes.get("class") for tag, attributes in reader.tags if tag == "svg"]
    assert [name for name in classes if name.startswith("chart")] == ["chart wide", "chart narrow"] * 2
    assert "<figure>" not in render(GRADES["mixed"], None)


def test_drawings_take_the_look_of_the_page(render):
    """Well-formed, of no fixed size, in the page's ink and fonts, and described."""
    drawings = re.findall(r'<svg class="chart.*?</svg>', render(GRADES["mixed"]), re.DOTALL)
    assert len(drawings) == 4
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert set(root.attrib) & {"width", "height", "viewBox"} == {"viewBox"}
        assert [root[0].tag, root[1].tag] == ["title", "desc"]
        assert root[0].text and root[1].text
        tags = {element.tag for element in root.iter()}
        assert tags <= {"svg", "title", "desc", "defs", "path", "use", "circle", "text"}
        paints = {element.get(name) for element in root.iter() for name in ("fill", "stroke")} - {None}
        assert paints == {"currentColor", "none"}
        assert not re.search("font-family|style=|http|<!|<?xml|clip-path", drawing)
        texts = [element.text for element in root.iter("text")]
        assert "training steps" in texts


def test_what_is_not_finite_is_told(render):
    """A training that diverged does not look like a short one."""
    line = Line("your model", [0, 1, 2], [1, math.inf, math.nan])
    lost = Line("seed 2", [0, 1], [math.nan, math.nan])
    text = Reader(render(grade(PERFECT), {"my_rnn": [Curve("t", "s", "x", "y", [line, lost])]})).text
    assert "your model: 2 values are not finite and not shown." in text
    assert "seed 2: no finite value." in text


def test_zero_on_a_logarithmic_axis_is_told(render):
    """Gradients that vanished are evidence too; without anything above zero, the axis is not logarithmic."""
    some, none = (Curve("t", "s", "x", "y", [Line("a", [0, 1], ys)], log_y=True) for ys in ([1, 0], [0, 0]))
    assert "drawn at the lower edge" in render(grade(PERFECT), {"my_rnn": [some]})
    assert "drawn at the lower edge" not in render(grade(PERFECT), {"my_rnn": [none]})


def test_table_has_at_most_twenty_rows(render):
    """From the first point to the last."""
    line = Line("your model", range(1000), range(1000))
    rows = Reader(render(grade(PERFECT), {"my_rnn": [Curve("t", "s", "x", "y", [line])]})).texts["tr"]
    rows = [squeeze(row) for row in rows[-20:]]
    assert (rows[0], rows[-1], len(set(rows))) == ("00", "999999", 20)
    assert "x your model" not in rows


@pytest.mark.parametrize(("count", "places"), [(3, ["10", "30", "50"]), (6, ["10", "30", "50", "70", "90", "110"])])
def test_few_places_have_a_tick_and_a_point_each(render, count, places):
    """A sweep over lengths is read at these lengths, and its lines are told apart without colours."""
    xs = [10 + 20 * number for number in range(count)]
    lines = [Line(f"line {number}", xs, [10.0**-number] * count) for number in range(5)]
    page = render(grade(PERFECT), {"my_rnn": [Curve("t", "s", "length", "y", lines, log_y=True)]})
    root = ElementTree.fromstring(re.search(r'<svg class="chart wide.*?</svg>', page, re.DOTALL)[0])
    texts = [element.text for element in root.iter("text")]
    assert [text for text in texts if text in places] == places
    assert len(list(root.iter("use"))) == 5 * (count + 1)  # a point each, and one in each sample beside its name
    drawn = [element for element in root.iter("path") if element.get("stroke-width") in ("2.5", "1.75")]
    assert len({element.get("stroke-dasharray") for element in drawn}) == 5


# Tables


def part(page, name):
    """The figure whose region has this name."""
    return next(
        figure for figure in re.findall("<figure>.*?</figure>", page, re.DOTALL) if f'aria-label="{name}"' in figure
    )


def test_a_matrix_is_a_table(render):
    """Counts under the names of the classes, shaded by their share of the row; what is right is framed."""
    reader = Reader(part(render(grade(PERFECT), {"my_rnn": [CONFUSION]}), "Confusion"))
    assert reader.faults == []
    assert_in_order(
        squeeze(reader.text),
        "Confusion Your model names 11 of 20 names rightly.",
        "Rows: true class. Columns: answered.",
        "9 of 20 are on the diagonal. The most frequent mistake: Dutch taken for Czech, 9 times.",
        "true class answered right Czech Dutch Greek Czech 8 2 0 80 % Dutch 9 1 0 10 % Greek 0 0 0 –",
    )
    classes = [attributes["class"] for tag, attributes in reader.tags if tag == "td"]
    assert classes == [
        *("shade4 right", "shade1", "none", "sum"),
        *("shade5", "shade1 right", "none", "sum"),
        *("none", "none", "none right", "sum"),
    ]
    scopes = [attributes["scope"] for tag, attributes in reader.tags if tag == "th"]
    assert scopes == ["col", "colgroup", "col", "col", "col", "col", "row", "row", "row"]


def test_samples_are_a_table_with_marks(render):
    """Around each character that differs and no other, with a sign for white space, and in words."""
    figure = part(render(grade(PERFECT), {"my_rnn": [DATES]}), "Dates")
    reader = Reader(figure)
    assert reader.faults == []
    assert "2 of 3 rows have marks." in reader.text
    assert reader.texts["mark"] == ["␣", "10", ""]
    assert '<code class="sample">2024<mark>␣</mark>05-<mark>10</mark></code>' in figure
    assert '<code class="sample">2024-05-3<mark class="gap"></mark></code>' in figure
    assert "(character 5 differs, characters 9 to 10 differ)" in reader.text
    assert "(text is missing after character 9)" in reader.text
    assert [attributes["scope"] for tag, attributes in reader.tags if tag == "th"] == ["col"] * 3 + ["row"] * 3


def test_tables_can_be_scrolled_with_a_keyboard(render):
    """Each is in a region that has a name and takes the focus."""
    reader = Reader(render(GRADES["mixed"]))
    regions = [attributes for _, attributes in reader.tags if attributes.get("role") == "region"]
    names = ["Learning in numbers", "Gradients in numbers", "Confusion", "Dates"]
    assert [region["aria-label"] for region in regions] == names
    assert all(region["tabindex"] == "0" for region in regions)


def test_large_tables_are_cut_and_say_so(render):
    """Classes, rows, columns and characters have a number that fits a page."""
    matrix = Matrix("m", "s", [f"class {number}" for number in range(22)], [[1] * 22] * 22)
    rows = [[Cell("x" * 250, [(0, 1), (199, 201), (240, 240)])] * 9] * 21
    samples = Samples("w", "s", [f"column {number}" for number in range(9)], rows)
    page = render(grade(PERFECT), {"my_rnn": [matrix, samples]})
    shown = Reader(part(page, "m"))
    assert "4 more classes are not shown." in shown.text
    assert [tag for tag, _ in shown.tags].count("tr") == 20
    assert "class 18" not in shown.text
    assert "5 %" in shown.text  # of all 22, not of those shown
    shown = Reader(part(page, "w"))
    assert "1 more row is not shown." in shown.text
    assert "1 more column is not shown." in shown.text
    assert shown.texts["mark"] == ["x", "x"] * 8 * 20
    assert f"{'x' * 200} … (50 more characters)" in shown.texts["code"]
    assert "not shown" not in Reader(render(grade(PERFECT), {"my_rnn": [CONFUSION, DATES]})).text


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_answer_can_be_shown(tables, answer, expected):
    """The text is there as it is, but for white space that differs."""
    cell = differing(answer, expected)
    [[text]] = tables.samples(Samples("t", "s", ["a"], [[cell]])).rows
    shown = "".join(piece.text for piece in text.pieces)
    assert len(shown) == len(answer)
    for at, (found, character) in enumerate(zip(shown, cell.text, strict=True)):
        marked = any(start <= at < end for start, end in cell.marks)
        assert found == character or (marked and (character.isspace() or not character.isprintable()))
    assert [piece.text != "" for piece in text.pieces if piece.differs] == [start < end for start, end in cell.marks]


# Text that students control


def test_hostile_evidence_stays_text(render):
    """Letter for letter in a title, and no tag that a tame curve has not."""
    hostile = Reader(render(grade(PERFECT), {"my_rnn": [curve_with(HOSTILE)]}))
    tame = Reader(render(grade(PERFECT), {"my_rnn": [curve_with("tame")]}))
    names = [[tag for tag, _ in reader.tags if tag not in ("code", "text")] for reader in (hostile, tame)]
    assert names[0] == names[1]
    assert hostile.faults == []
    assert HOSTILE in hostile.texts["title"]
    assert hostile.texts["th"].count(HOSTILE) == 4


def test_hostile_tables_stay_text(render):
    """Letter for letter in a cell and, as far as it is shown, in a label; no tag that a tame one has not."""

    def tags(word):
        matrix = Matrix(word, word, [word], [[1]], word, word, word)
        samples = Samples(word, word, [word], [[Cell(word, [(0, 3)])]], word)
        reader = Reader(render(grade(PERFECT), {"my_rnn": [matrix, samples]}))
        assert reader.faults == []
        return reader, [tag for tag, _ in reader.tags if tag != "code"]

    hostile, found = tags(HOSTILE)
    assert found == tags("tame")[1]
    assert HOSTILE in hostile.texts["code"]
    assert hostile.texts["mark"] == [HOSTILE[:3]]
    assert f"{HOSTILE[:56]} ..." in hostile.texts["span"]


@pytest.mark.parametrize(
    "text", ["$x^2", r"$\frac{1}{$ costs 5$", "a\x00\x1b[31mb", "\ud800", "損失", "", " ", "x" * 300]
)
def test_odd_text_can_be_drawn(render, text):
    """No character that XML cannot hold and no empty name stops a report."""
    line, band = Line(text, [1, 2], [3, 4]), Band(text, [1, 2], [1, 2], [2, 3])
    curve = Curve(text, text, text, text, [line], [band], [Level(text, 5)], [Mark(text, 1), Mark(text, 2)])
    page = render(grade(PERFECT), {"my_rnn": [curve]})
    for drawing in re.findall(r'<svg class="chart.*?</svg>', page, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_hostile_text_stays_text(render):
    """The page has the same tags whatever the text says, and the text is there, letter for letter."""
    hostile = Reader(render(grade(NASTY, submission=HOSTILE)))
    tame = Reader(render(grade(TAME)))
    assert hostile.tags == tame.tags
    as_code = HOSTILE.replace("`", "")
    assert hostile.texts["h1"] == [HOSTILE]
    assert hostile.text.count(as_code) >= 5  # message and hint at the top and at the check, message, note


def test_lone_surrogates_do_not_stop_a_report(render):
    """What UTF-8 cannot write is replaced."""
    assert "ada?" in render(grade(PERFECT, submission="ada\udc80")).encode("utf-8").decode()


@pytest.mark.parametrize("letter", ['"', "損"])
def test_a_page_is_never_too_large(render, letter):
    """Whatever is written everywhere, and however its letters are written in HTML: texts are cut, and say so."""
    long = letter * 4000
    checks = [verdict(f"check{number}", "error", message=long, hint=long) for number in range(15)]
    exercises = [attempt(f"exercise{number}", *checks, message=long, notes=[long] * 100) for number in range(5)]
    rows = [[Cell(letter * 200)] * 8] * 20
    many = [LEARNING_CURVE, GRADIENTS, Samples("Words", "s", list("abcdefgh"), rows), CONFUSION, DATES]
    page = render(grade(*exercises), {exercise.id: many for exercise in exercises})
    assert len(page.encode()) < 400_000
    words = squeeze(Reader(page).text)
    assert "more characters)" in words
    assert all(check.title.replace("`", "") in words for exercise in exercises for check in exercise.checks)
    assert "more characters)" not in render(GRADES["mixed"])


# Templates and style


def test_course_looks_before_the_bundled_one(plugin, tmp_path):
    """The folders are searched in order, file by file: a course may bring only its own style."""
    (tmp_path / "style.css").write_text("h1 { color: teal }")
    [writer] = plugin.grader_reports([tmp_path, ROOT / "reports"])
    page = writer.page(GRADES["perfect"], CONDITIONS)
    assert "h1 { color: teal }" in page
    assert "Exercise my_rnn" in page


def test_course_adds_to_the_look(plugin, tmp_path):
    """A `theme.css` stands after the bundled style, and is all a course needs for another colour."""
    (tmp_path / "theme.css").write_text(":root { --accent: #7a1f5c; }")
    [writer] = plugin.grader_reports([tmp_path, ROOT / "reports"])
    [style] = Reader(writer.page(GRADES["perfect"], CONDITIONS)).texts["style"]
    assert_in_order(style, "--accent: #1f4e79;", "--accent: #7a1f5c;")


def test_course_overrides_a_block(plugin, tmp_path):
    """Its template extends the bundled one; what it does not name stays, and pieces can be used."""
    (tmp_path / "submission.html").write_text(
        """{% extends "bundled/submission.html" %}
{% block head %}<p>Deep Learning, spring</p>{{ super() }}{% endblock %}
{% block conditions %}{{ parts.state("graded") }} {{ parts.score(points, grade.max_points) }}{% endblock %}
"""
    )
    [writer] = plugin.grader_reports([tmp_path, ROOT / "reports"])
    words = squeeze(Reader(writer.page(GRADES["mixed"], CONDITIONS, EVIDENCE)).text)
    assert_in_order(words, "Deep Learning, spring", "ada 6.5 of 16 points", "Exercise my_rnn", "Evidence")
    assert words.endswith("0 of 100 runs.")
    assert "How it was graded" not in words


def test_documented_names_are_those_there_are(plugin):
    """Blocks, macros, colours and values in the README of reports, no more and no fewer."""
    reports = ROOT / "reports"
    readme = (reports / "README.md").read_text()
    found = {
        heading: set(re.findall(r"^\| `([-\w]+)", text, re.MULTILINE))
        for heading, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    }
    pages = [(reports / name).read_text() for name in ("page.html", "submission.html")]
    assert found["Blocks"] == {name for page in pages for name in re.findall(r"{% block (\w+)", page)}
    assert found["Macros"] == set(re.findall(r"{% macro (\w+)", (reports / "parts.html").read_text()))
    [colours, _] = re.findall(r":root \{(.*?)\}", (reports / "style.css").read_text(), re.DOTALL)
    assert found["Colours and type"] == set(re.findall(r"^  (--\w+):", colours, re.MULTILINE))
    import jinja2.meta

    environment = plugin.make_environment([reports])
    source = environment.parse((reports / "submission.html").read_text())
    assert found["Values"] == jinja2.meta.find_undeclared_variables(source) - {"parts", "isolation", "exercise"}


def test_template_with_an_unknown_name_is_an_error(plugin, tmp_path):
    """A misspelt name does not print as nothing."""
    import jinja2

    (tmp_path / "submission.html").write_text("{{ grade.point }}")
    [writer] = plugin.grader_reports([tmp_path])
    with pytest.raises(jinja2.UndefinedError, match="point"):
        writer.page(GRADES["perfect"], CONDITIONS)


@pytest.mark.slow
def test_nothing_is_imported_before_it_is_needed():
    """Starting the command does not pay for templates, nor a page for drawings or tables that it does not have."""
    program = """if True:
        import importlib.util, sys
        from grader.records.figures import Curve, Line, Matrix
        from grader.records.grade import Conditions, Grade
        at = "plugins/html_report"
        spec = importlib.util.spec_from_file_location("report", at + "/__init__.py", submodule_search_locations=[at])
        sys.modules["report"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        def show():
            watched = "jinja2", "report.drawing", "report.simplify", "report.tables", "report.class_pages"
            print(*(name for name in watched if name in sys.modules))
        [writer] = module.grader_reports(["reports"])
        show()
        grade = Grade(1, "ada", "graded", None, 0.0, 0.0, 0.0, "cpu", "strong", 7, 1.0, [], [])
        for evidence in ({"a": []}, {"a": [Matrix("t", "s", ["a"], [[1]])]}, {"a": [Curve("t", "s", "x", "y", [])]}):
            writer.page(grade, Conditions("", {}, {}, []), evidence)
            show()
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    drawn = "report.drawing report.simplify"
    expected = ["", "jinja2", "jinja2 report.tables", f"jinja2 {drawn} report.tables"]
    assert done.stdout.splitlines() == expected


def test_readme_examples_run():
    """What the README of plugins shows can be copied into a file as it stands."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "plugins" / "README.md").read_text(), re.DOTALL)
    exercises, reports = ({"__name__": "example"} for _ in range(2))
    exec(examples[0], exercises)
    exec(examples[1], reports)
    assert [exercise.id for exercise in exercises["grader_exercises"]()] == ["doubling"]
    [writer] = reports["grader_reports"]([])
    assert writer.page(GRADES["perfect"], CONDITIONS) == "ada: 4.0 of 4.0\n"


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_contrast(scheme):
    """WCAG 2.2 AA: 4.5 to 1 for text, on both backgrounds, in light and dark."""
    light, dark = re.findall(r":root \{(.*?)\}", (ROOT / "reports" / "style.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", light if scheme == "light" else dark))
    for ink in ("ink", "quiet", "accent", "good", "some", "bad", "fault"):
        for ground in ("paper", "raised"):
            low, high = sorted((luminance(colours[ink]), luminance(colours[ground])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{ink} on {ground}, {scheme}"
    for ground in ("shade1", "shade2", "shade3", "shade4", "shade5", "mark"):
        low, high = sorted((luminance(colours["ink"]), luminance(colours[ground])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"ink on {ground}, {scheme}"


def test_no_style_of_a_part_is_that_of_a_state():
    """Classes named after states style the word of the state and nothing else: each is declared with all its kin."""
    style = (ROOT / "reports" / "style.css").read_text()
    states = ("graded", "missing", "skipped", "broken", "failed", "passed", "partial", "error", "timeout", "crashed")
    for state in states:
        for rule in re.findall(rf"^[^\n{{]*\.{state}\b[^{{]*{{[^}}]*}}", style, re.MULTILINE):
            assert "display" not in rule and "width" not in rule, rule
