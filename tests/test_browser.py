"""A real report in a real browser: it renders, nothing is refused by its own policy, nothing overflows a phone."""

import html
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from grader.figures import Cell, Curve, Line, Matrix, Samples, differing
from grader.records import Conditions, ExerciseGrade, Grade

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

WIDTHS = """<body><iframe id="page" style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<p id="result"></p><script>
const page = document.getElementById("page");
page.onload = () => {{
  const root = page.contentDocument.documentElement;
  const regions = page.contentDocument.querySelectorAll(".matrix, .samples");
  const wider = [...regions].filter(region => region.scrollWidth > region.clientWidth).length;
  document.getElementById("result").textContent =
    "scrolls " + root.scrollWidth + " of " + root.clientWidth + ", " + wider + " regions scroll";
}};
</script></body>"""


@pytest.fixture
def browse(tmp_path):
    """Run headless Chromium on a page; its standard output and error."""

    def run(page, *arguments):
        quiet = (
            "--disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
        )
        return subprocess.run(
            [
                *(
                    CHROMIUM,
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--hide-scrollbars",
                    "--enable-logging=stderr",
                ),
                *quiet.split(),
                f"--user-data-dir={tmp_path / 'profile'}",
                *arguments,
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    return run


@pytest.fixture
def report(cli, submission):
    """The report of a submission with a mistake, written by the real command."""
    mistake = (ROOT / "solutions" / "reversed-time" / "my_rnn.py").read_text()
    folder = submission({"my_rnn.py": mistake})
    cli("submit", folder, "--seed", 1, "--output", folder.parent / "out")
    return folder.parent / "out" / "ada.html"


def test_report_renders_without_a_word_from_the_browser(browse, report, tmp_path):
    picture = tmp_path / "report.png"
    result = browse(report, f"--screenshot={picture}", "--window-size=900,1400")
    assert "Refused to" not in result.stderr
    assert "CONSOLE" not in result.stderr
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (900, 1400)  # a PNG's width and height
    assert len(data) > 20_000  # an empty page packs to a few thousand bytes


@pytest.mark.parametrize("width", [320, 900])
def test_report_fits_its_window(browse, report, tmp_path, width):
    page = tmp_path / "harness.html"
    page.write_text(WIDTHS.format(width=width, page=html.escape(report.read_text())))
    result = browse(page, "--dump-dom", "--virtual-time-budget=3000")
    assert f"scrolls {width} of {width}" in result.stdout


@pytest.fixture
def evidence(course, tmp_path):
    """A page with a length sweep, a confusion matrix and samples, wider than a phone."""
    labels = ["Arabic", "Czech", "Dutch", "Greek", "Japanese", "Portuguese", "Russian"]
    counts = [[60 if row == column else 3 for column in range(7)] for row in range(7)]
    sweep = [Line(name, [10, 30, 50, 100], [0.01, 0.1, 0.5, 1.0]) for name in ("your model", "RNN", "LSTM", "GRU")]
    asked = [Cell("September 30, 2004"), Cell("2004-09-30"), differing("2004 09-3", "2004-09-30")]
    figures = [
        Curve("Lengths", "It forgets.", "sequence length", "mean squared error", sweep, log_y=True),
        Matrix("Confusion", "Most are right.", labels, counts),
        Samples("Dates", "None is right.", ["asked", "expected", "answered"], [asked, [Cell("x" * 300)] * 3]),
    ]
    exercise = ExerciseGrade("names", "Names", "graded", None, 0.0, 0.0, 1.0, [], [], [])
    grade = Grade(1, "ada", "graded", None, 0.0, 0.0, 0.0, "cpu", "strong", 7, 1.0, [], [exercise])
    page = tmp_path / "evidence.html"
    page.write_text(course.reports["html"].page(grade, Conditions("", {}, {}, []), {"names": figures}))
    return page


@pytest.mark.parametrize(("width", "wider"), [(320, 2), (900, 1)])
def test_wide_tables_scroll_by_themselves(browse, evidence, tmp_path, width, wider):
    """The page does not. Three long cells beside each other are wider than any column of text."""
    page = tmp_path / "harness.html"
    page.write_text(WIDTHS.format(width=width, page=html.escape(evidence.read_text())))
    result = browse(page, "--dump-dom", "--virtual-time-budget=3000")
    assert f"scrolls {width} of {width}, {wider} regions scroll" in result.stdout


def test_tables_are_drawn_without_a_word_from_the_browser(browse, evidence, tmp_path):
    result = browse(evidence, f"--screenshot={tmp_path / 'evidence.png'}", "--window-size=320,1400")
    assert "Refused to" not in result.stderr
    assert "CONSOLE" not in result.stderr
