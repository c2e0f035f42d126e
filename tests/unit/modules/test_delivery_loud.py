"""What is to be heard waits for no pause that an edit was given."""

import pytest
from tests.unit.modules.test_delivery import QUEUED, Pigeon, alert, wait_s

from spyoncino.errors import DeliveryError, DeliveryLaterError
from spyoncino.testing.harness import ModuleHarness

PACE = DeliveryLaterError("the pace wants a pause", retry_after_s=60.0)
FAILURE = DeliveryError("the bridge is out")
ASKED = DeliveryError("leave me alone", retry_after_s=60.0)


async def rung(harness: ModuleHarness, revision: int) -> None:
    told = alert(harness, revision).model_copy(update={"loud_revision": revision})
    await harness.feed(QUEUED, told)
    await wait_s(harness, 0)


@pytest.mark.parametrize(("trouble", "is_asked"), [(PACE, False), (FAILURE, False), (ASKED, True)])
async def test_a_ring_ends_the_pause_of_an_edit_unless_the_far_side_asked_for_it(
    harness: ModuleHarness, trouble: DeliveryError, is_asked: bool
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, first_retry_s=60.0)
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    pigeon.troubles = [trouble]
    await harness.feed(QUEUED, alert(harness, 2))
    await wait_s(harness, 0)
    await rung(harness, 3)
    heard = [("tower", 3, "feather-1")]
    assert pigeon.told[1:] == ([] if is_asked else heard)
    await wait_s(harness, 60.0)
    assert pigeon.told[1:] == heard


async def test_further_revisions_do_not_end_the_pause_of_a_ring(harness: ModuleHarness) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, first_retry_s=60.0)
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    pigeon.troubles = [FAILURE]
    await rung(harness, 2)
    later = alert(harness, 3).model_copy(update={"loud_revision": 2})
    await harness.feed(QUEUED, later)
    await wait_s(harness, 1.0)
    assert len(pigeon.told) == 1
    await wait_s(harness, 60.0)
    assert pigeon.told[1:] == [("tower", 3, "feather-1")]


async def test_a_ring_that_comes_while_an_edit_is_tried_does_not_wait_for_its_pause(
    harness: ModuleHarness,
) -> None:
    pigeon = await harness.add(Pigeon, enabled=True, timeout_s=0.2, first_retry_s=60.0)
    await harness.feed(QUEUED, alert(harness))
    await wait_s(harness, 0)
    pigeon.hanging.add("tower")
    await harness.feed(QUEUED, alert(harness, 2))
    await wait_s(harness, 0)
    await rung(harness, 3)
    pigeon.hanging.clear()
    while len(pigeon.ids) < 3:  # the edit's try is cut off by the loop's own time
        await harness.settle()
    await wait_s(harness, 0)
    assert pigeon.told[1:] == [("tower", 3, "feather-1")]
