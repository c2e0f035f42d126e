"""What one place in the crew counts."""

import pytest

from spyoncino.runtime.worker_slot import Slot, SlotState

SECOND_NS = 1_000_000_000


def test_busy_share_looks_back_over_the_last_ten_seconds() -> None:
    slot = Slot("worker-1", state=SlotState.BUSY)
    for second in range(30):
        slot.sample(second * SECOND_NS)
    slot.busy_ns = slot.busy_until(30 * SECOND_NS)
    slot.state, slot.since_ns = SlotState.IDLE, 30 * SECOND_NS
    slot.sample(30 * SECOND_NS)

    assert slot.busy_share(30 * SECOND_NS) == pytest.approx(1.0)
    for second in range(31, 36):
        slot.sample(second * SECOND_NS)
    assert slot.busy_share(35 * SECOND_NS) == pytest.approx(0.5)


def test_samples_within_one_second_are_left_out() -> None:
    slot = Slot("worker-1")
    for moment_ns in (1, 2, SECOND_NS, SECOND_NS + 1):
        slot.sample(moment_ns)

    assert [moment_ns for moment_ns, _ in slot.busy_samples] == [1, SECOND_NS + 1]


def test_slot_without_a_process_has_no_pid_and_no_memory() -> None:
    stats = Slot("worker-1", pss_bytes=5, error="it was lost").stats(0)

    assert (stats.pid, stats.pss_bytes, stats.busy_share) == (0, 0, 0.0)
    assert (stats.state, stats.error) == ("waiting", "it was lost")
