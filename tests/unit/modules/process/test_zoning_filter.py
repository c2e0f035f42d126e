from typing import Any

import pytest
from tests.fixtures.payloads import track, tracks

from spyoncino.geometry.boxes import Box
from spyoncino.modules.process.zoning_filter import ZoningFilterModule
from spyoncino.schemas.control import ZoneDefinition
from spyoncino.schemas.detections import TrackState, TrackUpdate
from spyoncino.schemas.topics import MOTION_UNIQUE, MOTION_ZONED
from spyoncino.testing.harness import ModuleHarness

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
AT_LEFT = Box(0.1, 0.3, 0.3, 0.9)
AT_RIGHT = Box(0.7, 0.3, 0.9, 0.9)


def zone(name: str, **changes: Any) -> ZoneDefinition:
    values = {"polygon": LEFT, "inertia_frames": 1, **changes}
    return ZoneDefinition(name=name, **values)


def last(harness: ModuleHarness) -> TrackUpdate:
    return harness.received(MOTION_ZONED)[-1]


async def test_without_zones_everything_passes(module_harness: ModuleHarness) -> None:
    await module_harness.add(ZoningFilterModule)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, [track(1, box=AT_LEFT)]))
    assert last(module_harness).tracks == (track(1, box=AT_LEFT),)
    assert last(module_harness).attributes["zone_matches"] == {"1": ()}
    assert not module_harness.reasons("track 1")


async def test_a_track_is_told_with_the_zones_it_is_in(module_harness: ModuleHarness) -> None:
    module_harness.set_camera(zones=(zone("porch"),))
    await module_harness.add(ZoningFilterModule)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, [track(1, box=AT_LEFT)]))
    assert last(module_harness).tracks[0].zones == ("porch",)
    assert last(module_harness).attributes["zone_matches"] == {"1": ("porch",)}
    assert module_harness.reasons("track 1") == [(True, "a person is in porch")]


async def test_a_track_outside_every_zone_is_stopped_but_time_passes_on(
    module_harness: ModuleHarness,
) -> None:
    module_harness.set_camera(zones=(zone("porch"),))
    module = await module_harness.add(ZoningFilterModule)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, [track(1, box=AT_RIGHT)]))
    assert last(module_harness).tracks == ()
    assert module_harness.reasons("track 1") == [(False, "it is in no zone")]
    assert (await module.health()).numbers == {"stopped": 1}


async def test_zones_may_only_name_places(module_harness: ModuleHarness) -> None:
    module_harness.set_camera(zones=(zone("porch"),), overrides={"zoning": {"outside": "keep"}})
    await module_harness.add(ZoningFilterModule)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, [track(1, box=AT_RIGHT)]))
    assert last(module_harness).tracks[0].zones == ()
    assert module_harness.reasons("track 1") == [(True, "it is in no zone")]


async def test_what_stands_only_in_an_excluded_zone_is_stopped(
    module_harness: ModuleHarness,
) -> None:
    module_harness.set_camera(zones=(zone("street", kind="exclude"),))
    await module_harness.add(ZoningFilterModule)
    found = [track(1, box=AT_LEFT), track(2, box=AT_RIGHT)]
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, found))
    assert [each.track_id for each in last(module_harness).tracks] == [2]
    assert module_harness.reasons("track 1") == [
        (False, "it stands only in the excluded zone street")
    ]


async def test_frames_that_were_left_out_before_count_for_inertia(
    module_harness: ModuleHarness,
) -> None:
    module_harness.set_camera(zones=(zone("porch", inertia_frames=3),))
    await module_harness.add(ZoningFilterModule)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, [track(1, box=AT_LEFT)]))
    assert not last(module_harness).tracks
    assert module_harness.reasons("track 1") == [(False, "it is not long enough in porch yet")]
    update = tracks(1.0, [track(1, box=AT_LEFT)], attributes={"left_out": {"1": 4}})
    await module_harness.feed(MOTION_UNIQUE, update)
    assert last(module_harness).tracks[0].zones == ("porch",)


@pytest.mark.parametrize("was_inside", [True, False])
async def test_the_end_of_a_track_is_told_if_the_track_was(
    module_harness: ModuleHarness, was_inside: bool
) -> None:
    module_harness.set_camera(zones=(zone("porch"),))
    await module_harness.add(ZoningFilterModule)
    first = track(1, box=AT_LEFT if was_inside else AT_RIGHT)
    ended = track(1, box=AT_RIGHT, state=TrackState.ENDED)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, [first]), tracks(1.0, [ended]))
    assert len(last(module_harness).tracks) == int(was_inside)


async def test_the_end_of_the_stream_and_a_new_beginning_forget_who_was_where(
    module_harness: ModuleHarness,
) -> None:
    module_harness.set_camera(zones=(zone("porch", inertia_frames=2),))
    await module_harness.add(ZoningFilterModule)
    here = [track(1, box=AT_LEFT)]
    await module_harness.feed(MOTION_UNIQUE, tracks(50.0, here), tracks(0.0, here))
    assert not last(module_harness).tracks
    await module_harness.feed(MOTION_UNIQUE, tracks(0.1, here, end_of_stream=True))
    assert last(module_harness).end_of_stream
    assert last(module_harness).tracks
    await module_harness.feed(MOTION_UNIQUE, tracks(0.2, here))
    assert not last(module_harness).tracks


async def test_other_zones_of_one_camera_leave_the_presence_at_the_others(
    module_harness: ModuleHarness,
) -> None:
    module_harness.set_camera(zones=(zone("porch", inertia_frames=2),))
    module = await module_harness.add(ZoningFilterModule)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.0, [track(1, box=AT_LEFT)]))
    module_harness.set_camera("yard", zones=(zone("lawn"),))
    await module.configure(module.settings)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.1, [track(1, box=AT_LEFT)]))
    assert last(module_harness).tracks[0].zones == ("porch",), "the first frame still counts"
    module_harness.set_camera(zones=(zone("stairs"),))
    await module.configure(module.settings)
    await module_harness.feed(MOTION_UNIQUE, tracks(0.2, [track(1, box=AT_LEFT)]))
    assert last(module_harness).tracks[0].zones == ("stairs",)
