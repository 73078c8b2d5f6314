"""Drawings of curves: ticks at round numbers, lines of few points that pass all others closely, and valid XML for
whatever a model computes."""

import ast
import importlib
import itertools
import math
import random
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.records.figures import Band, Curve, Level, Line, Mark

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "html_report"
LIBRARIES = {"grader", "jinja2", "msgspec"}
"""What the plugin needs beside Python itself."""


def load(course, name):
    return importlib.import_module(f"{course.reports['html'].page.__module__}.{name}")


@pytest.fixture(scope="module")
def drawing(course):
    return load(course, "drawing")


@pytest.fixture(scope="module")
def scales(course):
    return load(course, "scales")


@pytest.fixture(scope="module")
def simplify(course):
    return load(course, "simplify")


@pytest.fixture(scope="module")
def draw(drawing):
    """A curve on each paper, parsed."""

    def draw(curve):
        return [ElementTree.fromstring(drawing.draw(curve, paper, "c", "d")) for paper in drawing.PAPERS]

    return draw


def curve_of(*lines, **more):
    return Curve("t", "s", "x", "y", [Line(f"line {number}", *line) for number, line in enumerate(lines)], **more)


def points_of(path):
    """The places that a path goes to."""
    lengths = [float(length) for length in re.fullmatch(r"m([-.\d ]+)z?", path.get("d"))[1].split()]
    return list(zip(itertools.accumulate(lengths[::2]), itertools.accumulate(lengths[1::2]), strict=True))


def lines_of(root):
    """The paths of what was measured, without the samples beside their names and the shapes of points."""
    return [path for path in root.iterfind("path") if path.get("class") == "measured"][::2]


# Ticks


def digits(number):
    """The digits of a number without its zeros at the end: 25 for 0.0025."""
    return int("".join(map(str, Decimal(str(number)).normalize().as_tuple().digits)))


@given(
    low=st.floats(-1e100, 1e100),
    span=st.floats(1e-9, 1e9),
    most=st.integers(4, 12),
    whole=st.booleans(),
)
@example(low=0.0, span=1.0, most=7, whole=False)
@example(low=0.1, span=1e-8, most=7, whole=False)
@example(low=-1e100, span=2.0, most=5, whole=True)
def test_ticks_are_round_numbers_within_the_axis(scales, low, span, most, whole):
    """In order, at most so many, and multiples of 1, 2 or 5 times a power of ten."""
    high = low + span * max(abs(low), 1e-100)
    ticks = scales.round_ticks(low, high, most, whole)
    assert len(ticks) <= most
    assert all(low <= tick <= high for tick in ticks)
    assert all(before < after for before, after in itertools.pairwise(ticks))
    if len(ticks) > 1 and span > 1e-6:
        exact = [Decimal(str(tick)) for tick in ticks]
        [step] = {after - before for before, after in itertools.pairwise(exact)}
        assert digits(step) in (1, 2, 5)
        assert all(tick % step == 0 for tick in exact)
        assert not whole or step == int(step)
    if most >= 7 and not whole:
        assert len(ticks) >= 3


@given(low=st.floats(1e-100, 1e99), ratio=st.floats(1.5, 1e100), most=st.integers(7, 9))
@example(low=2.4, ratio=1.5625, most=7)
def test_logarithmic_ticks_are_round_numbers_within_the_axis(scales, low, ratio, most):
    """Powers of ten where these are enough."""
    ticks = scales.log_ticks(low, low * ratio, most)
    assert 2 <= len(ticks) <= most
    assert all(low <= tick <= low * ratio for tick in ticks)
    assert all(before < after for before, after in itertools.pairwise(ticks))
    if ratio >= 20:
        assert {digits(tick) for tick in ticks} <= ({1} if ratio >= 1000 else {1, 3})
    if ratio >= 1000:
        powers = [round(math.log10(tick)) for tick in ticks]
        [step] = {after - before for before, after in itertools.pairwise(powers)}
        assert digits(step) in (1, 2, 5)


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (0, 1, 7, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.05, 1.05, 7, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 0.3, 7, [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]),
        (0, 400, 9, [0, 50, 100, 150, 200, 250, 300, 350, 400]),
        (0, 400, 5, [0, 100, 200, 300, 400]),
        (-3, 4, 7, [-2, 0, 2, 4]),
        (99.9, 100.2, 4, [99.9, 100, 100.1, 100.2]),
    ],
)
def test_ticks_as_a_person_would_set_them(scales, low, high, most, ticks):
    """Each is the float that a person would write: 0.3, not what three times 0.1 is."""
    assert scales.round_ticks(low, high, most) == ticks


def test_steps_of_whole_numbers_are_whole(scales):
    """There is no epoch 0.5."""
    assert scales.round_ticks(0, 2, 9, whole=True) == [0, 1, 2]
    assert scales.round_ticks(0, 2, 9) == [0, 0.5, 1, 1.5, 2]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0009, 0.011, [0.001, 0.002, 0.005, 0.01]),
        (0.002, 0.2, [0.003, 0.01, 0.03, 0.1]),
        (0.8, 1.25e6, [1, 10, 100, 1000, 1e4, 1e5, 1e6]),
        (1e-10, 1, [1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1]),
        (2.4, 3.75, [2.4, 2.6, 2.8, 3, 3.2, 3.4, 3.6]),
    ],
)
def test_logarithmic_ticks_as_a_person_would_set_them(scales, low, high, ticks):
    assert scales.log_ticks(low, high, 7) == ticks


def test_ticks_do_not_touch(drawing):
    """Where lengths are close together, those that would touch the next one have no number."""
    curve = curve_of(([10, 11, 12, 1000], [1, 2, 3, 4]))
    made = drawing.Drawing(curve, drawing.PAPERS[1], "c", ElementTree.Element("svg"))
    assert made.x.ticks == [10, 11, 12, 1000]
    assert made.ticks == [12, 1000]


def test_round_ticks_have_room_and_one_step(drawing):
    """Where numbers would touch, the step is larger: no tick is missing between two others."""
    curve = curve_of((range(25, 1101, 25), [t / 1e5 for t in range(44)]), levels=[Level("of references", 0)])
    made = drawing.Drawing(curve, drawing.PAPERS[1], "c", ElementTree.Element("svg"))
    assert made.x.ticks == [200, 400, 600, 800, 1000]
    assert made.ticks == [500, 1000]


# Lines


def distance(point, start, end):
    """How far a point is from a straight line between two others."""
    (x, y), (left, top) = point, start
    across, down = end[0] - left, end[1] - top
    length = across**2 + down**2
    share = max(0.0, min(1.0, ((x - left) * across + (y - top) * down) / length)) if length else 0.0
    return math.hypot(x - left - share * across, y - top - share * down)


def assert_follows(kept, points):
    """Points of the line only, in its order, with both ends and the extremes, none farther than half a pixel."""
    rest = iter(points)
    assert all(point in rest for point in kept)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    for extreme in (min, max):
        assert extreme(y for _, y in kept) == extreme(y for _, y in points)
    pieces = list(itertools.pairwise(kept)) or [(kept[0], kept[0])]
    for point in points:
        near = [piece for piece in pieces if piece[0][0] - 0.5 <= point[0] <= piece[1][0] + 0.5]
        assert min(distance(point, *piece) for piece in near) <= 0.5 + 1e-9


places = st.integers(0, 4000).map(lambda place: place / 10) | st.floats(0, 400)
heights = st.sampled_from([0.0, 100.0, 100.3, 300.0]) | st.floats(0, 300)


@given(
    st.lists(st.tuples(places, heights), min_size=1, max_size=40).map(
        lambda points: sorted(points, key=lambda point: point[0])
    )
)
def test_a_simplified_line_passes_every_point_closely(simplify, points):
    assert_follows(simplify.simplified(points), points)


@given(st.integers(0), st.sampled_from([1.0, 0.1, 0.01]), st.floats(0, 50))
@settings(max_examples=30)
def test_a_simplified_training_passes_every_point_closely(simplify, seed, step, noise):
    """Many points to a pixel, and many pixels to a point."""
    chance = random.Random(seed)
    points = [(step * t, 150 * math.exp(-t / 100) + noise * chance.gauss(0, 1)) for t in range(400)]
    assert_follows(simplify.simplified(points), points)


def test_a_simplified_line_is_short(simplify):
    """What is straight has two points; noise has a few for each pixel, however long it is."""
    assert simplify.simplified([(t / 100, 3 * t) for t in range(40_000)]) == [(0, 0), (399.99, 119_997)]
    chance = random.Random(1)
    noise = [(t / 250, chance.uniform(0, 300)) for t in range(100_000)]
    assert len(simplify.simplified(noise)) < 10 * 400
    learning = [(t / 2, 300 * math.exp(-t / 100)) for t in range(800)]
    assert len(simplify.simplified(learning)) < 40


def test_a_peak_of_one_point_stays(draw):
    """However many points there are: an explosion of the error is what a student looks for."""
    ys = [1.0] * 50_000
    ys[20_123] = 9.0
    for root in draw(curve_of((range(50_000), ys))):
        [line] = lines_of(root)
        assert len(points_of(line)) < 10
        heights = [y for _, y in points_of(line)]
        assert max(heights) - min(heights) > 100


# Whole drawings

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -1.0, 5e-324, 1.7e308])
columns = st.lists(st.tuples(numbers, numbers), max_size=20).map(
    lambda points: ([x for x, _ in points], [y for _, y in points])
)
finite = st.floats(allow_nan=False, allow_infinity=False)


def assert_drawn(root, width, height):
    """What was drawn is on the paper, and every id is the chart's own."""
    for path in root.iterfind("path"):
        assert all(-1 < x < width + 1 and -1 < y < height + 1 for x, y in points_of(path))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) and all(id.startswith("c-") for id in ids)
    assert {use.get("href").removeprefix("#") for use in root.iter("use")} <= set(ids)
    numbers = [
        element.get(name) for element in root.iter() for name in ("d", "x", "y", "cx", "cy") if element.get(name)
    ]
    assert not [number for number in numbers if re.search(r"\.\d\d\d|e|n", number)]


@given(lines=st.lists(columns, max_size=3), level=finite, mark=finite, log_y=st.booleans(), text=st.text(max_size=9))
def test_any_numbers_and_any_text_can_be_drawn(draw, drawing, lines, level, mark, log_y, text):
    """Whatever a model computes, it is drawn on the paper, in valid XML."""
    bands = [Band(text, [mark, 2 * mark], [min(level, 0)] * 2, [max(level, 0)] * 2)]
    curve = curve_of(*lines, bands=bands, levels=[Level(text, level)], marks=[Mark(text, mark)], log_y=log_y)
    for root, paper in zip(draw(curve), drawing.PAPERS, strict=True):
        assert_drawn(root, paper.width, paper.height)


@pytest.mark.parametrize("log_y", [False, True])
@pytest.mark.parametrize(
    ("xs", "ys"),
    {
        "no point": ([], []),
        "one point": ([7], [0.5]),
        "one place": ([7] * 30, range(30)),
        "constant": (range(100), [0.25] * 100),
        "zero": (range(100), [0] * 100),
        "from 1e-300 to 1e300": (range(600), [10.0**power for power in range(-300, 300)]),
        "of both signs": (range(600), [(-10.0) ** power for power in range(-300, 300)]),
        "next to each other": ([0, 1], [1, 1 + 2**-52]),
        "far from zero": (range(1_000_000, 1_000_050), [1e9 + t for t in range(50)]),
        "long": (range(100_000), [math.sin(t * t) for t in range(100_000)]),
    }.values(),
)
def test_any_curve_can_be_drawn(draw, drawing, xs, ys, log_y):
    for root, paper in zip(draw(curve_of((xs, ys), log_y=log_y)), drawing.PAPERS, strict=True):
        assert_drawn(root, paper.width, paper.height)
        assert len(ElementTree.tostring(root)) < 60_000


def test_every_line_has_its_dashes_and_points(draw):
    """Five lines are told apart without colours; a line of many points ends in a dot."""
    few = draw(curve_of(*[([1, 2, 3], [number] * 3) for number in range(5)]))[0]
    assert len({path.get("stroke-dasharray") for path in lines_of(few)}) == 5
    assert len({path.get("d") for path in few.iterfind("defs/path")}) == 5
    assert not list(few.iter("circle"))
    many = draw(curve_of(*[(range(20), [number] * 20) for number in range(5)]))[0]
    assert len(list(many.iter("circle"))) == 5
    assert not list(many.iter("use"))


@given(st.lists(st.tuples(st.floats(0, 300), st.integers(5, 40)), max_size=7).map(sorted))
def test_labels_do_not_touch(drawing, labels):
    """They keep their order, stay inside, and stand where they want to if nothing is in the way."""
    wanted, sizes = [height for height, _ in labels], [size for _, size in labels]
    found = drawing.spread(wanted, sizes, 0, 300)
    edges = [(centre - size / 2, centre + size / 2) for centre, size in zip(found, sizes, strict=True)]
    assert all(top >= -1e-9 and bottom <= 300 + 1e-9 for top, bottom in edges)
    assert all(above[1] <= below[0] + 1e-9 for above, below in itertools.pairwise(edges))
    assert drawing.spread([100, 200], [20, 20], 0, 300) == [100, 200]


# What it needs


def test_the_plugin_needs_no_heavy_library():
    """A page is drawn by Python itself; only templates and records are libraries."""
    tops = set()
    for file in PLUGIN.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                tops |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                tops.add(node.module.split(".")[0])
    assert tops - sys.stdlib_module_names == LIBRARIES


@pytest.mark.slow
def test_a_page_reads_no_file_beside_a_submission(tmp_path):
    """The current folder may be a student's: nothing is configured or imported from there."""
    for name in ("matplotlibrc", "jinja2.py", "style.css", "theme.css", "parts.html"):
        (tmp_path / name).write_text("text.usetex: True\nraise SystemExit\n")
    program = f"""if True:
        import sys
        sys.path.remove("")
        from grader.course.loading import load_course
        from grader.course.settings import read_settings
        from grader.records.figures import Curve, Line, Matrix
        from grader.records.grade import Conditions, ExerciseGrade, Grade
        exercise = ExerciseGrade("a", "A", "graded", None, 0.0, 0.0, 1.0, [], [], [])
        grade = Grade(1, "ada", "graded", None, 0.0, 0.0, 0.0, "cpu", "strong", 7, 1.0, [], [exercise])
        figures = [Curve("t", "s", "x", "y", [Line("l", [1, 2], [3, 4])]), Matrix("t", "s", ["a"], [[1]])]
        page = load_course(read_settings(Path({str(ROOT)!r})), entry_points=False).reports["html"].page
        asked = []
        sys.addaudithook(lambda event, args: asked.append(str(args[0])) if event in ("open", "os.listdir") else None)
        print("<svg class" in page(grade, Conditions("", {{}}, {{}}, []), {{"a": figures}}))
        print([path for path in asked if Path.cwd() in Path(path).absolute().parents or path == str(Path.cwd())])
        print(any(path.endswith("submission.html") for path in asked), Path.cwd())
    """.replace("import sys\n", "import sys\n        from pathlib import Path\n", 1)
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["True", "[]", f"True {tmp_path}"]


@pytest.mark.slow
def test_submit_draws_without_matplotlib(tmp_path):
    """From the command to the page with a curve in it."""
    program = f"""if True:
        import sys
        from grader.cli.main import main
        submission = {str(ROOT / "solutions/my_rnn/truncated-gradient")!r}
        sys.argv[1:] = ["submit", submission, "--exercise", "my_rnn", "--seed", "1", "--output", "reports"]
        try:
            main()
        finally:
            print("drawn by:", *(name for name in sys.modules if name.endswith(".drawing")))
            print("heavy:", *({{"matplotlib", "PIL"}} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    drawn, heavy = done.stdout.splitlines()[-2:]
    assert "html_report.drawing" in drawn and heavy == "heavy:", done.stderr
    [page] = (tmp_path / "reports").glob("*.html")
    assert '<svg class="chart wide"' in page.read_text()
