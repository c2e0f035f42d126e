import os
from datetime import date
from pathlib import Path

import pytest

from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.errors import StorageError


def test_the_configured_folder_wins(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert resolve_data_dir(tmp_path / "mine", tmp_path / "s.yaml") == tmp_path / "mine"
    assert resolve_data_dir(Path("~/mine"), None) == Path.home() / "mine"


def test_data_beside_the_configuration_is_taken_when_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    config = tmp_path / "spyoncino.yaml"
    assert resolve_data_dir(None, config) == tmp_path / "share" / "spyoncino"
    (tmp_path / "data").mkdir()
    assert resolve_data_dir(None, config) == tmp_path / "data"
    monkeypatch.chdir(tmp_path)
    assert resolve_data_dir(None, None) == tmp_path / "data"


def test_everything_has_its_place(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    assert data.database == tmp_path / "spyoncino.db"
    assert data.log == tmp_path / "logs" / "doorbell.log"
    clip = data.media(date(2026, 3, 1), "e1", "clip.mp4")
    assert clip == tmp_path / "media" / "2026-03-01" / "e1" / "clip.mp4"
    assert data.media(date(2026, 3, 1), "e1") == clip.parent
    assert data.relative(clip) == "media/2026-03-01/e1/clip.mp4"
    with pytest.raises(StorageError, match="outside the data folder"):
        data.relative(tmp_path.parent / "x")


def test_the_folder_is_private(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "a" / "b")
    data.prepare()
    data.prepare()
    assert data.root.stat().st_mode & 0o077 == 0
    assert data.media_root.is_dir()


def test_a_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot be created .* choose another with --data DIR"):
        DataFolder(tmp_path / "file" / "data").prepare()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageError, match="cannot be written by this user"):
        DataFolder(tmp_path / "data").prepare()


def owner_of(root: Path) -> int | None:
    return DataFolder(root).running_process


def test_only_one_main_has_the_folder(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    assert owner_of(tmp_path) is None
    with first:
        assert owner_of(tmp_path) == os.getpid()
        sentence = rf"already running on {tmp_path} \(process {os.getpid()}\)"
        with pytest.raises(StorageError, match=sentence):
            second.lock()
        second.unlock()
        assert owner_of(tmp_path) == os.getpid()
    assert owner_of(tmp_path) is None
    with second:
        assert owner_of(tmp_path) == os.getpid()


def test_a_lock_without_an_owner_still_counts(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    with data:
        data.lock_file.write_text("")
        assert DataFolder(tmp_path).running_process == 0
        with pytest.raises(StorageError, match="process unknown"):
            DataFolder(tmp_path).lock()


def test_a_lock_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.lock_file.mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        data.lock()
