"""Sheets of Canvas and Moodle: grades go into their cells, and no other byte changes."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.contributions import CannotExport, Exporting
from grader.records.grade import ExerciseGrade, Grade, Row

BOM = b"\xef\xbb\xbf"


def row(student, points=15.0, most=20.0, *, broken=False):
    exercises = [ExerciseGrade("x", "X", "broken", "our fault", 0, 0, 0, [], [], [])] if broken else []
    percent = 100 * points / most if most else 0.0
    grade = Grade(1, student, "graded", None, points, most, percent, "cpu", "strong", 7, 1.0, [], exercises)
    return Row(student, "", "", None, False, "c0ffee", grade, [], points, percent, 1)


@pytest.fixture
def fill(course):
    """Fill a sheet; text is taken as UTF-8. Returns what was exported."""

    def run(format, sheet, *rows, column=None):
        into = sheet.encode() if isinstance(sheet, str) else sheet
        exporting = Exporting(lambda: iter(rows), ["x"], str, dict, into, column, {})
        return course.exporters[format].export(exporting)

    return run


def pieces(data, delimiter):
    """A sheet as RFC 4180 describes it, read letter by letter: for each row its cells' bytes, and the bytes between."""
    position = 3 if data.startswith(BOM) else 0
    rows, cells, between, cell, is_quoted = [], [], [data[:position]], b"", False
    while position < len(data):
        letter = data[position : position + 1]
        if letter == b'"' and (is_quoted or not cell):
            is_quoted = not is_quoted
            cell += letter
        elif letter == b'"' and cell.startswith(b'"'):  # the second of two quotes
            is_quoted = True
            cell += letter
        elif not is_quoted and letter in (delimiter, b"\r", b"\n"):
            if letter == b"\r" and data[position : position + 2] == b"\r\n":
                letter = b"\r\n"
            cells.append(cell)
            between.append(letter)
            cell = b""
            if letter != delimiter:
                rows.append(cells)
                cells = []
            position += len(letter) - 1
        else:
            cell += letter
        position += 1
    if cell or cells:
        rows.append([*cells, cell])
    return rows, between


def changed(before, after, delimiter=b","):
    """The cells that differ, by row and column, with their new bytes; all else is the same, byte for byte."""
    old, old_between = pieces(before, delimiter)
    new, new_between = pieces(after, delimiter)
    assert old_between == new_between
    assert [len(cells) for cells in old] == [len(cells) for cells in new]
    return {
        (number, column): new[number][column]
        for number, cells in enumerate(old)
        for column, cell in enumerate(cells)
        if cell != new[number][column]
    }


# Canvas

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Notes,RNNs (4711),Essay (4712),Assignments Current Points,"
    "Final Score\r\n"
    ",,,,,,Manual Posting,,,\r\n"
    "    Points Possible,,,,,,20.00,10.00,(read only),(read only)\r\n"
    '"Lovelace, Ada",101,S1,ada,"CS, 1",,,9.00,9.00,\r\n'
    '"Boole, ""Bob""",102,S2,bob@example.org,CS 2,=1+1,12.50,,12.50,\r\n'
    "Curie,103,S3,curie,CS 2,,EX,,,\r\n"
    "Dirac,104,S4,dirac,CS 2,, 3 ,,,\r\n"
    '"Student, Test",199,,f00,CS 2,,,,0.00,\r\n'
)


def test_canvas_fills_only_the_cells_of_those_who_have_a_grade(fill):
    exported = fill("canvas", CANVAS, row("101", 15), row("102", 17.256), column="RNNs")
    assert changed(CANVAS.encode(), exported.document) == {(3, 6): b"15", (4, 6): b"17.26"}
    notes = "\n".join(exported.notes)
    assert "a different grade was replaced: 102" in notes
    assert "without a grade, unchanged: 103, 104, 199" in notes


@pytest.mark.parametrize("column", ["RNNs", "RNNs (4711)", " RNNs "])
def test_canvas_knows_a_column_with_or_without_its_id(fill, column):
    assert changed(CANVAS.encode(), fill("canvas", CANVAS, row("101"), column=column).document) == {(3, 6): b"15"}


def test_canvas_matches_by_id_then_sis_id_then_login_and_never_by_name(fill):
    rows = [row("101", 1), row("S2", 2), row("dirac", 4), row("Curie", 5), row("Student, Test", 6), row("x\ny", 7)]
    exported = fill("canvas", CANVAS, *rows, column="RNNs")
    assert changed(CANVAS.encode(), exported.document) == {(3, 6): b"1", (4, 6): b"2", (6, 6): b"4"}
    assert "not in the sheet, not written: Curie, Student, Test, x?y" in exported.notes


def test_canvas_leaves_whom_it_cannot_tell_alone(fill):
    sheet = CANVAS.replace("S4", "101")  # Dirac's SIS ID is Ada's ID
    exported = fill("canvas", sheet, row("101"), row("102"), column="RNNs")
    assert changed(sheet.encode(), exported.document) == {(4, 6): b"15"}
    assert "the ID of one student and the SIS ID of another in the sheet, not written: 101" in exported.notes


def test_canvas_fills_a_student_in_each_of_their_sections(fill):
    sheet = CANVAS + '"Lovelace, Ada",101,S1,ada,CS 2,,,9.00,9.00,\r\n'
    exported = fill("canvas", sheet, row("101"), column="RNNs")
    assert changed(sheet.encode(), exported.document) == {(3, 6): b"15", (8, 6): b"15"}


def test_canvas_leaves_the_excused_alone_and_says_so(fill):
    exported = fill("canvas", CANVAS, row("103"), row("104", 3), column="RNNs")
    assert exported.document == CANVAS.encode()  # the other cell says 3 already
    assert "excused in the sheet, unchanged: 103" in exported.notes


def test_canvas_scales_to_the_sheets_points_and_says_so(fill):
    exported = fill("canvas", CANVAS, row("101", 15), row("102", 20), row("104", 22), column="Essay")
    assert changed(CANVAS.encode(), exported.document) == {(3, 7): b"7.5", (4, 7): b"10", (6, 7): b"11"}
    assert "scaled from 20 points to the sheet's 10" in exported.notes
    assert "more than the sheet's maximum, which the LMS may refuse: 104" in exported.notes


def test_canvas_without_points_possible_is_not_scaled(fill):
    sheet = "".join(line for line in CANVAS.splitlines(True) if "Possible" not in line)
    exported = fill("canvas", sheet, row("101"), column="Essay")
    assert changed(sheet.encode(), exported.document) == {(2, 7): b"15"}
    assert "no Points Possible for 'Essay (4712)'" in exported.notes[0]


def test_canvas_says_where_the_grader_failed(fill):
    exported = fill("canvas", CANVAS, row("101", 5, 10, broken=True), row("102", 0, 0, broken=True), column="RNNs")
    assert changed(CANVAS.encode(), exported.document) == {(3, 6): b"10"}
    notes = "\n".join(exported.notes)
    assert "whose points do not count: grade them again: 101" in notes
    assert "nothing could be judged, not written: grade them again: 102" in notes


def test_canvas_takes_the_only_assignment(fill):
    sheet = CANVAS.replace("Essay (4712)", "Overview Final Score")
    assert changed(sheet.encode(), fill("canvas", sheet, row("101")).document) == {(3, 6): b"15"}


def test_canvas_of_a_site_with_semicolons_and_decimal_commas(fill):
    sheet = CANVAS.replace('"CS, 1"', "CS 1").replace('"Lovelace, Ada"', "'L'").replace('"Student, Test"', "T")
    sheet = sheet.replace('"Boole, ""Bob"""', '"B; ""B"""').replace(",", ";").replace("20.00", "20,00")
    exported = fill("canvas", sheet, row("101", 15.5), row("102", 12.5), column="RNNs")
    assert changed(sheet.encode(), exported.document, b";") == {(3, 6): b"15,5"}  # 12.50 stood there, and stays


def test_canvas_quotes_a_decimal_comma_among_commas(fill):
    sheet = CANVAS.replace("20.00", '"20,00"')
    exported = fill("canvas", sheet, row("101", 15.5), row("102", 16), column="RNNs")
    assert changed(sheet.encode(), exported.document) == {(3, 6): b'"15,5"', (4, 6): b"16"}


def test_canvas_keeps_quotes_and_knows_thousands(fill):
    sheet = CANVAS.replace("12.50", '"12.50"').replace("20.00", '"2,000.00"')
    exported = fill("canvas", sheet, row("102", 12.5), column="RNNs")
    assert changed(sheet.encode(), exported.document) == {(4, 6): b'"1250"'}


def test_canvas_with_names_in_two_columns(fill):
    sheet = "LastName,FirstName,ID,SIS Login ID,Section,RNNs (1)\n    Points Possible,,,,,20\nL,Ada,101,ada,1,\n"
    assert changed(sheet.encode(), fill("canvas", sheet, row("101")).document) == {(2, 5): b"15"}


def test_canvas_row_that_ends_early_is_told(fill):
    sheet = CANVAS + "Short,105,S5,short,CS 2\r\n"
    exported = fill("canvas", sheet, row("105"), column="RNNs")
    assert exported.document == sheet.encode()
    assert "their row in the sheet is too short, not written: 105" in exported.notes


@pytest.mark.parametrize(
    "sheet, column, said",
    [
        (None, "RNNs", "export the gradebook in Canvas"),
        (b"", None, "is empty"),
        (BOM, None, "is empty"),
        ("Name,Grade\nAda,1\n", None, "not a Canvas gradebook, whose"),
        ("Student,ID,RNNs (1)\nAda,1,\n", None, "no column Section"),
        (CANVAS.encode("utf-16"), None, "not a text file"),
        (CANVAS, None, "choose the assignment with --column; the sheet has 'RNNs (4711)', 'Essay (4712)'"),
        (CANVAS, "RNN", "no column 'RNN'; it has 'RNNs (4711)', 'Essay (4712)'"),
        (CANVAS, "Final Score", "computed by Canvas"),
        (CANVAS, "ID", "no column 'ID'"),
        (
            CANVAS.replace("Essay", "RNNs"),
            "RNNs",
            "more than one column is called 'RNNs': 'RNNs (4711)', 'RNNs (4712)'",
        ),
        (CANVAS.replace('"CS, 1"', '"CS, 1'), "RNNs", "line 4: an unclosed quote, or text after a closing quote"),
        (CANVAS + '"open', "RNNs", "line 9: an unclosed quote, or text after a closing quote"),
    ],
)
def test_canvas_says_what_does_not_fit(fill, sheet, column, said):
    with pytest.raises(CannotExport) as told:
        fill("canvas", sheet, row("101"), column=column)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


# Any sheet at all

NAMES = st.text(st.one_of(st.sampled_from("\",;\r\n'=\té日 "), st.characters(exclude_categories=["Cs"])), max_size=8)


@st.composite
def gradebooks(draw):
    """A gradebook of Canvas's in bytes, however it was saved, and the points of some of its students."""
    end, delimiter = draw(st.sampled_from(["\r\n", "\n", "\r"])), draw(st.sampled_from([",", ";"]))
    names = draw(st.lists(st.tuples(NAMES, NAMES, st.booleans()), max_size=6))
    points = {str(1000 + number): draw(st.integers(0, 2000)) / 100 for number, one in enumerate(names) if one[2]}

    def cell(text):
        needs = any(letter in text for letter in f'"\r\n{delimiter}')
        return '"' + text.replace('"', '""') + '"' if needs or draw(st.booleans()) else text

    lines = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Notes", "RNNs (1)", "Final Score"],
        ["    Points Possible", "", "", "", "", "", "20", "(read only)"],
        *[[name, str(1000 + number), "", "", "1", notes, "", ""] for number, (name, notes, _) in enumerate(names)],
    ]
    text = end.join(delimiter.join(map(cell, line)) for line in lines) + draw(st.sampled_from([end, ""]))
    return draw(st.sampled_from([b"", BOM])) + text.encode(), delimiter, points


@given(gradebooks())
def test_canvas_changes_the_grades_and_no_other_byte(course, drawn):
    sheet, delimiter, points = drawn
    sheet = sheet.replace(b"\0", b"0")  # no text file holds one
    rows = [row(student, earned) for student, earned in points.items()]
    exporting = Exporting(lambda: iter(rows), ["x"], str, dict, sheet, None, {})
    document = course.exporters["canvas"].export(exporting).document
    found = changed(sheet, document, delimiter.encode())
    assert {(number, column) for number, column in found} == {(int(key) - 998, 6) for key in points}
    text = document.decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    told = {line[1]: line[6] for line in read[2:] if line[6]}
    assert {key: float(text.replace(",", ".")) for key, text in told.items()} == points


@given(
    st.binary(max_size=200) | st.text('",;\r\n a1', max_size=60).map(str.encode), st.sampled_from(["canvas", "moodle"])
)
def test_whatever_is_given_is_filled_or_refused_in_words(course, sheet, format):
    exporting = Exporting(lambda: iter([row("1")]), ["x"], str, dict, sheet, None, {})
    try:
        exported = course.exporters[format].export(exporting)
    except CannotExport as problem:
        assert "\n" not in str(problem)
    else:
        assert exported.document


# Moodle

ENGLISH = (
    '\ufeffIdentifier,"Full name","ID number","Email address",Status,Grade,"Maximum grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\r\n'
    '"Participant 17","Ada Lovelace",7,a@example.org,Submitted,,20.00,Yes,"Friday, 20 November 2026, 11:59 PM",-,\r\n'
    '"Participant 18","Bob ""B"" Boole",8,b@example.org,Submitted,12.50,20.00,Yes,-,-,"a\r\nb"\r\n'
    '"Participant 19",Curie,9,c@example.org,"No submission",,20.00,Yes,-,-,\r\n'
)
GERMAN = (
    '\ufeffID,"Vollständiger Name","E-Mail-Adresse",Status,Gruppe,Bewertung,Bestwertung,'
    '"Bewertung kann geändert werden",'
    '"Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)","Feedback als Kommentar"\r\n'
    '"Teilnehmer/in 17","Ada Lovelace",a@example.org,Abgegeben,1,,"10,00",Ja,-,-,\r\n'
    '"Teilnehmer/in 18","Bob Boole",b@example.org,Abgegeben,1,"7,50","10,00",Ja,-,-,\r\n'
)
CHINESE = (
    "编号,全名,状态,分数,最高分,可以更改成绩,最后修改（提交）,最后修改（成绩）\n"
    "参与者17,Ada,已提交,,20.00,是,-,-\n"
    "参与者18,Bob,已提交,-,20.00,是,-,-\n"
)


def test_moodle_fills_the_grade_and_no_other_byte(fill):
    exported = fill("moodle", ENGLISH, row("17", 15.256), row("18", 16), row("99"))
    assert changed(ENGLISH.encode(), exported.document) == {(1, 5): b"15.26", (2, 5): b"16"}
    notes = "\n".join(exported.notes)
    assert "not in the sheet, not written: 99" in notes
    assert "unchanged: 19" in notes
    assert "scaled" not in notes


def test_moodle_in_another_language_with_decimal_commas(fill):
    exported = fill("moodle", GERMAN, row("17", 17), row("18", 15))
    assert changed(GERMAN.encode(), exported.document) == {(1, 5): b'"8,5"'}  # 7,50 stands there already
    assert "scaled from 20 points to the sheet's 10" in exported.notes


def test_moodle_in_a_language_it_was_never_told_of(fill):
    exported = fill("moodle", CHINESE, row("17", 17), row("18", 15))
    assert changed(CHINESE.encode(), exported.document) == {(1, 3): b"17", (2, 3): b"15"}
    assert "'分数' was filled: the column before the maximum, '最高分'" in exported.notes


def test_a_byte_order_mark_before_a_quote_is_no_letter(fill):
    sheet = ENGLISH.replace("\ufeffIdentifier", '\ufeff"Identifier, or so"')
    assert changed(sheet.encode(), fill("moodle", sheet, row("17"), column="Grade").document) == {(1, 5): b"15"}


def test_moodle_keeps_an_old_encoding(fill):
    sheet = GERMAN.replace("\ufeff", "").encode("cp1252")
    exported = fill("moodle", sheet, row("17", 17))
    assert changed(sheet, exported.document) == {(1, 5): b'"8,5"'}


def test_moodle_fills_the_column_it_is_told(fill):
    sheet = GERMAN.replace("Bestwertung", "M")
    exported = fill("moodle", sheet, row("17", 17), column="bewertung")
    assert changed(sheet.encode(), exported.document) == {(1, 5): b'"8,5"'}


def test_moodle_column_without_a_maximum_is_not_scaled(fill):
    exported = fill("moodle", ENGLISH, row("17", 17), column="ID number")
    assert changed(ENGLISH.encode(), exported.document) == {(1, 2): b"17"}
    assert "no maximum follows the column 'ID number': points are not scaled" in exported.notes


@pytest.mark.parametrize(
    "sheet, column, said",
    [
        (None, None, "Download grading worksheet"),
        ("", None, "is empty"),
        ("Name,Grade,Max\nAda,1,2\n", None, "no first cell ends in a participant number"),
        (ENGLISH, "Points", "no column 'Points'; it has 'Full name', 'ID number'"),
        (ENGLISH.replace("20.00", '"Poor, Good"').replace("Maximum grade", "Scale"), None, "not scales"),
        (ENGLISH.replace("Participant 18", "Participant 17"), None, "participants more than once: 17"),
        (ENGLISH.replace("Maximum grade", "Grade"), "Grade", "more than one column 'Grade'"),
    ],
)
def test_moodle_says_what_does_not_fit(fill, sheet, column, said):
    with pytest.raises(CannotExport) as told:
        fill("moodle", sheet, row("17"), column=column)
    assert said in str(told.value)
    assert "\n" not in str(told.value)
