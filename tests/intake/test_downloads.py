"""Bulk downloads: an LMS's zip, unpacked in a jailed worker into a folder that holds what was in it, no more."""

import io
import os
import stat
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.course.layouts import BadDownload
from grader.intake import archives
from grader.intake.archives import unpack_download as unpack


def zip_of(entries) -> bytes:
    """A zip of (name or ZipInfo, content) pairs, or a dict of them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            file.writestr(name, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@pytest.fixture
def unpacked(zygote, tmp_path):
    """Unpack a zip of these entries; what was written as {path: bytes}, and the notes."""

    def run(entries):
        path = tmp_path / "submissions.zip"
        path.write_bytes(entries if isinstance(entries, bytes) else zip_of(entries))
        folder = tmp_path / "inside" / "download"
        before = sorted(zygote.spool.iterdir())
        notes = unpack(path, folder, zygote)
        assert sorted(zygote.spool.iterdir()) == before
        assert not [file for file in tmp_path.rglob("*") if file.is_symlink()]
        assert {file.name for file in tmp_path.iterdir()} <= {"inside", "submissions.zip"}
        return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}, notes

    return run


@pytest.mark.isolation
def test_names_are_kept_as_the_lms_wrote_them(unpacked):
    entries = {
        "Ada Lovelace_4711_assignsubmission_file_/my_rnn.py": b"x = 1",
        "Zoë Müller-O'Brien_4712_assignsubmission_file_/Übung (final) – 数据.ipynb": b"{}",
        "lovelaceada_LATE_12345_67890_my rnn-1.py": b"",
        ".hidden/.git/config": b"y",
        "grade-report/x.html": b"z",
        "zuse/ada.zip": zip_of({"../evil.py": "nested, and none of our business here"}),
    }
    assert unpacked(entries) == (entries, [])


def test_names_in_the_encoding_of_old_zips(unpacked):
    content = zip_of({"aXb.py": "x"}).replace(b"aXb", b"a\x81b")  # ü in code page 437
    assert unpacked(content) == ({"aüb.py": b"x"}, [])


def test_what_a_system_adds_is_left_out_silently(unpacked):
    junk = dict.fromkeys(["__MACOSX/._ada.py", "a/__MACOSX/b", ".DS_Store", "a/.DS_Store", "a/Thumbs.db", "b/"], b"")
    assert unpacked({**junk, "a/ada.py": b"x"}) == ({"a/ada.py": b"x"}, [])


@pytest.mark.jail
def test_a_download_comes_piece_by_piece(unpacked, monkeypatch):
    """More entries than one answer has, and more bytes; an entry as large as a piece comes alone."""
    monkeypatch.setattr(archives, "_PIECE_BYTES", 50_000)
    entries = {f"{i:03d}/ada.py": os.urandom(1000 + i) for i in range(600)} | {"z": os.urandom(70_000), "zz": b"y"}
    assert unpacked(entries) == (entries, [])


def test_a_file_that_is_too_large_is_left_out(unpacked, monkeypatch):
    monkeypatch.setattr(archives, "_DOWNLOAD_ENTRY_BYTES", 1 << 20)
    large = os.urandom(100) * 10_486
    assert unpacked({"a/model.pt": large, "a/ada.py": b"x", "b": large[: 1 << 20]}) == (
        {"a/ada.py": b"x", "b": large[: 1 << 20]},
        ["`a/model.pt` is larger than 1 MiB and was left out"],
    )


NAMES = ["../e", "a/../../e", "..\\e", "/e", "//e", "C:\\e", "a//e", "..", "d/" * 40 + "e", "../" * 9 + "tmp/e"]


@pytest.mark.jail
def test_what_leads_elsewhere_is_left_out(unpacked):
    files, notes = unpacked([*((name, "evil") for name in NAMES), ("ok.py", "x")])
    assert files == {"ok.py": b"x"}
    assert len(notes) == len(NAMES)
    assert all(note.endswith("points outside the archive or is nested too deeply and was left out") for note in notes)


def test_links_are_left_out(unpacked):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    files, notes = unpacked([(link, "/etc/passwd"), ("link/x", "y")])
    assert files == {"link/x": b"y"}
    assert notes == ["`link` is a link and was left out"]


def test_names_that_no_file_can_have_are_left_out(unpacked):
    files, notes = unpacked({"a" * 300: "x", "/".join(["b" * 200] * 6): "x", "a/b": "x", "a/b/c": "y", "ok": "z"})
    assert files == {"a/b": b"x", "ok": b"z"}
    assert "File name too long" in notes[1]
    assert "has too long a name" in notes[0]
    assert "`a/b/c` cannot be written" in notes[2]


def test_an_entry_given_twice_is_told(unpacked):
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zip_of([("ada.py", "first"), ("ada.py", "second")])
    assert unpacked(content) == ({"ada.py": b"second"}, ["`ada.py` occurs more than once; the last one was kept"])


def test_many_notes_are_counted(unpacked):
    _, notes = unpacked({f"../{i}": "" for i in range(300)})
    assert (len(notes), notes[-1]) == (51, "250 more such notes are not shown")


def encrypted() -> bytes:
    data = bytearray(zip_of({"ada.py": "x"}))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


WHOLE = zip_of({"ada.py": os.urandom(5000), "b.py": "x"})
BOMB = {f"{i}.py": b"\0" * 30_000_000 for i in range(3)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "the archive is broken: File is not a zip file; download it again"),
        (b"not a zip", "the archive is broken: File is not a zip file"),
        (WHOLE[:-30], "the archive is broken: File is not a zip file"),
        (WHOLE[:100] + b"\0" * 50 + WHOLE[150:], "the archive is broken: "),
        (encrypted(), "the archive is encrypted; download it without a password"),
        (BOMB, "it unpacks to more than 100 times its size"),
    ],
    ids=["empty", "text", "truncated", "damaged", "encrypted", "bomb"],
)
def test_bad_downloads_are_refused_in_one_line(unpacked, content, message):
    with pytest.raises(BadDownload) as refused:
        unpacked(content)
    assert f"submissions.zip: {message}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_caps_come_before_the_work(unpacked, monkeypatch, tmp_path, zygote):
    monkeypatch.setattr(archives, "_DOWNLOAD_ENTRIES", 2)
    with pytest.raises(BadDownload, match="has 3 files, at most 2 are accepted"):
        unpacked({"a": "", "b": "", "c": ""})
    monkeypatch.setattr(archives, "_DOWNLOAD_BYTES", 1 << 20)
    with (tmp_path / "submissions.zip").open("r+b") as file:
        file.truncate((1 << 20) + 1)
    with pytest.raises(BadDownload, match="GiB, at most"):
        unpack(tmp_path / "submissions.zip", tmp_path / "x", zygote)
    with pytest.raises(BadDownload, match=r"unpacks to more than"):
        unpacked({"a": b"\0" * 1_000_000, "b": b"\0" * 1_000_000})
    with pytest.raises(BadDownload, match=r"no\.zip: no such file"):
        unpack(tmp_path / "no.zip", tmp_path / "x", zygote)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6))
def test_whatever_is_in_it_ends_in_files_or_one_line(zygote, tmp_path_factory, changes):
    data = bytearray(WHOLE)
    for at, new in changes:
        data[at : at + len(new)] = new
    folder = tmp_path_factory.mktemp("download")
    (folder / "x.zip").write_bytes(data)
    try:
        unpack(folder / "x.zip", folder / "in", zygote)
    except BadDownload as refused:
        assert "\n" not in str(refused)
    assert {path.name for path in folder.iterdir()} <= {"x.zip", "in"}
