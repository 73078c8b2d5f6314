import os
import stat

import pytest

from grader.records.files import write_all_or_none, write_whole


def test_a_link_is_replaced_and_not_followed(tmp_path):
    precious, link = tmp_path / "precious", tmp_path / "link"
    precious.write_text("kept")
    link.symlink_to(precious)
    write_whole(link, b"new")
    assert (precious.read_text(), link.read_bytes(), link.is_symlink()) == ("kept", b"new", False)


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_file_has_the_modes_that_the_umask_leaves(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_what_cannot_be_replaced_leaves_no_draft(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "folder", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_all_are_written_with_the_folders_they_need(tmp_path):
    files = {tmp_path / "a" / "b" / "one": b"1", tmp_path / "c" / ".." / "two": b"2"}
    write_all_or_none(files)
    assert [file.read_bytes() for file in files] == [b"1", b"2"]


def test_where_one_is_there_none_is_written(tmp_path):
    (tmp_path / "there").write_text("kept")
    with pytest.raises(FileExistsError):
        write_all_or_none({tmp_path / "a" / "b" / "one": b"1", tmp_path / "there": b"2"})
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_text() == "kept"
