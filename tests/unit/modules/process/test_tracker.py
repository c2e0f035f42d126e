from tests.fixtures.payloads import detection, detections

from spyoncino.geometry.boxes import Box
from spyoncino.modules.process.tracker import TrackerModule, TrackingSettings
from spyoncino.schemas.detections import DetectionEvent, TrackState
from spyoncino.schemas.topics import OBJECTS_DETECTED, TRACKS
from spyoncino.testing.harness import ModuleHarness
from spyoncino.tracking.spec import TrackerSpec


def walker(step: int, score: float = 0.9) -> DetectionEvent:
    """A person that walks to the right, ten frames a second."""
    left = 0.1 + step * 0.02
    found = detection("person", score, Box(left, 0.3, left + 0.1, 0.8))
    return detections(step / 10, found)


async def test_a_walker_becomes_a_confirmed_track_that_moved(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(TrackerModule)
    for step in range(20):
        await module_harness.feed(OBJECTS_DETECTED, walker(step))
    updates = module_harness.received(TRACKS)
    assert len(updates) == 20
    assert updates[0].tracks[0].state is TrackState.TENTATIVE
    (track,) = updates[-1].tracks
    assert (track.track_id, track.label, track.state) == (1, "person", TrackState.CONFIRMED)
    assert track.moved
    assert (track.start_s, track.end_s, track.hits) == (0.0, 1.9, 20)
    assert (await module.health()).numbers == {"living_tracks": 1, "confirmed_tracks": 1}
    assert module_harness.reasons("track 1")[0][1] in (
        "it is believed",
        "it stood there when the camera started",
    )


async def test_a_frame_without_detections_is_told_too(module_harness: ModuleHarness) -> None:
    await module_harness.add(TrackerModule)
    await module_harness.feed(OBJECTS_DETECTED, detections(0.0))
    assert module_harness.received(TRACKS)[0].tracks == ()


async def test_the_end_of_the_stream_ends_every_track_and_is_passed_on(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(TrackerModule)
    for step in range(20):
        await module_harness.feed(OBJECTS_DETECTED, walker(step))
    await module_harness.feed(OBJECTS_DETECTED, detections(1.9, end_of_stream=True))
    end = module_harness.received(TRACKS)[-1]
    assert end.end_of_stream
    assert [each.state for each in end.tracks] == [TrackState.ENDED]
    assert (await module.health()).numbers["living_tracks"] == 0


async def test_the_end_without_any_frame_is_passed_on(module_harness: ModuleHarness) -> None:
    await module_harness.add(TrackerModule)
    await module_harness.feed(OBJECTS_DETECTED, detections(0.0, end_of_stream=True))
    assert [each.end_of_stream for each in module_harness.received(TRACKS)] == [True]


async def test_a_source_that_begins_again_ends_its_tracks_and_ids_go_on(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(TrackerModule)
    for step in range(20, 40):
        await module_harness.feed(OBJECTS_DETECTED, walker(step))
    await module_harness.feed(OBJECTS_DETECTED, walker(0), walker(1))
    *_, ending, first, _ = module_harness.received(TRACKS)
    assert not ending.end_of_stream
    assert [(each.track_id, each.state) for each in ending.tracks] == [(1, TrackState.ENDED)]
    assert [each.track_id for each in first.tracks] == [2]


async def test_something_seen_too_weakly_is_explained_with_its_best_score(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(TrackerModule)
    for score in (0.2, 0.4, 0.3):
        await module_harness.feed(OBJECTS_DETECTED, detections(0.0, detection("cat", score)))
    (decision,) = module_harness.decisions("cat")
    assert (decision.passed, decision.count) == (False, 3)
    assert (decision.peak, decision.limit) == (0.4, TrackerSpec().start_score)


async def test_a_weak_detection_that_continues_a_track_needs_no_explanation(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(TrackerModule)
    for step in range(10):
        await module_harness.feed(OBJECTS_DETECTED, walker(step, 0.9 if step < 8 else 0.4))
    assert not module_harness.decisions("person")


async def test_a_flicker_is_explained_as_not_believed(module_harness: ModuleHarness) -> None:
    await module_harness.add(TrackerModule)
    await module_harness.feed(OBJECTS_DETECTED, walker(0))
    for step in range(1, 30):
        await module_harness.feed(OBJECTS_DETECTED, detections(step / 10))
    (decision,) = module_harness.decisions("track 1")
    assert decision.reason == "a person was not seen often enough to be believed"
    assert (decision.value, decision.limit) == (1, 3)


async def test_standing_still_and_moving_again_are_explained(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(TrackerModule, stationary_s=1.0)
    for step in range(20):
        await module_harness.feed(OBJECTS_DETECTED, walker(step))
    still = walker(19).detections
    for step in range(20, 50):
        await module_harness.feed(OBJECTS_DETECTED, detections(step / 10, *still))
    for step in range(50, 75):
        left = 0.48 + (step - 50) * 0.02
        moving = detection("person", 0.9, Box(left, 0.3, left + 0.1, 0.8))
        await module_harness.feed(OBJECTS_DETECTED, detections(step / 10, moving))
    reasons = [reason for _, reason in module_harness.reasons("track 1")]
    assert reasons[1:] == ["it stands still", "it moves again"]


async def test_what_stood_there_at_the_start_is_explained(module_harness: ModuleHarness) -> None:
    await module_harness.add(TrackerModule)
    for step in range(30):
        await module_harness.feed(OBJECTS_DETECTED, detections(step / 10, detection("car", 0.9)))
    assert module_harness.reasons("track 1")[0] == (
        False,
        "it stood there when the camera started",
    )


async def test_changed_settings_begin_new_tracks_and_the_same_ones_do_not(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(TrackerModule)
    await module_harness.feed(OBJECTS_DETECTED, walker(0))
    await module.configure(TrackingSettings())
    assert (await module.health()).numbers["living_tracks"] == 1
    await module.configure(TrackingSettings(confirm_hits=5))
    assert (await module.health()).numbers["living_tracks"] == 0
    await module_harness.feed(OBJECTS_DETECTED, walker(1))
    assert module_harness.received(TRACKS)[-1].tracks[0].track_id == 2


def test_settings_have_the_trackers_own_defaults() -> None:
    assert TrackingSettings().to_spec() == TrackerSpec()


async def test_another_override_begins_new_tracks_at_that_camera_only(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(TrackerModule)
    for step in range(5):
        await module_harness.feed(OBJECTS_DETECTED, walker(step))
    await module.configure(module.settings)
    await module_harness.feed(OBJECTS_DETECTED, walker(5))
    assert module_harness.received(TRACKS)[-1].tracks[0].track_id == 1
    module_harness.set_camera(overrides={"tracking": {"confirm_hits": 9}})
    await module.configure(module.settings)
    await module_harness.feed(OBJECTS_DETECTED, walker(6))
    assert module_harness.received(TRACKS)[-1].tracks[0].track_id == 2
