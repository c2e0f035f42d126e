from typing import Any

from tests.fixtures.payloads import CAMERA, EVENT_ID, best_picture, event

from spyoncino.errors import JobFailedError, MediaError
from spyoncino.modules.event.snapshot_writer import SnapshotWriterModule
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.tasks import SNAPSHOT, SnapshotJob, SnapshotResult
from spyoncino.schemas.events import Event, EventCompleted, EventCreated, EventState, EventUpdate
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
    SNAPSHOT_READY,
)
from spyoncino.testing.harness import ModuleHarness


def write(job: SnapshotJob) -> SnapshotResult:
    return SnapshotResult(job.path, 1280, 720, 4321)


def better(number: int, **changes: Any) -> Event:
    best = best_picture(pts_s=float(number), quality=10.0 + number)
    return event(EventState.PROCESSING, best=best, **changes)


async def test_the_first_picture_is_written_in_full_size_and_told(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[SNAPSHOT] = write
    module = await module_harness.add(SnapshotWriterModule, quality=77)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=event()))
    await module_harness.settle()
    (artifact,) = module_harness.received(SNAPSHOT_READY)
    assert module_harness.received(MEDIA_READY) == [artifact]
    assert artifact.kind is MediaKind.SNAPSHOT
    assert artifact.path.endswith(f"/{EVENT_ID}/snapshot.jpg")
    assert artifact.path.startswith("media/2026-03-01/")
    assert (artifact.event_ref, artifact.camera) == (EVENT_ID, CAMERA)
    assert (artifact.width_px, artifact.height_px, artifact.size_bytes) == (1280, 720, 4321)
    assert artifact.start_s == 1.0
    (asked,) = module_harness.pool.asked
    assert asked.job.payload.quality == 77
    assert asked.job.priority is Priority.CONTINUOUS
    assert (module_harness.context.data.root / artifact.path).parent.is_dir()
    assert module_harness.captures[CAMERA].frames_asked == [1.0]
    assert module_harness.captures.held == 0
    assert module_harness.reasons("snapshot") == [(True, "the snapshot was written")]
    assert (await module.health()).numbers == {"written": 1, "failed": 0}


async def test_the_picture_of_a_press_goes_before_other_work(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[SNAPSHOT] = write
    await module_harness.add(SnapshotWriterModule)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=event(presses=(1.0,))))
    await module_harness.settle()
    assert module_harness.pool.asked[0].job.priority is Priority.PRESS


async def test_only_a_better_picture_replaces_it(module_harness: ModuleHarness) -> None:
    module_harness.pool.answers[SNAPSHOT] = write
    await module_harness.add(SnapshotWriterModule)
    for number in (1, 1, 2):
        await module_harness.feed(EVENT_UPDATED, EventUpdate(event=better(number)))
        await module_harness.settle()
        await module_harness.clock.advance(1.0)
        await module_harness.settle()
    assert module_harness.captures[CAMERA].frames_asked == [1.0, 2.0]


async def test_live_pictures_follow_each_other_a_second_apart_and_the_newest_wins(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[SNAPSHOT] = write
    await module_harness.add(SnapshotWriterModule)
    for number in range(1, 6):
        await module_harness.feed(EVENT_UPDATED, EventUpdate(event=better(number)))
        await module_harness.settle()
    assert module_harness.captures[CAMERA].frames_asked == [1.0]
    await module_harness.clock.advance(1.0)
    await module_harness.settle()
    assert module_harness.captures[CAMERA].frames_asked == [1.0, 5.0]


async def test_a_lossless_run_waits_for_nothing(lossless_harness: ModuleHarness) -> None:
    lossless_harness.pool.answers[SNAPSHOT] = write
    await lossless_harness.add(SnapshotWriterModule)
    for number in range(1, 4):
        await lossless_harness.feed(EVENT_UPDATED, EventUpdate(event=better(number)))
        await lossless_harness.settle()
    assert lossless_harness.captures[CAMERA].frames_asked == [1.0, 2.0, 3.0]


async def test_the_last_picture_of_a_completed_event_is_written_before_the_end(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.by_hand.add(SNAPSHOT)
    module = await module_harness.add(SnapshotWriterModule)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=better(1)))
    done = better(2).model_copy(update={"state": EventState.COMPLETED})
    await module_harness.feed(EVENT_COMPLETED, EventCompleted(event=done))
    await module_harness.settle()
    for _ in range(2):
        asked = module_harness.pool.waiting[0]
        asked.finish(write(asked.job.payload))
        await module_harness.settle()
    await module.drain()
    assert [each.start_s for each in module_harness.received(SNAPSHOT_READY)] == [1.0, 2.0]


async def test_late_and_repeated_messages_of_a_completed_event_change_nothing(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[SNAPSHOT] = write
    await module_harness.add(SnapshotWriterModule)
    done = EventCompleted(event=better(2).model_copy(update={"state": EventState.COMPLETED}))
    await module_harness.feed(EVENT_COMPLETED, done)
    await module_harness.settle()
    await module_harness.feed(EVENT_COMPLETED, done)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=better(9)))
    await module_harness.settle()
    assert module_harness.captures[CAMERA].frames_asked == [2.0]


async def test_packets_that_are_gone_are_told_and_the_next_picture_is_tried(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[SNAPSHOT] = write
    module = await module_harness.add(SnapshotWriterModule)
    capture = module_harness.captures[CAMERA]
    capture.frame_error = MediaError("its packets are gone")
    await module_harness.feed(EVENT_CREATED, EventCreated(event=better(1)))
    await module_harness.settle()
    health = await module.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, "its packets are gone")
    assert module_harness.reasons("snapshot") == [
        (False, "the snapshot failed: its packets are gone")
    ]
    capture.frame_error = None
    await module_harness.clock.advance(1.0)
    await module_harness.feed(EVENT_UPDATED, EventUpdate(event=better(2)))
    await module_harness.settle()
    assert len(module_harness.received(SNAPSHOT_READY)) == 1
    assert (await module.health()).state is HealthState.OK


async def test_a_failed_job_gives_the_picture_back(module_harness: ModuleHarness) -> None:
    module_harness.pool.by_hand.add(SNAPSHOT)
    await module_harness.add(SnapshotWriterModule)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=better(1)))
    await module_harness.settle()
    assert module_harness.captures.held == 1
    module_harness.pool.asked[0].fail(JobFailedError("the disk is full"))
    await module_harness.settle()
    assert module_harness.captures.held == 0
    assert not module_harness.received(SNAPSHOT_READY)


async def test_a_folder_that_cannot_be_made_is_a_sentence(module_harness: ModuleHarness) -> None:
    (module_harness.context.data.root / "media").write_text("in the way")
    module = await module_harness.add(SnapshotWriterModule)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=better(1)))
    await module_harness.settle()
    assert "cannot be created" in (await module.health()).detail


async def test_it_can_be_switched_off_for_one_camera(module_harness: ModuleHarness) -> None:
    module_harness.set_camera(overrides={"snapshot": {"enabled": False}})
    await module_harness.add(SnapshotWriterModule)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=event()))
    await module_harness.settle()
    assert not module_harness.captures[CAMERA].frames_asked


async def test_an_event_without_a_picture_needs_none(module_harness: ModuleHarness) -> None:
    await module_harness.add(SnapshotWriterModule)
    done = event(EventState.COMPLETED, best=None)
    await module_harness.feed(EVENT_COMPLETED, EventCompleted(event=done))
    await module_harness.drain()
    assert not module_harness.pool.asked
