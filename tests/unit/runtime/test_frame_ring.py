"""The frame ring: slots, generations, stale reads, and shared memory that is too small."""

import os
from pathlib import Path

import numpy as np
import pytest

from spyoncino.errors import RingFullError, StaleFrameError
from spyoncino.runtime.frame_ring import (
    FREE,
    HELD,
    FrameHandle,
    FrameRing,
    RingStates,
    read_frame,
)

WIDTH, HEIGHT = 64, 48
SIZE = WIDTH * HEIGHT * 3 // 2


@pytest.fixture
def ring(tmp_path: Path) -> FrameRing:
    return FrameRing.create(tmp_path, "door", 3, SIZE)


def put(ring: FrameRing, value: int) -> FrameHandle:
    slot = ring.claim()
    assert slot is not None
    ring.picture(slot, WIDTH, HEIGHT)[:] = value
    return ring.publish(slot, WIDTH, HEIGHT)


def states(ring: FrameRing) -> list[int]:
    return [int(state) for state in ring._records["state"]]


def test_a_published_picture_is_read_back_as_written(ring: FrameRing) -> None:
    handle = put(ring, 77)

    picture = read_frame(handle)

    assert picture.shape == (HEIGHT * 3 // 2, WIDTH)
    assert picture.dtype == np.uint8
    assert (picture == 77).all()


def test_the_writer_takes_free_slots_only_and_none_is_left_when_all_are_held(
    ring: FrameRing,
) -> None:
    handles = [put(ring, value) for value in range(3)]

    assert [h.slot for h in handles] == [0, 1, 2]
    assert ring.held == 3
    assert ring.claim() is None


def test_a_slot_freed_by_main_is_written_again_with_the_next_generation(ring: FrameRing) -> None:
    handles = [put(ring, value) for value in range(3)]
    main = RingStates(ring.path)

    main.free(handles[1].slot)
    again = put(ring, 9)
    main.close()

    assert (again.slot, again.generation) == (1, handles[1].generation + 1)


def test_slots_are_taken_in_turn_so_that_a_freed_picture_lives_long(ring: FrameRing) -> None:
    first = put(ring, 1)
    RingStates(ring.path).free(first.slot)

    second = put(ring, 2)

    assert second.slot != first.slot
    assert (read_frame(first) == 1).all()


def test_a_reader_notices_that_its_slot_is_being_written_again(ring: FrameRing) -> None:
    handles = [put(ring, value) for value in range(3)]
    RingStates(ring.path).free(0)

    assert ring.claim() == 0

    with pytest.raises(StaleFrameError, match="holds picture 2, not 1"):
        read_frame(handles[0])


def test_a_reader_notices_a_write_that_happens_during_its_copy(
    ring: FrameRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = put(ring, 1)
    plain_read = os.preadv

    def read_while_written(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        ring._records["generation"][handle.slot] += 1
        return plain_read(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", read_while_written)

    with pytest.raises(StaleFrameError, match="by now"):
        read_frame(handle)


def test_reading_from_a_ring_that_is_gone_is_stale(ring: FrameRing) -> None:
    handle = put(ring, 1)
    Path(ring.path).unlink()

    with pytest.raises(StaleFrameError, match="is gone"):
        read_frame(handle)
    with pytest.raises(StaleFrameError, match="is gone"):
        RingStates(ring.path)


@pytest.mark.parametrize(
    ("slot", "width_px"), [(3, WIDTH), (0, WIDTH * 2)], ids=["no such slot", "larger than a slot"]
)
def test_a_handle_that_does_not_fit_the_ring_is_refused(
    ring: FrameRing, slot: int, width_px: int
) -> None:
    handle = put(ring, 1)

    with pytest.raises(StaleFrameError, match="names no slot"):
        read_frame(FrameHandle(handle.ring, slot, 1, width_px, HEIGHT))


def test_a_file_that_was_cut_short_is_refused(ring: FrameRing) -> None:
    for _ in range(3):
        handle = put(ring, 1)
    os.truncate(ring.path, Path(ring.path).stat().st_size - 4096)

    with pytest.raises(StaleFrameError, match="cut short"):
        read_frame(handle)


@pytest.mark.parametrize(("width_px", "height_px"), [(WIDTH * 2, HEIGHT), (63, 48), (64, 47)])
def test_a_picture_that_does_not_fit_a_slot_is_refused(
    ring: FrameRing, width_px: int, height_px: int
) -> None:
    slot = ring.claim()
    assert slot is not None

    with pytest.raises(ValueError, match="does not fit"):
        ring.picture(slot, width_px, height_px)


def test_smaller_pictures_share_a_ring(ring: FrameRing) -> None:
    slot = ring.claim()
    assert slot is not None
    ring.picture(slot, 32, 16)[:] = 5

    assert (read_frame(ring.publish(slot, 32, 16)) == 5).all()


def test_all_memory_is_taken_at_once_so_that_a_write_cannot_fail_later(ring: FrameRing) -> None:
    facts = Path(ring.path).stat()

    assert facts.st_blocks * 512 >= facts.st_size >= 3 * SIZE
    assert facts.st_mode & 0o777 == 0o600


def test_shared_memory_that_is_too_small_is_one_sentence_with_the_sizes(tmp_path: Path) -> None:
    free_bytes = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize

    with pytest.raises(RingFullError) as caught:
        FrameRing.create(tmp_path, "door", 2, free_bytes)

    sentence = str(caught.value)
    assert "door needs" in sentence
    assert "MB are free" in sentence
    assert "shared_memory.ring_max_bytes" in sentence
    assert "\n" not in sentence
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_the_system_are_not_called_too_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "posix_fallocate", broken)

    with pytest.raises(OSError, match="Input/output"):
        FrameRing.create(tmp_path, "door", 2, SIZE)
    assert list(tmp_path.iterdir()) == []


def test_closing_leaves_the_file_to_its_readers(ring: FrameRing) -> None:
    handle = put(ring, 3)
    looked_at = ring.picture(handle.slot, WIDTH, HEIGHT)

    ring.close()

    assert (read_frame(handle) == 3).all()
    assert (looked_at == 3).all()


def test_states_tell_free_and_held(ring: FrameRing) -> None:
    handle = put(ring, 1)
    assert states(ring) == [HELD, FREE, FREE]

    RingStates(ring.path).free(handle.slot)

    assert states(ring) == [FREE, FREE, FREE]
