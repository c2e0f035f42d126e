"""Leases: a slot is free again exactly when its last lease ends."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spyoncino.errors import StaleFrameError, UsageError
from spyoncino.runtime.frame_ring import FrameHandle, FrameRing
from spyoncino.runtime.leases import LeaseBook


@pytest.fixture
def ring(tmp_path: Path) -> FrameRing:
    return FrameRing.create(tmp_path, "door", 3, 16 * 16 * 3 // 2)


def announce(ring: FrameRing) -> FrameHandle:
    slot = ring.claim()
    assert slot is not None
    return ring.publish(slot, 16, 16)


def test_the_last_release_frees_the_slot(ring: FrameRing) -> None:
    book = LeaseBook()
    handle = announce(ring)
    book.adopt(handle)
    book.hold(handle)

    book.release(handle)
    assert (ring.held, book.outstanding) == (1, 1)
    book.release(handle)

    assert (ring.held, book.outstanding) == (0, 0)


def test_one_release_too_many_is_an_error(ring: FrameRing) -> None:
    book = LeaseBook()
    handle = announce(ring)
    book.adopt(handle)
    book.release(handle)

    with pytest.raises(UsageError, match="more often than held"):
        book.release(handle)


def test_a_late_release_does_not_free_the_next_picture_in_the_same_slot(ring: FrameRing) -> None:
    book = LeaseBook()
    old = announce(ring)
    book.adopt(old)
    book.release(old)
    others = [announce(ring), announce(ring), announce(ring)]
    for handle in others:
        book.adopt(handle)

    with pytest.raises(UsageError):
        book.release(old)

    assert others[-1].slot == old.slot
    assert ring.held == 3


def test_a_picture_that_nobody_holds_any_more_cannot_be_held_again(ring: FrameRing) -> None:
    book = LeaseBook()
    handle = announce(ring)
    book.adopt(handle)
    book.release(handle)

    with pytest.raises(StaleFrameError, match="no longer held"):
        book.hold(handle)


def test_the_same_announcement_cannot_be_adopted_twice(ring: FrameRing) -> None:
    book = LeaseBook()
    handle = announce(ring)
    book.adopt(handle)

    with pytest.raises(UsageError, match="adopted twice"):
        book.adopt(handle)


def test_a_picture_of_a_ring_that_is_gone_cannot_be_adopted(ring: FrameRing) -> None:
    handle = announce(ring)
    Path(ring.path).unlink()

    with pytest.raises(StaleFrameError, match="is gone"):
        LeaseBook().adopt(handle)


def test_a_retired_ring_is_forgotten_with_its_last_lease(ring: FrameRing) -> None:
    book = LeaseBook()
    handle = announce(ring)
    book.adopt(handle)

    book.retire(ring.path)
    assert book.outstanding_of(ring.path) == 1
    assert ring.path in book._rings
    book.release(handle)

    assert book._rings == {}


def test_a_ring_without_leases_is_forgotten_at_once_and_an_unknown_one_ignored(
    ring: FrameRing,
) -> None:
    book = LeaseBook()
    book.open_ring(ring.path)
    book.open_ring(ring.path)

    book.retire(ring.path)
    book.retire("/nowhere")

    assert book._rings == {}


def test_closing_forgets_leases_too(ring: FrameRing) -> None:
    book = LeaseBook()
    book.adopt(announce(ring))

    book.close()

    assert book.outstanding == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["announce", "hold", "release"]), st.integers(0, 20))))
def test_slots_held_always_equal_pictures_with_leases(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    ring = FrameRing.create(tmp_path_factory.mktemp("ring"), "door", 3, 384)
    book = LeaseBook()
    leases: list[FrameHandle] = []
    for action, number in steps:
        if action == "announce":
            slot = ring.claim()
            if slot is not None:
                leases.append(ring.publish(slot, 16, 16))
                book.adopt(leases[-1])
        elif leases and action == "hold":
            leases.append(leases[number % len(leases)])
            book.hold(leases[-1])
        elif leases:
            book.release(leases.pop(number % len(leases)))

        assert ring.held == book.outstanding == len(set(leases))
    book.close()
    ring.close()
