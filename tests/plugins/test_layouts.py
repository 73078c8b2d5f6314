"""Downloads as they are told in the LMS's own sources, read by the layouts that the course brings."""

import os
import re
import string
import sys
import unicodedata
from datetime import datetime
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.intake.pattern_layout import layout_by_pattern
from grader.plugin import BadDownload, Collected, Upload

ROOT = Path(__file__).parents[2]
CODE = "class MyRNN: ..."

CANVAS = {
    "doejane_1001_5001_my_rnn.py": CODE,
    "doejane_1001_5002_my notes (final).txt": "",
    "doejane_LATE_1002_5003_my_rnn.py": CODE,  # the same name, another student
    "garcíaluís_late_1003_5004_my_rnn-2.py": CODE,
    "李小龍_1004_5005_答案.ipynb": "{}",
    "शर्मामीरा_1005_5006_my_rnn.py": CODE,  # vowel signs are no letters, and stay
    "_1006_5007_my_rnn.py": CODE,  # nothing is left of the name
    "nolan_1007_text.html": "",
    "olga_LATE_1008_link.html": "",
    "__MACOSX/._doejane_1001_5001_my_rnn.py": "",
    ".DS_Store": "",
}
CANVAS_ANONYMOUS = {
    "anon_Ab3xY_5001_my_rnn.py": CODE,
    "LATE_anon_Zz9aa_5002_my_rnn.py": CODE,
    "anon_LATE_Qq1ww_5003_my_rnn.py": CODE,
    "anon_77777_5004_my_rnn.py": CODE,
    "anon_Tt2tt_text.html": "",
}
MOODLE = {
    "Jane Doe_2001_assignsubmission_file/my_rnn.py": CODE,
    "Jane Doe_2002_assignsubmission_file/code/my_rnn.py": CODE,
    "José Ñúñez-O'Brien_2003_assignsubmission_file/my_rnn.py": CODE,
    "王 小明_2004_assignsubmission_file/my_rnn.py": CODE,
    "Jane Doe_2001_assignsubmission_onlinetext/onlinetext.html": "",
    "Jane Doe_2001_assignfeedback_file/report.html": "",
    "__MACOSX/x": "",
}
MOODLE_OLD = {
    f"{name.partition('/')[0]}_/{name.partition('/')[2]}": text for name, text in MOODLE.items() if "_2" in name
}
MOODLE_FLAT = {
    "Jane Doe_2001_assignsubmission_file_my_rnn.py": CODE,
    "Jane Doe_2001_assignsubmission_file_my_notes_2.txt": "",
    "Jane Doe_2002_assignsubmission_file_x_99_assignsubmission_file_y.py": CODE,
    "Ana Núñez_2003_assignsubmission_onlinetext_onlinetext.html": "",
}
MOODLE_BLIND = {f"Teilnehmerin_{n}_assignsubmission_file/my_rnn.py": CODE for n in (31, 32)}
MOODLE_TEAMS = {
    "Red team_51_assignsubmission_file/my_rnn.py": CODE,
    "Grupo predeterminado_assignsubmission_file/my_rnn.py": CODE,
}
METADATA = """\
    ---
    submission_11:
      :submitters:
      - :name: Jane Doe
        :sid: 3001
        :email: jane@example.edu
      :created_at: 2026-01-15 10:22:33.123456789 -08:00
      :score: 3.0
      :status: processed
      :results:
        :output: |
          submission_99:
            :submitters:
            - :sid: forged
        tests: [{score: 1.0, output: "x"}]
      :history:
      - :id: 5
        :submitters:
        - :name: Somebody
          :sid: 9999
    submission_12:
      :created_at: '2026-01-16T01:02:03Z'
      :submitters:
      - :name: Jane Doe
        :sid: '007'
        :email: other@example.edu
      - :name: Łukasz Żak
        :email: lukasz@example.edu
    submission_13:
      :submitters:
      - :name: Nobody Known
        :sid:
        :email: ~
      :created_at: yesterday
    submission_14:
      :submitters: []
    submission_15:
      :score: 1.0
    submission_16:
      :submitters:
      - :sid: 3006
    """
GRADESCOPE = {
    "submission_metadata.yml": dedent(METADATA),
    **{f"submission_{n}/my_rnn.py": CODE for n in (11, 12, 13, 14, 15, 17)},
    "__MACOSX/._submission_metadata.yml": "",
}
BLACKBOARD = {
    "RNN_from scratch_jdoe_attempt_2026-01-15-10-22-33_my_rnn.py": CODE,
    "RNN_from scratch_jdoe_attempt_2026-01-15-10-22-33_other.py": CODE,
    "RNN_from scratch_jdoe_attempt_2026-01-15-10-22-33.txt": "Name: Jane Doe (jdoe)",
    "RNN_from scratch_jdoe_attempt_2026-01-17-08-00-00_my_rnn.py": CODE,
    "RNN_from scratch_jdoe_attempt_2026-01-17-08-00-00.txt": "",
    "RNN_from scratch_msmith_attempt_2026-01-16-09-00-00_HW_x_attempt_2020-01-01-00-00-00_y.txt": "",
    "RNN_from scratch_empty_attempt_2026-01-16-09-00-00.txt": "",
}
GIT = {f"{name}/{file}": "" for name in ("ada", "grace") for file in (".git/HEAD", ".git/config", "my_rnn.py")}
CLASSROOM = {f"hw-1-{name}/{file}": "" for name in ("ada-l", "grace") for file in (".git/HEAD", "my_rnn.py")}
CLASSROOM50 = {
    f"dl-rnn-{name}/{file}": "{}"
    for name in ("ada-l", "grace", "new")
    for file in ("result.json", "results.json", "my_rnn.py")
} | {
    "scores.csv": "username,first_name,last_name,email,section,score\n"
    "Ada-L,Ada,Lovelace,ada@example.edu,A,1\nl,Le,,,A,\ngrace,Grace,Hopper,,A,\ngrace,Grace,Hopper,,A,\n"
}
PLAIN = {
    "ada/my_rnn.py": CODE,
    "grace.py": CODE,
    "jane.ipynb": "{}",
    "jane_LATE_resubmission_2.zip": "",
    "josé.py": CODE,
    "ada.zip": "",
    "notes.txt": "",
    "grade-report/index.html": "",
    "__pycache__/x.pyc": "",
    ".venv/x.py": "",
    "Thumbs.db": "",
    "__MACOSX/._ada": "",
}
FIXTURES = {
    "canvas": (CANVAS, "DL-101-rnn_submissions", "canvas"),
    "canvas-anonymous": (CANVAS_ANONYMOUS, "submissions", "canvas"),
    "canvas-wrapped": ({f"submissions/{name}": text for name, text in CANVAS.items()}, "x", "canvas"),
    "moodle": (MOODLE, "DL-RNN-4711", "moodle"),
    "moodle-old": (MOODLE_OLD, "DL-RNN-4711", "moodle"),
    "moodle-flat": (MOODLE_FLAT, "DL-RNN-4711", "moodle"),
    "moodle-blind": (MOODLE_BLIND, "DL-RNN-4711", "moodle"),
    "moodle-teams": (MOODLE_TEAMS, "DL-RNN-4711", "moodle"),
    "moodle-of-clones": ({f"A B_{n}_assignsubmission_file/.git/HEAD": "" for n in (1, 2)}, "x", "moodle"),
    "gradescope": (GRADESCOPE, "assignment_7_export", "gradescope"),
    "gradescope-wrapped": (
        {f"assignment_7_export/{name}": text for name, text in GRADESCOPE.items()},
        "x",
        "gradescope",
    ),
    "gradescope-of-clones": (
        GRADESCOPE | {f"submission_{n}/.git/HEAD": "" for n in (11, 12, 13, 14)},
        "x",
        "gradescope",
    ),
    "blackboard": (BLACKBOARD, "gradebook_DL_RNN_2026-01-18", "blackboard"),
    "git": (GIT, "clones", "git"),
    "classroom": (CLASSROOM, "hw-1-submissions", "git"),
    "classroom50": (CLASSROOM50, "dl-rnn_submissions_2026_01_15_T_10_22_33", "git"),
    "plain": (PLAIN, "class", None),
    "numbered": ({f"lab_1_2_{name}.py": CODE for name in ("ada", "bob")}, "class", None),
    "named": (
        {f"{name}/{file}": "" for name in ("doe_jane_1", "a_2") for file in ("my_rnn.py", "result.json")},
        "x",
        None,
    ),
    "words": ({"attempt_1.py": "", "my_attempt_2026.py": "", "assignsubmission.py": "", "anon_1.py": ""}, "x", None),
    "empty": ({}, "x", None),
}


@pytest.fixture
def lay(tmp_path):
    """Put a download's entries into a folder."""

    def lay(entries: dict[str, str], name: str = "download") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for entry, text in entries.items():
            (folder / entry).parent.mkdir(parents=True, exist_ok=True)
            (folder / entry).write_text(text)
        return folder

    return lay


@pytest.fixture
def collect(lay, course):
    """What a layout makes of a download's entries."""
    return lambda layout, entries, name="download": course.layouts[layout].collect(lay(entries, name), name)


def room(course, layout: str):
    return sys.modules[course.layouts[layout].detect.__module__]


def by_key(collected: Collected) -> dict[str, Upload]:
    keys = [upload.members[0].key for upload in collected.uploads]
    assert len(set(keys)) == len(keys), keys
    return dict(zip(keys, collected.uploads, strict=True))


def names(upload: Upload) -> dict[str, str]:
    return {part.name: part.path.name for part in upload.parts}


def why(collected: Collected) -> dict[str, str]:
    return {skipped.what: skipped.why for skipped in collected.skipped}


@pytest.mark.parametrize("fixture", FIXTURES)
def test_exactly_one_layout_claims_each_download(fixture, course, lay):
    entries, name, expected = FIXTURES[fixture]
    folder = lay(entries, name)
    claiming = [layout.name for layout in course.layouts.values() if layout.detect(folder, name)]
    assert claiming == ([expected] if expected else [])


@pytest.mark.parametrize("fixture", FIXTURES)
def test_every_entry_is_told_and_none_is_changed(fixture, course, lay):
    """What is not skipped by name is in exactly one part: nothing is lost, nothing is graded twice."""
    entries, name, expected = FIXTURES[fixture]
    folder = lay(entries, name)
    collected = course.layouts[expected or "plain"].collect(folder, name)
    paths = [part.path for upload in collected.uploads for part in upload.parts]
    assert len(set(paths)) == len(paths)
    silent = {"submission_metadata.yml", "scores.csv", "__MACOSX", "__pycache__", "grade-report", "Thumbs.db"}
    for entry in entries:
        path = folder / entry
        if any(part in silent or part.startswith(".") for part in Path(entry).parts):
            continue
        if expected == "blackboard" and re.search(r"-\d\d\.txt$", entry):
            continue
        told = any(skipped.what in path.parts for skipped in collected.skipped)
        assert told != any(path == part or part in path.parents for part in paths), entry


def test_canvas(collect):
    collected = collect("canvas", CANVAS)
    uploads = by_key(collected)
    assert names(uploads["1001"]) == {
        "my_rnn.py": "doejane_1001_5001_my_rnn.py",
        "my notes (final).txt": "doejane_1001_5002_my notes (final).txt",
    }
    assert {key: upload.members[0].name for key, upload in uploads.items()} == {
        "1001": "doejane",
        "1002": "doejane",
        "1003": "garcíaluís",
        "1004": "李小龍",
        "1005": "शर्मामीरा",
        "1006": "",
    }
    assert [key for key, upload in uploads.items() if upload.late] == ["1002", "1003"]
    assert list(names(uploads["1003"])) == ["my_rnn.py"]  # `-2` is Canvas's, for a file handed in again
    assert not any(upload.doubts for upload in uploads.values())
    assert why(collected) == {
        "nolan_1007_text.html": "a text entry: there is no file to grade",
        "olga_LATE_1008_link.html": "a link: there is no file to grade",
    }


def test_canvas_anonymous(collect):
    collected = collect("canvas", CANVAS_ANONYMOUS)
    uploads = by_key(collected)
    assert set(uploads) == {"anon_Ab3xY", "anon_Zz9aa", "anon_Qq1ww", "anon_77777"}
    assert {key for key, upload in uploads.items() if upload.late} == {"anon_Zz9aa", "anon_Qq1ww"}
    assert {upload.members[0].name for upload in uploads.values()} == {""}
    assert list(why(collected)) == ["anon_Tt2tt_text.html"]


@pytest.mark.parametrize(
    "files, parts, doubts",
    [
        (["10_a.py", "20_a-1.py"], {"a.py": "20_a-1.py"}, ["attachment 20 counts, 10 is left out"]),
        (["20_a.py", "10_a-1.py"], {"a.py": "20_a.py", "a-1.py": "10_a-1.py"}, ["10 is kept as a-1.py"]),
        (["9_a.py", "10_a.py"], {"a.py": "10_a.py"}, ["attachment 10 counts, 9 is left out"]),
        (["10_lab-1.py", "20_lab-2.py"], {"lab.py": "20_lab-2.py", "lab-1.py": "10_lab-1.py"}, ["kept as lab-1.py"]),
        (["10_a-1.py", "20_b-3.tar.gz"], {"a.py": "10_a-1.py", "b.tar.gz": "20_b-3.tar.gz"}, []),
        (["10_-1.py"], {"-1.py": "10_-1.py"}, []),
        (["10_a-2024.py"], {"a-2024.py": "10_a-2024.py"}, []),
        (
            ["10_a-0f8fad5b-d9cb-469f-a165-70867728950e.py"],
            {"a.py": "10_a-0f8fad5b-d9cb-469f-a165-70867728950e.py"},
            [],
        ),
    ],
)
def test_canvas_files_get_their_names_back(files, parts, doubts, collect):
    [upload] = collect("canvas", {f"ada_7_{file}": CODE for file in files}).uploads
    assert names(upload) == {name: f"ada_7_{file}" for name, file in parts.items()}
    assert len(upload.doubts) == len(doubts)
    assert all(doubt in told for doubt, told in zip(doubts, upload.doubts, strict=True))


def test_canvas_a_name_that_looks_like_somebody_elses_number_is_told_and_never_mixed(collect):
    """A sortable name may end in `_1001`; Canvas keeps it, so 1001 could be read where 1002 handed in."""
    collected = collect("canvas", {"ada_1001_5001_a.py": CODE, "eve_1001_1002_5002_a.py": CODE})
    assert [len(upload.parts) for upload in collected.uploads] == [1, 1]
    assert all("several names: ada, eve" in " ".join(upload.doubts) for upload in collected.uploads)
    told = " ".join(collected.uploads[1].doubts)
    assert "could also be attachment 5002 of user 1002" in told


@pytest.mark.parametrize("entry", ["notes.txt", "ada.py", "ada_7.py", "ada_7_8_", "ada_7_8_..", "ada b_7_8_x.py", "_"])
def test_canvas_what_does_not_parse_is_skipped(entry, collect):
    collected = collect("canvas", {"ada_7_10_a.py": CODE, entry: ""})
    assert len(collected.uploads) == 1
    assert why(collected) == {entry: "not named like a Canvas attachment, so its owner is unknown"}


@pytest.mark.parametrize("entries", [MOODLE, MOODLE_OLD], ids=["new", "old"])
def test_moodle_folders(entries, collect):
    collected = collect("moodle", entries)
    uploads = by_key(collected)
    assert {key: upload.members[0].name for key, upload in uploads.items()} == {
        "2001": "Jane Doe",
        "2002": "Jane Doe",
        "2003": "José Ñúñez-O'Brien",
        "2004": "王 小明",
    }
    assert all([part.name for part in upload.parts] == [""] for upload in uploads.values())
    assert sorted(why(collected).values()) == [
        "an online text: there is no file to grade",
        "feedback from a teacher, not a submission",
    ]


def test_moodle_flat(collect):
    collected = collect("moodle", MOODLE_FLAT)
    uploads = by_key(collected)
    assert set(names(uploads["2001"])) == {"my_rnn.py", "my_notes_2.txt"}
    assert list(names(uploads["2002"])) == ["x_99_assignsubmission_file_y.py"]
    assert list(why(collected).values()) == ["an online text: there is no file to grade"]


def test_moodle_blind_and_teams(collect, course, lay):
    uploads = by_key(collect("moodle", MOODLE_BLIND))
    assert {key: upload.members[0].name for key, upload in uploads.items()} == {
        "31": "Teilnehmerin 31",
        "32": "Teilnehmerin 32",
    }
    teams = by_key(course.layouts["moodle"].collect(lay(MOODLE_TEAMS, "teams"), "teams"))
    assert teams["51"].members[0].name == "Red team"
    assert not teams["51"].doubts
    assert "no id" in teams["Grupo predeterminado"].doubts[0]


def test_gradescope(collect):
    collected = collect("gradescope", GRADESCOPE)
    by_folder = {upload.parts[0].path.name: upload for upload in collected.uploads}
    who = {
        folder: [(member.key, member.name, member.email) for member in upload.members]
        for folder, upload in by_folder.items()
    }
    assert who == {
        "submission_11": [("3001", "Jane Doe", "jane@example.edu")],
        "submission_12": [
            ("007", "Jane Doe", "other@example.edu"),
            ("lukasz@example.edu", "Łukasz Żak", "lukasz@example.edu"),
        ],
        "submission_13": [("submission_13", "Nobody Known", "")],
        "submission_14": [("submission_14", "", "")],
        "submission_15": [("submission_15", "", "")],
    }
    assert by_folder["submission_11"].when == "2026-01-15T10:22:33.123456-08:00"
    assert by_folder["submission_12"].when == "2026-01-16T01:02:03+00:00"
    assert by_folder["submission_13"].doubts == [
        "the time of submission could not be read",
        "Nobody Known has neither a student id nor an email address",
    ]
    assert by_folder["submission_14"].doubts == ["Gradescope lists no submitter for it"]
    assert why(collected) == {
        "submission_17": "submission_metadata.yml does not name it: its owner is unknown",
        "submission_16": "named by submission_metadata.yml, but there is no such folder",
    }


def test_gradescope_one_student_in_two_submissions_is_told(collect):
    text = "".join(f"submission_{n}:\n  :submitters:\n  - :sid: 7\n" for n in (1, 2))
    entries = {"submission_metadata.yml": text, "submission_1/a.py": "", "submission_2/a.py": ""}
    uploads = collect("gradescope", entries).uploads
    assert [upload.doubts for upload in uploads] == [
        ["duplicate: 7 is also in submission_2"],
        ["duplicate: 7 is also in submission_1"],
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: [\n", "line 2: it is not valid YAML"),
        ("- 1\n", "expected a list of submissions"),
        ("", "expected a list of submissions"),
        ("a: \x07", "it is not valid YAML"),
        ("submission_1: " + "[" * 100_000, "nested deeper than 1000"),
    ],
)
def test_gradescope_a_list_that_cannot_be_read(text, message, collect):
    with pytest.raises(BadDownload, match=message):
        collect("gradescope", {"submission_metadata.yml": text, "submission_1/a.py": ""})


def test_gradescope_runs_no_tags_and_copies_no_aliases(collect):
    """A YAML file can name classes to build, or stand for more than memory holds."""
    levels = [f"  :l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "\n".join(
        [
            "submission_1:",
            "  :submitters:",
            "  - !!python/object/apply:os.system ['touch tagged']",
            "  - &who {sid: &id 7, name: !ruby/object:Thing Ada}",
            "  - *who",
            "  :l0: &l0 [1]",
            *levels,
            "submission_2:",
            "  :submitters: *l29",
            "submission_3:",
            "  ? [a, {b: c}]",
            "  : x",
            "  :submitters: [{sid: *id, name: {a: {b: {c: {d: {e: 1}}}}}}]",
        ]
    )
    entries = {"submission_metadata.yml": text, **{f"submission_{n}/a.py": "" for n in (1, 2, 3)}}
    uploads = collect("gradescope", entries).uploads
    assert [[member.key for member in upload.members] for upload in uploads] == [["7"], ["submission_2"], ["7"]]
    assert uploads[0].members[0].name == "Ada"
    assert not Path("tagged").exists()


def test_gradescope_submitters_nested_out_of_all_measure(collect):
    text = "submission_1:\n  :submitters: [" + "[" * 995 + "]" * 995 + ", {sid: 7}]"
    [upload] = collect("gradescope", {"submission_metadata.yml": text, "submission_1/a.py": ""}).uploads
    assert [member.key for member in upload.members] == ["7"]
    assert upload.doubts == ["1 of its submitters could not be read"]


def test_blackboard(collect):
    collected = collect("blackboard", BLACKBOARD)
    told = [(upload.members[0].key, upload.when, sorted(names(upload))) for upload in collected.uploads]
    assert told == [
        ("jdoe", "2026-01-17T08:00:00", ["my_rnn.py"]),
        ("jdoe", "2026-01-15T10:22:33", ["my_rnn.py", "other.py"]),
        ("msmith", "2026-01-16T09:00:00", ["HW_x_attempt_2020-01-01-00-00-00_y.txt"]),
    ]
    assert [upload.doubts for upload in collected.uploads] == [
        [],
        ["an earlier attempt: the newest one is from 2026-01-17T08:00:00"],
        [],
    ]
    assert why(collected) == {"empty, attempt of 2026-01-16T09:00:00": "a receipt without files: nothing was attached"}


def test_git(collect, course, lay):
    assert set(by_key(collect("git", GIT, "clones"))) == {"ada", "grace"}
    folder = lay(CLASSROOM, "hw-1-submissions")
    assert set(by_key(course.layouts["git"].collect(folder, folder.name))) == {"ada-l", "grace"}
    folder = lay(CLASSROOM50, "dl-rnn_submissions_2026_01_15_T_10_22_33")
    uploads = by_key(course.layouts["git"].collect(folder, folder.name))
    told = {key: (upload.members[0].name, upload.members[0].email) for key, upload in uploads.items()}
    assert told == {"Ada-L": ("Ada Lovelace", "ada@example.edu"), "grace": ("Grace Hopper", ""), "new": ("", "")}
    assert uploads["new"].doubts == ["scores.csv does not list the user new"]
    folder = folder.rename(folder.with_name("elsewhere"))
    assert set(by_key(course.layouts["git"].collect(folder, folder.name))) == {"Ada-L", "grace", "new"}


def test_git_a_clone_that_is_named_otherwise_is_told(collect):
    entries = {**CLASSROOM, "other/.git/HEAD": "", "notes.txt": ""}
    collected = collect("git", entries, "hw-1-submissions")
    assert by_key(collected)["other"].doubts == ["its name does not start with hw-1- like the others"]
    assert why(collected) == {"notes.txt": "a file, not a clone"}


def test_plain(collect):
    collected = collect("plain", PLAIN, "class")
    told = [(upload.members[0].key, [part.name for part in upload.parts]) for upload in collected.uploads]
    assert told == [
        ("ada", [""]),
        ("ada", ["ada.zip"]),
        ("grace", ["grace.py"]),
        ("jane", ["jane.ipynb"]),
        ("jane_LATE_resubmission_2", ["jane_LATE_resubmission_2.zip"]),
        ("josé", ["josé.py"]),
    ]
    assert [upload.doubts for upload in collected.uploads[:3]] == [
        ["duplicate: there is ada.zip too; keep one of them"],
        ["duplicate: there is ada too; keep one of them"],
        [],
    ]
    assert why(collected) == {"notes.txt": "not a folder, .py, .ipynb or .zip, so not a submission"}


def test_plain_accents_are_one_however_they_are_spelled(collect):
    spelled = [unicodedata.normalize(form, "josé") for form in ("NFC", "NFD")]
    collected = collect("plain", {f"{spelled[0]}.py": CODE, f"{spelled[1]}.zip": "", "José.ipynb": ""})
    assert {upload.members[0].key for upload in collected.uploads} == {"josé", "José"}
    assert all(upload.doubts for upload in collected.uploads)


@pytest.mark.parametrize("module", ["my_rnn.py", "adding_problem.ipynb"])
def test_plain_a_folder_of_modules_is_one_submission(module, collect):
    with pytest.raises(BadDownload, match=rf"ada: it contains {module} itself.*grade submit"):
        collect("plain", {module: CODE, "data/x.txt": "", "rnn_parts.py": CODE}, "ada")


def test_plain_an_archive_of_a_folder(collect, course, lay):
    wrapped = collect("plain", {"class/ada.py": CODE, "class/bob/my_rnn.py": CODE, "__MACOSX/x": ""}, "class")
    assert [upload.members[0].key for upload in wrapped.uploads] == ["ada", "bob"]
    one = course.layouts["plain"].collect(lay({"ada/my_rnn.py": CODE}, "one"), "one")
    assert [(upload.members[0].key, upload.doubts) for upload in one.uploads] == [("ada", [])]
    other = course.layouts["plain"].collect(lay({"class/ada/a.py": "", "class/bob/a.py": ""}, "other"), "other")
    assert "if class contains the class, give that folder itself" in other.uploads[0].doubts[0]


@pytest.mark.parametrize("layout", ["plain", "canvas", "moodle", "gradescope", "blackboard", "git"])
def test_links_and_names_that_are_no_text_are_skipped(layout, course, lay, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "my_rnn.py").write_text(CODE)
    folder = lay({"submission_metadata.yml": "submission_1: {}"})
    (folder / "ada_1_2_x.py").symlink_to(secret / "my_rnn.py")
    (folder / "Ada_1_assignsubmission_file").symlink_to(secret)
    (folder / "submission_1").symlink_to(secret)
    (Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.py"))).write_text(CODE)
    os.mkfifo(folder / "pipe.py")
    collected = course.layouts[layout].collect(folder, "download")
    assert collected.uploads == []
    told = why(collected)
    for link in ("ada_1_2_x.py", "Ada_1_assignsubmission_file", "submission_1"):
        assert told[link].startswith("a symbolic link")
    assert told["bad?.py"] == "its name is not UTF-8; rename it"
    assert told["pipe.py"] == "neither a file nor a folder"


def test_a_download_that_cannot_be_listed(course, tmp_path):
    with pytest.raises(BadDownload, match="cannot be listed: No such file"):
        course.layouts["canvas"].detect(tmp_path / "nowhere", "nowhere")


WORDS = st.text(st.characters(categories=["L", "M", "Nd"]) | st.just("é"), max_size=20).filter(
    lambda name: name.casefold() != "anon"
)
FILES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters='/\\:*?"<>|\0'), min_size=1, max_size=40
).filter(lambda name: bool(name.strip(". ")))
NUMBERS = st.integers(1, 10**15)
PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0_"), min_size=1, max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    entry=st.text(max_size=80)
    | st.from_regex(r"\w*(_late)?_\d*_\d*_[^/]*|.*_attempt_\d{4}(-\d\d){5}.*", fullmatch=True)
)
def test_parsers_never_raise(entry, course):
    for layout in ("canvas", "moodle", "blackboard"):
        room(course, layout).parse(entry)
    sys.modules[room(course, "gradescope").read_metadata.__module__].iso(entry)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=WORDS, late=st.sampled_from(["", "_LATE", "_late"]), user=NUMBERS, number=NUMBERS, file=FILES)
def test_canvas_names_come_back(name, late, user, number, file, course):
    parsed = room(course, "canvas").parse(f"{name}{late}_{user}_{number}_{file}")
    assert parsed == (str(user), name, bool(late), number, file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=PLAIN_TEXT, number=NUMBERS, file=FILES)
def test_moodle_names_come_back(name, number, file, course):
    for entry, end in (
        (f"{name}_{number}_assignsubmission_file_{file}", file),
        (f"{name}_{number}_assignsubmission_file", ""),
    ):
        parsed = room(course, "moodle").parse(entry)
        assert parsed == (str(number), unicodedata.normalize("NFC", name), "submission", "file", end)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    title=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), max_size=20),
    user=st.text(string.ascii_lowercase + string.digits + ".@-", min_size=1),
    when=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
    file=FILES,
)
def test_blackboard_names_come_back(title, user, when, file, course):
    parsed = room(course, "blackboard").parse(f"{title}_{user}_attempt_{when:%Y-%m-%d-%H-%M-%S}_{file}")
    assert parsed == (user, when.replace(microsecond=0).isoformat(), file)


def test_pattern(lay):
    folder = lay(
        {
            "b/2026-01-15/late/Ada Lovelace (ada1).my_rnn.py": CODE,
            "b/2026-01-15/late/Ada Lovelace (ada1).other.py": CODE,
            "b/2026-01-16/intime/Bob (bob2).my_rnn.py": CODE,
            "b/soon/intime/Ann (ann3).my_rnn.py": CODE,
            "b/readme.txt": "",
            "__MACOSX/b/2026-01-15/late/x": "",
        }
    )
    layout = layout_by_pattern(
        r"b/(?P<when>[^/]+)/(?:(?P<late>late)|intime)/(?P<name>[^(]+) \((?P<student>\w+)\)\.(?P<file>.+)"
    )
    assert not layout.detect(folder, "download")
    collected = layout.collect(folder, "download")
    uploads = by_key(collected)
    assert set(names(uploads["ada1"])) == {"my_rnn.py", "other.py"}
    assert [(u.members[0].name, u.late, u.when) for u in uploads.values()] == [
        ("Ada Lovelace", True, "2026-01-15T00:00:00"),
        ("Bob", False, "2026-01-16T00:00:00"),
        ("Ann", False, None),
    ]
    assert uploads["ann3"].doubts == ["'soon' is not an ISO 8601 time"]
    assert why(collected) == {"b/readme.txt": "--pattern does not match it"}


def test_pattern_without_a_file_keeps_what_follows(lay):
    folder = lay({"submitted/ada/rnn/my_rnn.py": CODE, "submitted/bob.py": CODE})
    ada, *_ = layout_by_pattern(r"submitted/(?P<student>[^/]+)/").collect(folder, "download").uploads
    assert list(names(ada)) == ["rnn/my_rnn.py"]
    uploads = layout_by_pattern(r".*?(?P<student>\w+)\.py").collect(folder, "download").uploads
    assert [(upload.members[0].key, list(names(upload))) for upload in uploads] == [
        ("bob", ["bob.py"]),
        ("my_rnn", ["my_rnn.py"]),
    ]


def test_pattern_tells_doubles_and_names_that_lead_elsewhere(lay):
    folder = lay({"ada/1/a.py": CODE, "ada/2/a.py": CODE, "bob/b..": CODE, "eve/x\\y.py": CODE})
    (folder / "linked").symlink_to("/")
    collected = layout_by_pattern(r"(?P<student>[a-z]*)/\d/(?P<file>.+)|(?P<email>bob)/(?P<name>b)").collect(
        folder, "d"
    )
    [ada] = collected.uploads
    assert ada.doubts == ["a.py was handed in twice: a.py counts, a.py is left out"]
    assert why(collected)["bob/b.."] == "--pattern finds no student in its path"
    assert why(collected)["linked"] == "a link, or not a regular file"
    collected = layout_by_pattern(r"(?P<student>\w+)/b?(?P<file>.+)").collect(folder, "d")
    assert why(collected)["bob/b.."] == "--pattern yields no valid file name for it"
    assert why(collected)["eve/x\\y.py"] == "--pattern yields no valid file name for it"


@pytest.mark.parametrize(
    "regex, message",
    [
        ("(?P<student>", "not a regular expression"),
        ("(" * 101 + ")" * 99, "not a regular expression"),
        ("a{99999999999999999999}(?P<student>x)", "not a regular expression"),
        (".*", r"the group \(\?P<student>...\) is missing"),
        ("(?P<student>a)(?P<files>b)", "unknown group 'files'; available: student, file, name, email, late, when"),
    ],
)
def test_pattern_that_will_not_do(regex, message):
    with pytest.raises(BadDownload, match=f"--pattern: {message}"):
        layout_by_pattern(regex)


def test_pattern_that_matches_nothing(lay):
    with pytest.raises(BadDownload, match=r"matches none of its 1 files, such as 'ada/a.py'"):
        layout_by_pattern(r"(?P<student>\d+)/").collect(lay({"ada/a.py": ""}), "download")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(regex=st.text(max_size=30))
def test_pattern_never_raises_anything_else(regex, tmp_path):
    try:
        layout_by_pattern(f"(?P<student>.)?{regex}")
    except BadDownload as problem:
        assert "--pattern: " in str(problem)


def test_readme_example_runs(lay):
    """What the README of plugins shows for this hook can be copied into a file as it stands."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "plugins" / "README.md").read_text(), re.DOTALL)
    [example] = [example for example in examples if "def grader_layouts" in example]
    space: dict = {"__name__": "example"}
    exec(example, space)
    [layout] = space["grader_layouts"]()
    folder = lay({"Lovelace, Ada(al123)/Submission attachment(s)/my_rnn.py": CODE, "grades.csv": "", "x/y": ""})
    assert layout.detect(folder, "download")
    collected = layout.collect(folder, "download")
    assert [(m.key, m.name) for upload in collected.uploads for m in upload.members] == [("al123", "Lovelace, Ada")]
    assert list(why(collected)) == ["x"]
