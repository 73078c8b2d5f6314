"""Archives that no tool writes: lying directories, odd methods, bombs. What students pack is in `test_archives.py`."""

import io
import os
import struct
import time
import zipfile

import pytest

from grader.intake.staging import stage, unstage
from grader.records.limits import Limits

pytestmark = pytest.mark.jail

GOOD = "x = 1\n"


def packed(content: str | bytes = GOOD, method: int = zipfile.ZIP_DEFLATED, extra: bytes = b"") -> bytes:
    """A zip of one `task.py`, with this extra field."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        entry = zipfile.ZipInfo("task.py")
        entry.compress_type, entry.extra = method, extra
        file.writestr(entry, content)
    return buffer.getvalue()


def ended(content: bytes, offset: int, new: bytes) -> bytes:
    """The archive with other bytes in the record at its end."""
    start = content.rindex(b"PK\5\6") + offset
    return content[:start] + new + content[start + len(new) :]


def end(count: int = 0, size: int = 0, offset: int = 0, comment: int = 0) -> bytes:
    """The record at the end of an archive."""
    return struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, size, offset, comment)


def shared(count: int) -> bytes:
    """A directory of `count` empty files that share one header: 47 bytes each."""
    one = packed(b"", zipfile.ZIP_STORED).replace(b"task.py", b"t")
    one = one.replace(b"\7\0\0\0t", b"\1\0\0\0t").replace(b"\7\0\0\0\0\0", b"\1\0\0\0\0\0")
    start, stop = one.index(b"PK\1\2"), one.index(b"PK\5\6")
    return one[:start] + one[start:stop] * count + end(count, (stop - start) * count, start)


def long(ends_at: int, count: int = 2**62) -> bytes:
    """The end of a large archive (zip64) that says where it ends and how much is in it."""
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, count, count)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, ends_at, 1)
    return record + locator + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def spoiled(method: int, at: int, new: bytes) -> bytes:
    """Other bytes in the data itself, counted from its first."""
    content = packed(GOOD * 100, method)
    start = content.index(b"task.py") + len("task.py") + at
    return content[:start] + new + content[start + len(new) :]


WHOLE = packed()
BODY = WHOLE[: WHOLE.index(b"PK\5\6")]
RECREATE = "re-create it"
CODE_ONLY = "only the code"

ARCHIVES = {  # name: (bytes, words of the problem, or None where the file in it is read)
    "with a program in front": (b"#!/bin/sh\n" + b"x" * 5000 + WHOLE, None),
    "that is Python as well": (b"x = 2\n" + WHOLE, None),
    "with bytes behind": (WHOLE + b"x" * 500, None),
    "with too many bytes behind": (WHOLE + b"x" * 70_000, [RECREATE]),
    "with a long comment": (WHOLE[:-2] + b"\xff\xff" + b"c" * 65_535, None),
    "with an empty archive as its comment": (WHOLE[:-2] + struct.pack("<H", 22) + end(), ["empty", "hand in"]),
    "with another archive behind": (packed("x = 2\n") + WHOLE, None),
    "by LZMA": (packed(method=zipfile.ZIP_LZMA), None),
    "by bzip2": (packed(method=zipfile.ZIP_BZIP2), None),
    "by LZMA with a dictionary of 4 GB": (spoiled(zipfile.ZIP_LZMA, 5, b"\xff\xff\xff\xff"), ["unpack", CODE_ONLY]),
    "by LZMA that is none": (spoiled(zipfile.ZIP_LZMA, 12, b"\xff" * 12), ["broken", RECREATE]),
    "by LZMA with odd properties": (spoiled(zipfile.ZIP_LZMA, 4, b"\xff"), ["broken", RECREATE]),
    "by LZMA without properties": (spoiled(zipfile.ZIP_LZMA, 2, b"\0\0"), ["broken", RECREATE]),
    "by bzip2 that is none": (spoiled(zipfile.ZIP_BZIP2, 4, b"\xff" * 12), ["broken", RECREATE]),
    "by deflate that is none": (spoiled(zipfile.ZIP_DEFLATED, 0, b"\xff" * 4), ["broken", RECREATE]),
    "by another deflate": (WHOLE.replace(b"\x08\0", b"\x09\0"), ["not supported", RECREATE]),
    "encrypted with AES": (WHOLE.replace(b"\x08\0", b"\x63\0"), ["not supported", RECREATE]),
    "with a count too large": (ended(WHOLE, 8, b"\xff\xff\xff\xff"), None),
    "with a count of none": (ended(WHOLE, 8, b"\0\0\0\0"), None),
    "with a directory elsewhere": (ended(WHOLE, 16, b"\xff\xff\xff\x7f"), ["broken", RECREATE]),
    "with a directory too large": (ended(WHOLE, 12, b"\xff\xff\xff\x7f"), ["broken", RECREATE]),
    "on two disks": (ended(WHOLE, 4, b"\1\0\1\0"), None),
    "large, with sizes beyond all": (BODY + long(len(BODY)), ["broken", RECREATE]),
    "large, with an end beyond all": (BODY + long(2**63), ["broken", RECREATE]),
    "with an extra field": (packed(extra=b"\x99\x99\4\0abcd"), None),
    "with half an extra field": (packed(extra=b"\1\0"), None),
    "with an extra field that lies": (packed(extra=b"\1\0\xff\xff"), ["broken", RECREATE]),
    "with another name in an extra field": (packed(extra=b"up\x0e\0\1\0\0\0\0../evil.py"[:18]), None),
}


@pytest.fixture
def unpack(zygote, tmp_path):
    """Stage an archive; its problem, and what was written as {path: bytes}."""

    def run(content: bytes, **limits):
        path = tmp_path / "ada.zip"
        path.write_bytes(content)
        submission = stage(path, zygote, Limits(**limits))
        folder = zygote.spool / submission.entry
        files = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
        unstage(submission, zygote)
        assert path.read_bytes() == content
        assert [file.name for file in tmp_path.iterdir()] == ["ada.zip"]
        return submission.problem, files

    return run


@pytest.mark.parametrize(("content", "words"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives_that_no_tool_writes_are_read_or_refused_in_words(unpack, content, words):
    """Read where any tool would read them; else there is one reason, with what to do."""
    problem, files = unpack(content)
    if words is None:
        assert (problem, files) == (None, {"task.py": GOOD.encode()})
    else:
        assert [word for word in words if word not in str(problem)] == [], problem
        assert files == {}


@pytest.mark.isolation
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bombs_of_every_method_stop_at_the_cap(unpack, method):
    """By what comes out of them, whatever they say of themselves."""
    problem, files = unpack(packed(b"\0" * (1 << 24), method))
    assert ("100 times its size" in problem, files) == (True, {}), problem


def test_a_bomb_in_a_bomb_is_a_file(unpack):
    """What lies in an archive is not unpacked again: however little it takes."""
    inner = packed(packed(b"\0" * (1 << 24)), zipfile.ZIP_DEFLATED)
    buffer = io.BytesIO(packed())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("inner.zip", inner)
    problem, files = unpack(buffer.getvalue())
    assert (problem, files["inner.zip"]) == (None, inner)


def test_a_directory_of_thousands_on_one_header_is_counted_first(unpack):
    problem, files = unpack(shared(20_000))
    assert ("20000 files, at most 2000" in problem, files) == (True, {}), problem


@pytest.mark.slow
@pytest.mark.parametrize("memory_mib", [100, 2048])
def test_a_million_entries_end_in_words(unpack, memory_mib):
    """Counted, or stopped when the time or the memory for unpacking was spent."""
    started = time.monotonic()
    problem, files = unpack(shared(1_000_000), memory_mib=memory_mib)
    assert time.monotonic() - started < 100
    assert (CODE_ONLY in problem, files) == (True, {}), problem


@pytest.mark.slow
def test_as_much_as_may_be_is_read(unpack):
    """The refusals above are not for some other reason."""
    content = os.urandom(60 << 20)
    assert unpack(packed(content, zipfile.ZIP_STORED))[1] == {"task.py": content}
