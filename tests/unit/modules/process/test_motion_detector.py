from tests.fixtures.payloads import CAMERA, MIDDLE, STILL, frame, motion

from spyoncino.geometry.boxes import Box
from spyoncino.modules.process.motion_detector import MotionDetectorModule, MotionSettings
from spyoncino.schemas.topics import CAMERA_FRAME, MOTION_DETECTED
from spyoncino.testing.harness import ModuleHarness

FRAMES = CAMERA_FRAME.of(CAMERA)


async def test_motion_is_told_with_its_boxes_and_score(module_harness: ModuleHarness) -> None:
    await module_harness.add(MotionDetectorModule)
    other = Box(0.0, 0.0, 0.1, 0.1)
    await module_harness.feed(FRAMES, frame(1.0, motion=motion(MIDDLE, other, score=0.2)))
    (event,) = module_harness.received(MOTION_DETECTED)
    assert [(each.label, each.score, each.box) for each in event.detections] == [
        ("motion", 0.2, MIDDLE),
        ("motion", 0.2, other),
    ]
    assert event.frame.pts_s == 1.0
    assert event.correlation_id == "door-10"


async def test_nothing_is_told_of_a_still_picture_and_the_number_is_recorded(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(MotionDetectorModule, min_area=0.001)
    await module_harness.feed(FRAMES, frame(1.0, motion=STILL))
    assert not module_harness.received(MOTION_DETECTED)
    (decision,) = module_harness.decisions("frame")
    assert (decision.passed, decision.value, decision.limit) == (False, 0.0, 0.001)


async def test_a_light_and_a_background_being_learned_are_no_motion(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(MotionDetectorModule)
    light = motion(score=0.9, light_change=True)
    learning = motion(calibrating=True)
    await module_harness.feed(FRAMES, frame(1.0, motion=light), frame(2.0, motion=learning))
    assert not module_harness.received(MOTION_DETECTED)
    assert module_harness.reasons("frame") == [
        (False, "the light changed"),
        (False, "the background is still being learned"),
    ]


async def test_something_that_moves_while_the_light_changes_is_motion(
    module_harness: ModuleHarness,
) -> None:
    await module_harness.add(MotionDetectorModule)
    await module_harness.feed(FRAMES, frame(1.0, motion=motion(MIDDLE, light_change=True)))
    assert module_harness.received(MOTION_DETECTED)


async def test_a_camera_without_a_detector_is_let_be_and_the_end_is_passed_on(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(MotionDetectorModule, method="off")
    await module_harness.feed(FRAMES, frame(1.0, motion=None), frame(1.0, end_of_stream=True))
    (end,) = module_harness.received(MOTION_DETECTED)
    assert end.end_of_stream
    assert not end.detections
    assert (await module.health()).numbers == {"frames": 1, "frames_with_motion": 0}


def test_settings_become_what_a_capture_process_needs() -> None:
    spec = MotionSettings(method="mog2", sensitivity=0.7, min_area=0.01, absorb_s=5).to_spec()
    assert (spec.method, spec.sensitivity, spec.min_area, spec.absorb_s) == ("mog2", 0.7, 0.01, 5)
    assert MotionSettings().to_spec() == type(spec)()
