"""Run folders and leftovers; the death of real processes is shown in tests/processes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from spyoncino.errors import StorageError
from spyoncino.runtime import children
from spyoncino.runtime.children import (
    ChildStarter,
    LeaveRequest,
    RunFolder,
    has_ended,
    how_it_ended,
    remove_leftovers,
    shared_memory_base,
)

DYING_MAIN = """
import os, sys
from pathlib import Path
from spyoncino.runtime.children import RunFolder
folder = RunFolder.create(Path(sys.argv[1]))
(folder.path / "door.1-frames.ring").write_bytes(b"pixels")
os._exit(9)
"""


def leave_leftovers(base: Path) -> None:
    subprocess.run([sys.executable, "-c", DYING_MAIN, str(base)], check=False)


def test_a_run_folder_is_private_and_named_after_the_user(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)

    assert folder.path.parent == tmp_path
    assert folder.path.name.startswith(f"spyoncino-{os.getuid()}-")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.remove()


def test_a_removed_folder_takes_everything_with_it_and_may_be_removed_twice(
    tmp_path: Path,
) -> None:
    folder = RunFolder.create(tmp_path)
    (folder.path / "door.ring").write_bytes(b"pixels")

    folder.remove()
    folder.remove()

    assert list(tmp_path.iterdir()) == []


def test_the_leftovers_of_a_dead_run_are_removed_and_named(tmp_path: Path) -> None:
    leave_leftovers(tmp_path)
    (left,) = tmp_path.iterdir()

    assert remove_leftovers(tmp_path) == [left]
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_living_run_stays(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)

    assert remove_leftovers(tmp_path) == []

    assert folder.path.exists()
    folder.remove()


def test_files_and_folders_of_others_stay(tmp_path: Path) -> None:
    prefix = f"spyoncino-{os.getuid()}-"
    (tmp_path / f"{prefix}file").write_text("not a folder")
    (tmp_path / "something else").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"{prefix}link").symlink_to(elsewhere)

    assert remove_leftovers(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 4


def test_a_folder_of_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_leftovers(tmp_path)
    owner = os.getuid()
    monkeypatch.setattr(children, "_prefix", lambda: f"spyoncino-{owner}-")
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)

    assert remove_leftovers(tmp_path) == []


@pytest.mark.parametrize("has_lock_file", [False, True])
def test_a_folder_that_a_run_is_just_making_stays_until_it_is_old(
    tmp_path: Path, has_lock_file: bool
) -> None:
    folder = tmp_path / f"spyoncino-{os.getuid()}-young"
    folder.mkdir()
    if has_lock_file:
        (folder / children.LOCK_NAME).touch()

    assert remove_leftovers(tmp_path) == []
    long_ago = time.time() - 2 * children.UNLOCKED_GRACE_S
    os.utime(folder, (long_ago, long_ago))

    assert remove_leftovers(tmp_path) == [folder]


def test_a_lock_that_cannot_be_opened_means_hands_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_leftovers(tmp_path)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    assert remove_leftovers(tmp_path) == []


def test_a_base_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No folder for shared memory can be made"):
        RunFolder.create(tmp_path / "missing")


def test_without_shared_memory_the_temporary_folder_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shared_memory_base() == children.SHARED_MEMORY
    monkeypatch.setattr(children, "SHARED_MEMORY", tmp_path / "missing")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert shared_memory_base() == tmp_path


def test_sigterm_gives_main_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])  # of this room only: others read it, too
    monkeypatch.setattr(children, "time", clock)
    before = signal.getsignal(signal.SIGTERM)
    try:
        leave = LeaveRequest(grace_s=10.0)
        assert not leave.is_overdue
        os.kill(os.getpid(), signal.SIGTERM)
        now[0] = 105.0
        assert not leave.is_overdue
        os.kill(os.getpid(), signal.SIGTERM)
        now[0] = 110.0
        assert leave.is_overdue
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_the_end_of_a_child_is_noticed_and_told_in_words() -> None:
    starter = ChildStarter()
    process = await starter.start(signal.pause, (), "sleeper")

    assert how_it_ended(process) == "still runs"
    assert not await has_ended(process, 0.01)
    process.kill()
    assert await has_ended(process, 10.0)
    assert how_it_ended(process) == "was killed by signal 9 (SIGKILL)"
    assert await has_ended(process, 0.0)

    process = await starter.start(sys.exit, (3,), "leaver")
    assert await has_ended(process, 10.0)
    assert how_it_ended(process) == "ended with exit code 3"
    process.close()
    await asyncio.to_thread(starter.close)
