"""The journal of presses: synced, preallocated, whole after a crash."""

import os
from pathlib import Path

import pytest

from spyoncino.errors import StorageError
from spyoncino.persistence.press_journal import MAX_BODY_BYTES, SLOT_BYTES, SLOTS, PressJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "presses.journal"


def test_what_was_appended_and_not_finished_is_there_after_a_crash(path: Path) -> None:
    journal = PressJournal(path)
    assert journal.open() == []
    slots = [journal.append(body) for body in (b"one", b"two", b"three")]
    journal.finish(slots[1])

    again = PressJournal(path)

    assert sorted(press.body for press in again.open()) == [b"one", b"three"]


def test_what_was_recovered_stays_until_it_is_safe(path: Path) -> None:
    journal = PressJournal(path)
    journal.open()
    journal.append(b"one")
    second = PressJournal(path)
    second.open()
    second.append(b"two")

    third = PressJournal(path)
    unfinished = third.open()
    assert sorted(press.body for press in unfinished) == [b"one", b"two"]
    for press in unfinished:
        third.finish(press.slot)
    third.close()

    assert PressJournal(path).open() == []


def test_its_room_is_taken_once_and_never_grows(path: Path) -> None:
    journal = PressJournal(path)
    journal.open()
    for _ in range(3 * SLOTS):
        journal.finish(journal.append(b"x" * MAX_BODY_BYTES))
    assert path.stat().st_size == SLOTS * SLOT_BYTES
    assert path.stat().st_blocks * 512 >= SLOTS * SLOT_BYTES


@pytest.mark.parametrize("cut", [3, 9, 14])
def test_a_record_that_was_cut_is_no_press(path: Path, cut: int) -> None:
    journal = PressJournal(path)
    journal.open()
    slot = journal.append(b"a press that was cut")
    with path.open("r+b") as file:
        file.seek(slot * SLOT_BYTES + cut)
        file.write(bytes(100))

    assert PressJournal(path).open() == []


def test_one_press_more_than_fits_is_refused_with_a_sentence(path: Path) -> None:
    journal = PressJournal(path)
    journal.open()
    slots = [journal.append(b"x") for _ in range(SLOTS)]

    with pytest.raises(StorageError, match="256 presses that are not safe"):
        journal.append(b"y")

    journal.finish(slots[0])
    journal.append(b"y")


def test_a_press_that_is_too_long_is_refused(path: Path) -> None:
    journal = PressJournal(path)
    journal.open()
    with pytest.raises(StorageError, match="does not fit"):
        journal.append(bytes(MAX_BODY_BYTES + 1))


def test_a_disk_that_refuses_costs_no_slot(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = PressJournal(path)
    journal.open()

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refuse)
        for _ in range(SLOTS + 1):
            with pytest.raises(StorageError, match="No space left"):
                journal.append(b"x")
    journal.append(b"x")


def test_a_closed_journal_says_so(path: Path) -> None:
    journal = PressJournal(path)
    journal.open()
    journal.close()
    with pytest.raises(StorageError, match="not open"):
        journal.append(b"x")
