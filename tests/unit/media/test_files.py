"""Whole or not there."""

from pathlib import Path

import pytest

from spyoncino.errors import MediaError
from spyoncino.media.files import replacing, write_atomic


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "picture.jpg"
    write_atomic(path, b"picture")
    assert path.read_bytes() == b"picture"
    assert [entry.name for entry in path.parent.iterdir()] == ["picture.jpg"]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"


def _fail_while_writing(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyError("interrupted")


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"old")
    with pytest.raises(KeyError):
        _fail_while_writing(path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["picture.jpg"]


def test_a_refusing_disk_is_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(MediaError, match=r"picture\.jpg cannot be written: .+\."):
        write_atomic(blocked / "picture.jpg", b"picture")


def test_a_full_disk_is_a_sentence() -> None:
    with pytest.raises(MediaError, match="cannot be written"), replacing(Path("/proc/none/x")):
        pass
