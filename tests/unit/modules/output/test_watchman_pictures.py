"""A bad picture is a trouble like any other: one message, edited at its end."""

import pytest

from spyoncino.modules.output.watchman import TICK_S, Watchman
from spyoncino.schemas.picture import PictureState, PictureStatus
from spyoncino.schemas.status import HealthState, HealthSummary
from spyoncino.schemas.topics import NOTIFY_QUEUED, STATUS_HEALTH, STATUS_PICTURE
from spyoncino.testing.harness import ModuleHarness

QUEUED = NOTIFY_QUEUED.of("pigeon")


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (PictureState.COVERED, "door is covered"),
        (PictureState.MOVED, "door was moved"),
        (PictureState.FROZEN, "door shows a frozen picture"),
        (PictureState.DARK, "door is dark"),
    ],
)
async def test_a_bad_picture_is_told_and_its_end_edits_the_message(
    harness: ModuleHarness, state: PictureState, title: str
) -> None:
    harness.context.channels = lambda: ("pigeon",)
    harness.set_camera("door")
    await harness.add(Watchman)
    await harness.feed(STATUS_HEALTH, HealthSummary(state=HealthState.OK, modules={}))
    for camera in ("door", "camera-that-was-removed"):
        status = PictureStatus(camera=camera, state=state, detail="why")
        await harness.feed(STATUS_PICTURE, status)
    await harness.clock.advance(TICK_S)
    await harness.settle_writes()
    (alert,) = harness.received(QUEUED)
    assert alert.title == title
    assert alert.event_ref.startswith(f"camera-door-{state.value}-")
    assert alert.text.endswith(": why.")
    await harness.feed(STATUS_PICTURE, PictureStatus(camera="door", state=PictureState.FINE))
    for _ in range(8):
        await harness.clock.advance(TICK_S)
        await harness.settle_writes()
    first, second = harness.received(QUEUED)
    assert (second.event_ref, second.revision) == (first.event_ref, 2)
