"""Documents and folders that a gradebook is exported to, each read back by a parser that is not the exporter's."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.contributions import CannotExport, Exporting
from grader.records.grade import Adjustment, ExerciseGrade, Grade, Row, Verdict

ROOT = Path(__file__).parents[2]
HOSTILE = "\x1b[31m<b>&amp; ]]> \x00\x0b\ufffe\ud800 \"'\r\n\t=cmd()"


# Rows written by hand


def verdict(id, status="passed", points=2.0, most=2.0, message="As expected.", hint=None):
    return Verdict(id, f"Keeps `{id}`.", status, points, most, message, hint)


def attempt(id, *checks, status="graded", message=None, notes=()):
    points, most = sum(check.points for check in checks), sum(check.max_points for check in checks)
    return ExerciseGrade(id, f"The {id}", status, message, points, most, 1.5, [], list(notes), list(checks))


def row(student="ada", *exercises, name="", adjustments=(), status="graded", message=None, flags=(), **others):
    if status == "graded" and not exercises:
        exercises = [attempt("my_rnn", verdict("forward"), verdict("laws", "failed", 0.0))]
    counted = [exercise for exercise in exercises if exercise.status != "broken"]
    points = sum(exercise.points for exercise in counted)
    most = sum(exercise.max_points for exercise in counted) or 4.0
    percent = round(100 * points / most, 2)
    grade = Grade(
        1, student, status, message, points, most, percent, "cpu", "strong", 7, 12.25, list(flags), list(exercises)
    )
    counts = max(0.0, points + sum(change.points for change in adjustments))
    told = {"email": "", "when": None, "late": False, "content": "c0ffee", "attempt": 1, **others}
    return Row(
        student,
        name,
        told["email"],
        told["when"],
        told["late"],
        told["content"],
        grade,
        list(adjustments),
        counts,
        round(100 * counts / most, 2),
        told["attempt"],
    )


LATE = Adjustment("submitted 1 day late: 10 % of 4 points per day", -0.4)
ROWS = [
    row(
        "1001",
        attempt("my_rnn", verdict("forward"), verdict("laws", "partial", 0.5, message="Half.", hint="Try this.")),
        attempt("adding", verdict("curve", "error", 0.0, message="It raised.\nTraceback ..."), status="error"),
        name="Ada Łovelace",
        email="ada@example.org",
        when="2026-11-20T12:00:00+01:00",
        late=True,
        adjustments=[LATE],
        flags=["forbidden-layer", "protocol"],
    ),
    row(
        "1002",
        attempt("my_rnn", verdict("forward", "skipped", 0.0), status="broken", message="our fault"),
        attempt("adding", verdict("curve"), notes=["a note"]),
    ),
    row("1003", status="invalid", message="it contains no Python file"),
]


@pytest.fixture
def export(course):
    """Export rows in some format."""

    def run(format, rows=ROWS, *, into=None, column=None, page=None, sources=None):
        ids = dict.fromkeys(exercise.id for row in rows for exercise in row.grade.exercises)
        exporting = Exporting(
            rows=lambda: iter(rows),
            exercises=list(ids),
            page=page or (lambda row: f"<p>{row.student}</p>"),
            sources=sources or (lambda row: {"my_rnn.py": b"x = 1\n"}),
            into=into,
            column=column,
            settings={},
        )
        return course.exporters[format].export(exporting)

    return run


def strictly(document):
    def refuse(literal):
        raise AssertionError(f"{literal} is no JSON")

    return json.loads(document.decode("utf-8"), parse_constant=refuse)


def test_all_formats_are_there_and_say_what_they_are(course):
    formats = {"csv", "json", "junit", "gradescope", "canvas", "moodle", "moodle-feedback", "similarity"}
    assert formats <= set(course.exporters)
    assert all(course.exporters[name].about for name in formats)


# CSV


def table(document):
    return list(csv.reader(io.StringIO(document.decode("utf-8"), newline=""), strict=True))


def test_csv_has_the_contracts_columns(export):
    header, *rows = table(export("csv").document)
    assert header == ["submission", "status", "points", "max_points", "percent", "seed", "flags", "my_rnn", "adding"]
    assert rows[0] == ["1001", "graded", "2.1", "6", "35", "7", "forbidden-layer protocol", "2.5", "0"]
    assert rows[1] == ["1002", "graded", "2", "2", "100", "7", "", "", "2"]  # broken: blank
    assert rows[2] == ["1003", "invalid", "0", "4", "0", "7", "", "", ""]


def test_csv_is_rfc_4180(export):
    document = export("csv", [row('say "hi", please'), row("two\nlines")]).document
    assert document.endswith(b"\r\n")
    assert document.count(b"\r\n") == 3
    assert b'"say ""hi"", please"' in document
    assert not document.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_holds_no_formula(export, start):
    text = f'{start}HYPERLINK("http://example.org")'
    [_, [submission, _, points, *_]] = table(export("csv", [row(text, flags=[text])]).document)
    assert submission == f"'{text}"
    assert points == "2"
    [_, cells] = table(export("csv", [row("ada", flags=[text])]).document)
    assert cells[6] == f"'{text}"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_csv_brings_any_name_back(course, names):
    rows = [row(name) for name in names]
    exporting = Exporting(lambda: iter(rows), ["my_rnn"], str, dict, None, None, {})
    _, *found = table(course.exporters["csv"].export(exporting).document)
    assert len(found) == len(names)
    for cells, name in zip(found, names, strict=True):
        assert cells[0] in (name, f"'{name}")
        assert not cells[0].startswith(("=", "+", "-", "@", "\t", "\r"))
        assert len(cells) == 8


# JSON


def test_json_tells_each_grade_as_submit_does_and_who_and_when(export):
    told = strictly(export("json").document)
    assert list(told) == ["schema", "grades"]
    assert told["schema"] == 1
    first = told["grades"][0]
    own = ["schema", "submission", "status", "message", "points", "max_points", "percent", "device", "isolation"]
    own += ["seed", "seconds", "flags", "exercises"]
    ours = ["student", "name", "email", "when", "late", "adjustments", "counted_points", "counted_percent"]
    assert list(first) == own + ours
    assert first["points"] == 2.5  # the grade's own
    assert first["counted_points"] == 2.1
    assert first["counted_percent"] == 35.0
    assert first["adjustments"] == [{"reason": LATE.reason, "points": -0.4}]
    assert first["exercises"][0]["checks"][1]["hint"] == "Try this."
    assert (first["name"], first["when"], first["late"]) == ("Ada Łovelace", "2026-11-20T12:00:00+01:00", True)
    assert told["grades"][1]["when"] is None


def test_json_has_one_grade_a_line(export):
    lines = export("json").document.decode().splitlines()
    assert len(lines) == len(ROWS) + 2
    assert json.loads(lines[1].rstrip(","))["student"] == "1001"
    assert strictly(export("json", []).document) == {"schema": 1, "grades": []}


# JUnit


def suites(document):
    return list(ElementTree.fromstring(document))


def test_junit_has_a_suite_per_submission_and_a_case_per_check(export):
    first, second, third = suites(export("junit").document)
    assert first.attrib == {
        "name": "1001", "tests": "3", "failures": "1", "errors": "1", "skipped": "0", "time": "12.250"
    }  # fmt: skip
    told = {one.get("name"): one.get("value") for one in first.find("properties")}
    assert told == {
        "name": "Ada Łovelace", "status": "graded", "points": "2.1", "max_points": "6", "percent": "35", "seed": "7",
        "handed_in": "2026-11-20T12:00:00+01:00", "adjustment": f"-0.4: {LATE.reason}",
    }  # fmt: skip
    passed, partial, error = first.findall("testcase")
    assert (passed.get("classname"), passed.get("name")) == ("my_rnn", "forward")
    assert [child.tag for child in passed] == ["properties"]
    assert [(one.get("name"), one.get("value")) for one in partial.find("properties")] == [
        ("points", "0.5"),
        ("max_points", "2"),
    ]
    assert partial.find("failure").get("type") == "partial"
    assert partial.find("failure").text == "Half.\n\nTry this."
    assert error.find("error").get("message") == "It raised."
    assert second.find("testcase/skipped").get("type") == "skipped"
    assert (third.get("tests"), third.get("errors")) == ("1", "1")
    assert third.find("testcase/error").get("message") == "it contains no Python file"


@pytest.mark.parametrize("text", [HOSTILE, "a\u0000b", "\U0001f600 ü", "]]>", "<!--"])
def test_junit_is_well_formed_whatever_students_write(export, text):
    hostile = row(text, attempt("my_rnn", verdict("forward", "failed", 0.0, message=text, hint=text)), name=text)
    [suite] = suites(export("junit", [hostile]).document)
    kept = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", text)
    assert suite.get("name") == kept
    assert kept.strip().split("\r")[0].split("\n")[0] in suite.find("testcase/failure").text


# Gradescope


def test_gradescope_gets_one_document_for_one_row(export):
    exported = export("gradescope", ROWS[:1])
    assert exported.folder is None
    told = strictly(exported.document)
    assert told["score"] == 2.1
    assert told["execution_time"] == 12.25
    assert (told["visibility"], told["output_format"], told["test_output_format"]) == ("visible", "text", "text")
    assert told["output"] == f"-0.4 points: {LATE.reason}"
    first, second, third = told["tests"]
    assert first["status"] == "passed"
    assert second == {
        "name": "The my_rnn: Keeps `laws`.", "name_format": "text", "number": "1.2", "score": 0.5, "max_score": 2.0,
        "status": "failed", "output": "Half.\n\nWhat to try: Try this.", "output_format": "text",
        "visibility": "visible",
    }  # fmt: skip
    assert third["number"] == "2.1"


def test_gradescope_keys_are_those_of_the_format(export):
    """All that its specification names; every format in it is spelled out, and nothing is hidden."""
    top = {"score", "execution_time", "output", "output_format", "test_output_format", "test_name_format"}
    top |= {"visibility", "stdout_visibility", "extra_data", "tests", "leaderboard"}
    inner = {"score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags"}
    inner |= {"visibility", "extra_data"}
    told = strictly(export("gradescope", ROWS[:1]).document)
    assert set(told) <= top
    for test in told["tests"]:
        assert set(test) <= inner
        assert test["name_format"] == test["output_format"] == "text"


def test_gradescope_gets_a_folder_for_more_and_no_flags(export):
    files = dict(export("gradescope").folder)
    assert list(files) == ["1001/results.json", "1002/results.json", "1003/results.json"]
    assert not any(b"forbidden-layer" in content or b"protocol" in content for content in files.values())
    second = strictly(files["1002/results.json"])
    assert second["output"].split("\n") == [
        "The my_rnn: the grader could not judge this exercise; its points do not count.",
        "The adding: a note",
    ]
    assert [test["name"] for test in second["tests"]] == ["The adding: Keeps `curve`."]
    third = strictly(files["1003/results.json"])
    assert (third["score"], third["output"], third["tests"]) == (0.0, "it contains no Python file", [])


# Folders and their names


BAD_NAMES = ["../../etc", "a/b", "a\\b", "..", "", ".hidden", "CON", "nul.txt", "Ada", "ada", "=1", "-rf", "x" * 500]
BAD_NAMES += ["日" * 200, "name\n", "name\r", "tab\t", "trailing. ", "a:b", "\x00", "info.csv", "INFO.csv"]


def check_path(path):
    """A relative path that means the same file on any machine, and no more."""
    for part in path.split("/"):
        assert part not in ("", ".", "..")
        assert not re.search(r'[\x00-\x1f<>:"\\|?*]', part)
        assert not part.endswith((" ", "."))
        assert not part.startswith((".", "-", "="))
        assert not re.fullmatch(r"(?i)(con|nul|prn|aux|com\d|lpt\d)(\..*)?", part)
        assert len(part.encode()) <= 120


def test_folders_are_safe_and_nobody_shares_one(export):
    files = [path for path, _ in export("gradescope", [row(name) for name in BAD_NAMES]).folder]
    for path in files:
        check_path(path)
        assert path.count("/") == 1
    assert len({path.casefold() for path in files}) == len(BAD_NAMES)


def test_sources_stay_in_their_students_folder(export, tmp_path):
    hostile = {
        "../../evil.py": b"1", "/etc/passwd": b"2", "a": b"3", "a/b.py": b"4", "A/b.py": b"5", "c:\\x.py": b"6",
        "..": b"7", "deep/" * 30 + "x.py": b"8", "x?": b"9", "x_/y.py": b"10", "evil.py": b"11",
        "z/y.py": b"12", "z": b"13",
    }  # fmt: skip
    exported = export("similarity", [row(name) for name in BAD_NAMES], sources=lambda row: hostile)
    files = list(exported.folder)
    for path, content in files:
        check_path(path)
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as out:  # each is a new file, and no file is in the way of a folder
            out.write(content)
    assert len(files) == len(hostile) * len(BAD_NAMES) + 1
    tops = {path.split("/")[0] for path, _ in files} - {"info.csv"}
    assert len(tops) == len(BAD_NAMES)


def test_similarity_is_a_data_set_of_dolos(export):
    rows = [row("1001", name="=Ada", when="2026-11-20T12:00:00+01:00"), row("bob")]
    sources = {"my_rnn.py": b"one\n", "src/adding.py": b"\xff\xfe", "data.txt": b"no code"}
    exported = export("similarity", rows, sources=lambda row: sources)
    assert "no score" in " ".join(exported.notes)
    files = dict(exported.folder)
    assert files["1001/src/adding.py"] == b"\xff\xfe"  # bytes as they came
    assert "1001/data.txt" in files
    info = list(csv.DictReader(io.StringIO(files["info.csv"].decode(), newline="")))
    assert [line["filename"] for line in info] == [
        "1001/my_rnn.py", "1001/src/adding.py", "bob/my_rnn.py", "bob/src/adding.py"
    ]  # fmt: skip
    assert all(line["filename"] in files for line in info)
    assert (info[0]["full_name"], info[0]["created_at"]) == ("'=Ada", "2026-11-20T12:00:00+01:00")
    assert (info[2]["full_name"], info[2]["created_at"]) == ("bob", "")


def test_similarity_is_read_as_it_is_written(export):
    """No more than one submission's sources are held at once."""
    asked = []

    def sources(row):
        asked.append(row.student)
        return {"my_rnn.py": b""}

    files = iter(export("similarity", sources=sources).folder)
    assert asked == []
    next(files)
    assert asked == ["1001"]


# Moodle's feedback


def routed(path):
    """Which participant and plugin Moodle takes a feedback file for: its importer's rule, from its description."""
    folder, file = path.split("/")
    pieces = folder.split("_", 4)
    assert len(pieces) >= 4
    assert pieces[1].isdigit()
    return pieces[1], f"{pieces[2]}_{pieces[3]}", file


def test_feedback_leads_each_page_to_its_student(export):
    rows = [
        row("17", name="Ada_Maria  Łovelace"), row("18", name="../../x"), row("19"), row("20", name="日本 語"),
        row("21", name="Jr."), row("ada"),
    ]  # fmt: skip
    exported = export("moodle-feedback", rows)
    with zipfile.ZipFile(io.BytesIO(exported.document)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        pages = [archive.read(name).decode() for name in names]
    assert [routed(name) for name in names] == [
        (id, "assignfeedback_file", "report.html") for id in ("17", "18", "19", "20", "21")
    ]
    for name in names:
        check_path(name)
    assert names[0].startswith("Ada Maria Łovelace_17_")
    assert names[3].startswith("日本 語_20_")
    assert pages[0] == "<p>17</p>"
    assert "ada" in exported.notes[-1]


def test_feedback_is_the_same_for_the_same_gradebook(export):
    assert export("moodle-feedback").document == export("moodle-feedback").document


def test_feedback_needs_participant_numbers(export):
    with pytest.raises(
        CannotExport, match=r"no student key in the gradebook is a Moodle participant number.*found ada, bob;"
    ):
        export("moodle-feedback", [row("ada"), row("bob")])


# The README


def examples():
    return re.findall(r"```python\n(.*?)```", (ROOT / "plugins" / "README.md").read_text(), re.DOTALL)


def example(hook):
    [source] = [text for text in examples() if f"def {hook}(" in text]
    names = {"__name__": "example"}
    exec(source, names)
    return names[hook]


def test_readme_example_of_an_exporter_runs():
    [exporter] = example("grader_exporters")()
    exporting = Exporting(lambda: iter(ROWS), ["my_rnn"], str, dict, None, None, {})
    exported = exporter.export(exporting)
    assert exported.document.decode().splitlines() == ["1001: 2.1 of 6", "1002: 2 of 2", "1003: 0 of 4"]


def test_readme_example_of_an_adjustment_runs():
    from grader.records.grade import HandIn

    adjust = example("grader_adjustments")
    hand_in = HandIn("ada", "", None, False)
    assert adjust(ROWS[0].grade, hand_in, {}) == []
    assert adjust(ROWS[0].grade, hand_in, {"bonus": {"points": 1, "students": ["bob"]}}) == []
    [bonus] = adjust(ROWS[0].grade, hand_in, {"bonus": {"points": 1, "students": ["ada"]}})
    assert bonus.points == 1


# The commands

EXERCISE = '''"""Write `double(x)`: twice the tensor."""

import torch
from grader import Exercise, expect_close

exercise = Exercise("double", "Twice as much", statement=__doc__, names=["double"])


@exercise.check(points=4)
def doubles(student):
    """Returns twice its argument."""
    x = torch.ones(3)
    expect_close(student.call("double", x), 2 * x, "double(x)", tolerance=1e-6)
'''


@pytest.mark.slow
def test_a_download_of_canvas_comes_back_as_its_gradebook(invoke, tmp_path, submission):
    """Graded by the real command; Bob's is late, and the download says no more than that."""
    course = tmp_path / "course"
    (course / "exercises" / "double").mkdir(parents=True)
    (course / "exercises" / "double" / "__init__.py").write_text(EXERCISE)
    right = "def double(x):\n    return 2 * x\n"
    files = {"lovelaceada_101_1_double.py": right, "boolebob_LATE_102_2_double.py": right, "curie_103_3_notes.txt": "?"}
    download = submission(files, "cs_submissions")
    graded = invoke("batch", download, "--course", course, "--jobs", 1)
    assert graded.returncode == 0, graded.stderr
    policy = "[tool.grade.plugins.late_days]\nflat_percent = 25\n"
    (course / "pyproject.toml").write_text(policy)  # it may be set afterwards
    sheet = tmp_path / "export.csv"
    sheet.write_bytes(
        b"\xef\xbb\xbfStudent,ID,Section,Doubling (9)\r\n    Points Possible,,,4.00\r\n"
        b'"Lovelace, Ada",101,1,\r\n"Boole, Bob",102,1,\r\nCurie,103,1,\r\n"Dirac, Paul",104,1,\r\n'
    )
    filled = invoke("export", "canvas", "--into", sheet, "--output", tmp_path / "import.csv", "--course", course)
    assert filled.returncode == 0, filled.stderr
    assert "without a grade, unchanged: 104" in filled.stderr
    assert (tmp_path / "import.csv").read_bytes() == sheet.read_bytes().replace(b"101,1,", b"101,1,4").replace(
        b"102,1,", b"102,1,3"
    ).replace(b"103,1,", b"103,1,0")
    told = invoke("export", "csv", "--course", course)
    rows = table(told.stdout.encode())
    assert [(cells[0], cells[1], cells[2]) for cells in rows[1:]] == [
        ("101", "graded", "4"), ("102", "graded", "3"), ("103", "invalid", "0")
    ]  # fmt: skip
    (course / "pyproject.toml").write_text(policy.replace("25", "-25"))
    refused = invoke("export", "csv", "--course", course)
    assert refused.returncode == 3
    [line] = refused.stderr.splitlines()
    assert "[tool.grade.plugins.late_days]: flat_percent is -25" in line
