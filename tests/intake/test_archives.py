"""Zip archives, unpacked by a jailed worker: every one ends in an answer, and nothing is written elsewhere."""

import io
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.intake.rejected import Rejected
from grader.intake.spool import write_entries
from grader.intake.staging import stage, unstage
from grader.jail.shared.messages import Entry
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

ZEROS = b"\0" * 50_000_000


@pytest.fixture
def unpack(zygote, tmp_path):
    """Stage a zip of these entries; the submission, and what was written as {path: bytes}."""
    staged = []

    def run(entries, **limits):
        content = entries if isinstance(entries, bytes) else zip_of(entries)
        path = tmp_path / "ada.zip"
        path.write_bytes(content)
        submission, files = looked_at(path, zygote, **limits)
        staged.append(submission)
        assert path.read_bytes() == content
        return submission, files

    yield run
    for submission in staged:
        unstage(submission, zygote)


def looked_at(path, zygote, **limits):
    """Stage a path; what was written, after looking that it lies where it should."""
    submission = stage(path, zygote, Limits(**limits))
    folder = zygote.spool / submission.entry
    found = list(folder.rglob("*"))
    assert not [file for file in found if file.is_symlink() or not (file.is_file() or file.is_dir())]
    return submission, {str(file.relative_to(folder)): file.read_bytes() for file in found if file.is_file()}


def zip_of(entries) -> bytes:
    """A zip of (name or ZipInfo, content) pairs, or a dict of them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            file.writestr(name, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def renamed(content: bytes, old: bytes, new: bytes) -> bytes:
    """Another name of the same length, in both places where a zip keeps it."""
    assert content.count(old) == 2
    assert len(old) == len(new)
    return content.replace(old, new)


def patched(content: bytes, local: tuple[int, bytes], central: tuple[int, bytes]) -> bytes:
    """Other bytes at these offsets of the first local header and of its entry in the directory."""
    data = bytearray(content)
    for start, (offset, new) in ((0, local), (content.index(b"PK\1\2"), central)):
        data[start + offset : start + offset + len(new)] = new
    return bytes(data)


# Archives as students make them.


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["my_rnn.py"], marks=pytest.mark.isolation),
        ["ada/my_rnn.py"],
        ["ada/code/my_rnn.py", "ada/__init__.py"],
        ["homework.py"],
        ["./my_rnn.py"],
        ["ada\\my_rnn.py", "ada\\"],
        ["ada/my_rnn.py", "__MACOSX/._ada", "__MACOSX/ada/._my_rnn.py", "ada/.DS_Store", "ada/._my_rnn.py"],
        ["my_rnn.py", "Aufgabe 1 – Lösung (final).txt", "数据.txt"],
    ],
    ids=lambda names: names[0],
)
def test_archives_are_read_however_they_were_packed(grade, archive, reference, names):
    """A Mac's, Windows', with one folder on top, with a file of another name."""
    junk = b"\0\5\x16\7Mac OS X"
    path = archive(
        {name: reference if i == 0 else "" if name.endswith(("\\", ".py")) else junk for i, name in enumerate(names)}
    )
    answer = grade(path)
    assert (answer.status, answer.points, answer.exercises[0].notes) == ("graded", 10.0, [])


def test_what_is_not_looked_at_does_not_count(unpack):
    """Thousands of files in an environment, or a repository of many megabytes, are no reason to refuse."""
    entries = {f".venv/lib/{i}.py": "" for i in range(2500)} | {".git/pack": os.urandom(100) * 20_000}
    submission, files = unpack(
        {**entries, "a/__pycache__/x.pyc": "", "grade-report/ada.html": "", "my_rnn.py": "x"}, files_mib=1
    )
    assert submission.problem is None
    assert files == {"my_rnn.py": b"x"}


def test_names_in_another_encoding_are_kept_as_they_are_read(unpack):
    submission, files = unpack(renamed(zip_of({"my_rnn_ab.py": "x"}), b"my_rnn_ab", b"my_rnn_\xff\xfe"))
    assert submission.problem is None
    assert len(files) == 1


def test_an_entry_given_twice_counts_as_unzip_counts_it(unpack):
    """The last one wins."""
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zip_of([("my_rnn.py", "first"), ("my_rnn.py", "second")])
    assert unpack(content)[1] == {"my_rnn.py": b"second"}


def test_empty_files_are_files(unpack):
    assert unpack({"my_rnn.py": "", "b.py": ""})[1] == {"my_rnn.py": b"", "b.py": b""}


# Names that lead elsewhere.


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "a/../../evil.py",
        "..\\..\\evil.py",
        "a/..\\../evil.py",
        "/evil.py",
        "//evil.py",
        "\\\\host\\share\\evil.py",
        "C:\\evil.py",
        "C:/evil.py",
        "a//evil.py",
        "../" * 40 + "tmp/evil.py",
        "a/" * 40 + "evil.py",
        "..",
        "x/..",
    ],
)
def test_names_that_lead_outside_are_left_out_with_a_note(unpack, zygote, tmp_path, name):
    """What else is in the archive is graded."""
    submission, files = unpack({name: "import evil", "my_rnn.py": "x = 1"})
    assert files == {"my_rnn.py": b"x = 1"}
    assert submission.problem is None
    assert "left out" in submission.notes[0]
    places = [*zygote.folder.rglob("evil.py"), *tmp_path.rglob("evil.py"), Path("/evil.py"), Path("/tmp/evil.py")]
    assert not [place for place in places if place.exists()]


def test_the_host_checks_the_paths_again(tmp_path):
    """A worker that lies about names, sizes or counts gets nothing written outside."""
    folder = tmp_path / "in" / "spool"
    folder.mkdir(parents=True)
    paths = ["../evil.py", "/tmp/evil.py", "a/../../evil.py", "", ".", "..", "a\0.py", "x/" * 40 + "evil.py", "ok.py"]
    notes = write_entries(folder, [Entry(path, 1) for path in paths], b"x" * len(paths), most=2000, depth=16)
    assert [path.name for path in (tmp_path / "in").rglob("*") if path.is_file()] == ["ok.py"]
    assert len(notes) == len(paths) - 1
    for entries in ([Entry("a.py", 5)], [Entry(f"{i}.py", 0) for i in range(2001)]):
        with pytest.raises(Rejected, match="the archive is broken"):
            write_entries(folder, entries, b"1234", most=2000, depth=16)


@pytest.mark.isolation
def test_absolute_names_do_not_reach_the_file_they_name(unpack, tmp_path):
    target = tmp_path / "target.py"
    target.write_text("mine")
    submission, files = unpack({str(target): "theirs"})
    assert target.read_text() == "mine"
    assert not files
    assert "points outside" in submission.problem


@pytest.mark.isolation
def test_links_are_left_out(unpack):
    """Neither the link nor what would be written through it."""
    link = zipfile.ZipInfo("folder")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    submission, files = unpack([(link, "/tmp"), ("folder/evil_through_link.py", "x"), ("my_rnn.py", "x")])
    assert set(files) <= {"my_rnn.py", "folder/evil_through_link.py"}
    assert not Path("/tmp/evil_through_link.py").exists()
    assert "`folder` is a link and was left out" in submission.notes


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_devices_are_never_made(unpack, kind):
    """At most an ordinary file of that name."""
    device = zipfile.ZipInfo("device.py")
    device.external_attr = (kind | 0o666) << 16
    submission, _ = unpack([(device, "x"), ("my_rnn.py", "x")])
    assert submission.problem is None


@pytest.mark.parametrize(
    "names", [["a", "a/b.py"], ["a/b.py", "a"], ["my_rnn.py/x.py", "my_rnn.py", "b.py"]], ids="-".join
)
def test_a_file_and_a_folder_of_one_name_clash_with_a_note(unpack, names):
    submission, files = unpack({**dict.fromkeys(names, "x"), "top.py": "x"})
    assert submission.problem is None
    assert "top.py" in files
    assert "cannot be written" in submission.notes[0]


def test_names_end_at_a_null_byte(unpack):
    """As zip tools read them."""
    submission, files = unpack(renamed(zip_of({"my_rnn.pyZ.jpg": "x"}), b"my_rnn.pyZ.jpg", b"my_rnn.py\0.jpg"))
    assert submission.problem is None
    assert files == {"my_rnn.py": b"x"}


def test_names_of_any_length_and_kind_are_survived(unpack):
    """Newlines, markup, escape sequences, direction marks; too long for the file system."""
    names = [
        "a\nb.py",
        "<script>.py",
        "\x1b[31m.py",
        "\u202egnp.py",
        "🦄.py",
        "a" * 300 + ".py",
        "b" * 5000 + ".py",
        "con",
        " ",
    ]
    submission, files = unpack({**dict.fromkeys(names, "x"), "my_rnn.py": "x"})
    assert submission.problem is None
    assert len(files) >= len(names) - 1
    assert all(len(note) <= 250 and "\x1b" not in note for note in submission.notes)


# Archives that are refused, each with what to do.


def encrypted() -> bytes:
    return patched(zip_of({"my_rnn.py": "x" * 50}), (6, b"\1"), (8, b"\1"))


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        file.addfile(tarfile.TarInfo("my_rnn.py"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("make", "words"),
    {
        "encrypted": (encrypted, ["encrypted", "without a password"]),
        "truncated": (lambda: zip_of({"my_rnn.py": os.urandom(5000)})[:3000], ["broken", "re-create it"]),
        "without its end": (lambda: zip_of({"my_rnn.py": "x"})[:-10], ["broken", "re-create it"]),
        "empty": (lambda: b"", ["broken", "re-create it"]),
        "garbage": (lambda: bytes(range(256)) * 20, ["broken", "re-create it"]),
        "a rar": (lambda: b"Rar!\x1a\7\1\0" + b"x" * 500, ["broken", "re-create it"]),
        "a tar": (tar, ["broken", "re-create it"]),
        "a 7z": (lambda: b"7z\xbc\xaf\x27\x1c" + b"x" * 500, ["broken", "re-create it"]),
        "a .py": (lambda: b"x = 1\n", ["broken", "re-create it"]),
        "an unknown method": (
            lambda: patched(zip_of({"my_rnn.py": "x"}), (8, b"\x63"), (10, b"\x63")),
            ["cannot be unpacked", "re-create it"],
        ),
        "a checksum that lies": (
            lambda: patched(zip_of({"my_rnn.py": "x" * 99}), (14, b"abcd"), (16, b"abcd")),
            ["broken", "re-create it"],
        ),
        "names that differ": (
            lambda: zip_of({"my_rnn.py": "x"}).replace(b"my_rnn.py", b"my_cnn.py", 1),
            ["broken", "re-create it"],
        ),
        "a bomb": (lambda: zip_of({f"{i}.py": ZEROS for i in range(4)}), ["times its size", "only the code"]),
        "too many files": (lambda: zip_of({f"{i}.py": "" for i in range(2001)}), ["2001", "2000", "only the code"]),
        "too large": (lambda: os.urandom(65 << 20), ["too large", "only the code"]),
        "without entries": (lambda: zip_of({}), ["empty", "hand in"]),
        "without Python": (lambda: zip_of({"a.pdf": "x", "b.docx": "x"}), ["no Python file", "`a.pdf`", "hand in"]),
        "of ignored files": (lambda: zip_of({"__MACOSX/my_rnn.py": "x", ".git/a.py": "x"}), ["empty", "hand in"]),
        "of links": (lambda: zip_of({"../my_rnn.py": "x"}), ["points outside", "hand in"]),
    }.values(),
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_archives_that_cannot_be_read_say_why_and_what_to_do(grade, tmp_path, make, words):
    """Invalid: no points, no exercises, one reason."""
    path = tmp_path / "ada.zip"
    path.write_bytes(make())
    answer = grade(path)
    assert (answer.status, answer.points, answer.exercises, answer.max_points) == ("invalid", 0, [], 10.0)
    assert [word for word in words if word not in answer.message] == [], answer.message
    assert str(tmp_path) not in answer.message
    assert "/submission" not in answer.message


def test_sizes_are_counted_not_believed(unpack):
    """The directory says one byte; what is there stays what is read, or nothing is."""
    content = zip_of({"my_rnn.py": b"x" * 5000})
    submission, files = unpack(patched(content, (22, b"\1\0\0\0"), (24, b"\1\0\0\0")))
    assert submission.problem is not None or len(files["my_rnn.py"]) <= 1
    huge = b"\xff\xff\xff\x7f"
    submission, files = unpack(patched(content, (22, huge), (24, huge)))
    assert submission.problem is not None or len(files["my_rnn.py"]) == 5000


def test_entries_that_share_their_bytes_are_no_way_around_the_size(unpack):
    """A thousand names for the same megabyte: the quine trick of bombs without compression."""
    content = zip_of({"0.py": os.urandom(1 << 20)})
    start = content.index(b"PK\1\2")
    central, end = content[start : content.index(b"PK\5\6")], content[content.index(b"PK\5\6") :]
    count = 100
    many = content[:start] + central * count
    end = end[:8] + count.to_bytes(2, "little") * 2 + (len(central) * count).to_bytes(4, "little") + end[16:]
    submission, files = unpack(many + end, files_mib=4)
    assert submission.problem is not None or sum(map(len, files.values())) <= 4 << 20


def test_a_zip_in_a_zip_stays_a_file(unpack):
    _, files = unpack({"inner.zip": zip_of({"my_rnn.py": "x"}), "a.py": "x"})
    assert set(files) == {"inner.zip", "a.py"}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_every_damaged_zip_ends_in_an_answer(zygote, data):
    """Bytes overwritten anywhere, cut off or put in: a problem in words, or files below the spool."""
    content = bytearray(zip_of({"my_rnn.py": b"x = 1\n" * 20, "ada/b.py": "y", "ada/c.txt": "z"}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "ada.zip").write_bytes(content)
        before = set(zygote.folder.iterdir())
        submission, files = looked_at(folder / "ada.zip", zygote)
        assert set(zygote.folder.iterdir()) <= before
        assert [file.name for file in folder.iterdir()] == ["ada.zip"]
        assert submission.problem or files
        unstage(submission, zygote)
    finally:
        shutil.rmtree(folder)
