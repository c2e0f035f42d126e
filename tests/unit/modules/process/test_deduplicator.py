from tests.fixtures.payloads import CAMERA, track, tracks

from spyoncino.geometry.boxes import Box
from spyoncino.modules.process.deduplicator import DeduplicatorModule, DeduplicatorSettings
from spyoncino.schemas.detections import TrackState
from spyoncino.schemas.topics import MOTION_UNIQUE, TRACKS
from spyoncino.testing.harness import ModuleHarness


async def test_a_standing_thing_is_told_once_a_second_only(module_harness: ModuleHarness) -> None:
    module = await module_harness.add(DeduplicatorModule)
    for step in range(21):
        await module_harness.feed(TRACKS, tracks(step / 10, [track(1)]))
    told = module_harness.received(MOTION_UNIQUE)
    assert [each.frame.pts_s for each in told] == [0.0, 1.0, 2.0]
    assert [each.attributes["left_out"] for each in told] == [{}, {"1": 9}, {"1": 9}]
    assert (await module.health()).numbers == {"told": 3, "left_out": 18}


async def test_only_the_tracks_with_news_are_told(module_harness: ModuleHarness) -> None:
    await module_harness.add(DeduplicatorModule)
    await module_harness.feed(TRACKS, tracks(0.0, [track(1), track(2)]))
    moved = track(2, box=Box(0.1, 0.1, 0.3, 0.7))
    await module_harness.feed(TRACKS, tracks(0.1, [track(1), moved]))
    assert module_harness.received(MOTION_UNIQUE)[-1].tracks == (moved,)


async def test_time_is_told_although_there_is_no_track(module_harness: ModuleHarness) -> None:
    await module_harness.add(DeduplicatorModule)
    for step in range(16):
        tentative = track(1, state=TrackState.TENTATIVE)
        await module_harness.feed(TRACKS, tracks(step / 10, [tentative]))
    told = module_harness.received(MOTION_UNIQUE)
    assert [(each.frame.pts_s, each.tracks) for each in told] == [(0.0, ()), (1.0, ())]


async def test_the_end_of_the_stream_is_always_told_and_forgets_everything(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(DeduplicatorModule)
    await module_harness.feed(TRACKS, tracks(0.0, [track(1)]))
    ended = track(1, state=TrackState.ENDED)
    await module_harness.feed(TRACKS, tracks(0.1, [ended], end_of_stream=True))
    assert module_harness.received(MOTION_UNIQUE)[-1].end_of_stream
    await module_harness.feed(TRACKS, tracks(0.2, [track(1)]))
    assert module_harness.received(MOTION_UNIQUE)[-1].tracks == (track(1),)


async def test_a_source_that_begins_again_is_news(module_harness: ModuleHarness) -> None:
    await module_harness.add(DeduplicatorModule)
    await module_harness.feed(TRACKS, tracks(50.0, [track(1)]), tracks(0.0, [track(1)]))
    assert [each.frame.pts_s for each in module_harness.received(MOTION_UNIQUE)] == [50.0, 0.0]


async def test_cameras_do_not_share_their_news(module_harness: ModuleHarness) -> None:
    await module_harness.add(DeduplicatorModule)
    await module_harness.feed(
        TRACKS, tracks(0.0, [track(1)]), tracks(0.0, [track(1)], camera="gate")
    )
    cameras = [each.frame.camera for each in module_harness.received(MOTION_UNIQUE)]
    assert cameras == [CAMERA, "gate"]


async def test_a_camera_may_have_its_own_settings(module_harness: ModuleHarness) -> None:
    module_harness.set_camera(overrides={"deduplicate": {"refresh_s": 5.0}})
    await module_harness.add(DeduplicatorModule)
    for step in range(6):
        await module_harness.feed(TRACKS, tracks(float(step), [track(1)]))
    assert [each.frame.pts_s for each in module_harness.received(MOTION_UNIQUE)] == [0.0, 5.0]


async def test_the_same_settings_change_nothing_and_others_begin_anew(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(DeduplicatorModule)
    await module_harness.feed(TRACKS, tracks(0.0, [track(1)]))
    await module.configure(DeduplicatorSettings())
    await module_harness.feed(TRACKS, tracks(0.1, [track(1)]))
    assert len(module_harness.received(MOTION_UNIQUE)) == 1
    await module.configure(DeduplicatorSettings(refresh_s=2.0))
    await module_harness.feed(TRACKS, tracks(0.2, [track(1)]))
    assert len(module_harness.received(MOTION_UNIQUE)) == 2
