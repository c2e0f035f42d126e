"""Looks come in, a bad picture goes out, and what is known of a camera outlives a restart."""

import asyncio
from base64 import b64encode

import numpy as np

from spyoncino.detectors.picture_facts import SKETCH_SHAPE
from spyoncino.modules.output.watchman import Watchman
from spyoncino.modules.process.picture_watch import PictureWatch
from spyoncino.schemas.picture import PictureLook, PictureState, PictureStatus
from spyoncino.schemas.status import HealthState, HealthSummary
from spyoncino.schemas.topics import CAMERA_LOOK, NOTIFY_QUEUED, STATUS_HEALTH, STATUS_PICTURE
from spyoncino.testing.harness import CAMERA, ModuleHarness

LOOK_S = 15.0
QUEUED = NOTIFY_QUEUED.of("pigeon")
_RNG = np.random.default_rng(1)
EDGES = _RNG.integers(0, 200, SKETCH_SHAPE, np.uint8).tobytes()


def look(*, is_covered: bool = False, camera: str = CAMERA) -> PictureLook:
    cells = bytes([9]) * len(EDGES) if is_covered else EDGES
    return PictureLook(
        camera=camera,
        pts_s=1.0,
        brightness_grey=120,
        contrast_grey=4 if is_covered else 45,
        sharpness_grey=0.5 if is_covered else 9,
        structure=0 if is_covered else 0.8,
        is_grey=False,
        same=0.0,
        sketch=b64encode(cells).decode(),
    )


async def show(harness: ModuleHarness, for_s: float, *, is_covered: bool = False) -> None:
    for _ in range(round(for_s / LOOK_S)):
        await harness.clock.advance(LOOK_S)
        await harness.feed(CAMERA_LOOK.of(CAMERA), look(is_covered=is_covered))


async def test_a_covered_camera_becomes_one_message_and_its_end_edits_it(
    harness: ModuleHarness,
) -> None:
    harness.context.channels = lambda: ("pigeon",)
    harness.set_camera(CAMERA)
    await harness.add(PictureWatch)
    await harness.add(Watchman)
    await harness.feed(STATUS_HEALTH, HealthSummary(state=HealthState.OK, modules={}))
    await show(harness, 300)
    assert harness.received(QUEUED) == []
    await show_until_queued(harness, 1, is_covered=True)
    await show_until_queued(harness, 2)
    first, second = harness.received(QUEUED)
    assert first.title == f"{CAMERA} is covered"
    assert (second.event_ref, second.revision) == (first.event_ref, 2)


async def show_until_queued(
    harness: ModuleHarness, count: int, *, is_covered: bool = False
) -> None:
    """The watchman asks its database in a thread: a busy machine needs some looks more."""
    for _ in range(200):
        await show(harness, LOOK_S, is_covered=is_covered)
        await harness.settle()
        if len(harness.received(QUEUED)) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{len(harness.received(QUEUED))} messages, not {count}")


def told(harness: ModuleHarness) -> list[PictureStatus]:
    return harness.received(STATUS_PICTURE)


async def test_a_covered_camera_is_told_with_each_look_and_its_end_once(
    harness: ModuleHarness,
) -> None:
    harness.set_camera(CAMERA)
    module = await harness.add(PictureWatch)
    await show(harness, 300)
    assert {each.state for each in told(harness)} == {PictureState.FINE}
    await show(harness, 180, is_covered=True)
    assert told(harness)[-1].state is PictureState.COVERED
    assert told(harness)[-1].detail == "everything in the picture became indistinct"
    assert (await module.health()).numbers["bad_pictures"] == 1
    await show(harness, 60)
    assert told(harness)[-1].state is PictureState.FINE
    assert [each.reason for each in harness.decisions("picture")] == [
        "covered: everything in the picture became indistinct",
        "the picture is fine again",
    ]


async def test_after_a_restart_a_covered_camera_is_said_to_be_covered_at_once(
    harness: ModuleHarness,
) -> None:
    harness.set_camera(CAMERA)
    module = await harness.add(PictureWatch)
    await show(harness, 300)
    await show(harness, 180, is_covered=True)
    await module.stop()
    count = len(told(harness))
    await harness.add(PictureWatch)
    await harness.settle()
    (first,) = told(harness)[count:]
    assert first.state is PictureState.COVERED


async def test_a_camera_that_is_switched_off_has_nothing_wrong(harness: ModuleHarness) -> None:
    harness.set_camera(CAMERA)
    module = await harness.add(PictureWatch)
    await show(harness, 300)
    await show(harness, 180, is_covered=True)
    await module.configure(module.settings.model_copy(update={"enabled": False}))
    await harness.settle()
    assert told(harness)[-1].state is PictureState.FINE
    count = len(told(harness))
    await show(harness, 180, is_covered=True)
    assert len(told(harness)) == count


async def test_what_cannot_be_kept_is_said_and_a_broken_file_is_learned_anew(
    harness: ModuleHarness,
) -> None:
    harness.set_camera(CAMERA)
    harness.context.data.root.mkdir(parents=True, exist_ok=True)
    harness.context.data.views.write_text("not a folder")
    module = await harness.add(PictureWatch)
    await show(harness, 660)
    health = await module.health()
    assert health.state is HealthState.DEGRADED
    assert CAMERA in health.detail
    harness.context.data.views.unlink()
    harness.context.data.views.mkdir()
    (harness.context.data.views / f"{CAMERA}.json").write_text("{")
    await show(harness, 660)
    assert (await module.health()).state is HealthState.OK
