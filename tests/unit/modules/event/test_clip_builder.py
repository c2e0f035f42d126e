import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.payloads import CAMERA, EVENT_ID, event

from spyoncino.errors import JobFailedError, JobRejectedError, MediaError
from spyoncino.modules.event.clip_builder import (
    FINISH_ATTEMPTS,
    FINISH_PAUSE_S,
    FULL_NOTE,
    LOOK_AT_DISK_S,
    SALVAGED_NOTE,
    ClipBuilderModule,
)
from spyoncino.persistence.database import Database
from spyoncino.persistence.events import EventStore
from spyoncino.runtime.jobs import Priority
from spyoncino.runtime.tasks import FINISH_CLIP, FinishClipJob, FinishClipResult
from spyoncino.schemas.events import EventCompleted, EventCreated, EventState, EventUpdate
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    CLIP_READY,
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
)
from spyoncino.testing.harness import ModuleHarness


def finish(job: FinishClipJob) -> FinishClipResult:
    assert job.end_s is not None
    length_s = job.end_s - job.start_s
    return FinishClipResult(job.final_path, job.start_s, length_s, 999, ("sound left out",))


def created(**changes: Any) -> EventCreated:
    return EventCreated(event=event(**changes))


def completed(**changes: Any) -> EventCompleted:
    return EventCompleted(event=event(EventState.COMPLETED, **changes))


async def test_a_clip_grows_from_before_the_event_until_after_it(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[FINISH_CLIP] = finish
    module = await module_harness.add(ClipBuilderModule, pre_roll_s=4.0, post_roll_s=2.0)
    await module_harness.feed(EVENT_CREATED, created())
    await module_harness.settle()
    capture = module_harness.captures[CAMERA]
    assert capture.clips == {EVENT_ID: [6.0]}
    assert capture.paths[EVENT_ID].endswith("clip.part.mp4")
    assert (await module.health()).numbers["open"] == 1
    await module_harness.feed(EVENT_UPDATED, EventUpdate(event=event(EventState.PROCESSING)))
    await module_harness.feed(EVENT_COMPLETED, completed(end_s=20.0))
    await module_harness.drain()
    assert capture.clips == {EVENT_ID: [6.0, 22.0]}
    (artifact,) = module_harness.received(CLIP_READY)
    assert module_harness.received(MEDIA_READY) == [artifact]
    assert artifact.kind is MediaKind.CLIP
    assert artifact.path == f"media/2026-03-01/{EVENT_ID}/clip.mp4"
    assert (artifact.start_s, artifact.duration_s, artifact.size_bytes) == (6.0, 16.0, 999)
    assert artifact.notes == ("sound left out",)
    job = module_harness.pool.asked[0].job
    assert (job.priority, job.payload.start_s, job.payload.end_s) == (
        Priority.BACKGROUND,
        6.0,
        22.0,
    )
    assert (await module.health()).numbers == {"open": 0, "written": 1, "failed": 0}
    assert module_harness.reasons("clip") == [(True, "the clip is complete")]


async def test_a_clip_never_begins_before_the_video(module_harness: ModuleHarness) -> None:
    await module_harness.add(ClipBuilderModule)
    await module_harness.feed(EVENT_CREATED, created(start_s=2.0))
    await module_harness.settle()
    assert module_harness.captures[CAMERA].clips == {EVENT_ID: [0.0]}


async def test_an_event_first_heard_of_when_it_is_over_gets_its_clip(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[FINISH_CLIP] = finish
    await module_harness.add(ClipBuilderModule)
    await module_harness.feed(EVENT_COMPLETED, completed())
    await module_harness.feed(EVENT_CREATED, created())
    await module_harness.drain()
    await module_harness.feed(EVENT_COMPLETED, completed())
    await module_harness.drain()
    assert len(module_harness.received(CLIP_READY)) == 1


async def test_a_clip_that_cannot_begin_is_told_and_harms_no_other(
    module_harness: ModuleHarness,
) -> None:
    module_harness.pool.answers[FINISH_CLIP] = finish
    module = await module_harness.add(ClipBuilderModule)
    capture = module_harness.captures[CAMERA]
    capture.clip_error = MediaError("the disk refused")
    await module_harness.feed(EVENT_CREATED, created())
    await module_harness.settle()
    assert module_harness.reasons("clip") == [(False, "the clip failed: the disk refused")]
    assert (await module.health()).state is HealthState.DEGRADED
    capture.clip_error = None
    await module_harness.feed(EVENT_COMPLETED, completed(event_id="another"))
    await module_harness.drain()
    assert [each.event_ref for each in module_harness.received(CLIP_READY)] == ["another"]
    assert (await module.health()).state is HealthState.OK


async def test_a_clip_that_cannot_end_is_told(module_harness: ModuleHarness) -> None:
    await module_harness.add(ClipBuilderModule)
    module_harness.captures[CAMERA].end_error = MediaError("nothing was written")
    await module_harness.feed(EVENT_COMPLETED, completed())
    await module_harness.drain()
    assert module_harness.reasons("clip") == [(False, "the clip failed: nothing was written")]
    assert not module_harness.received(CLIP_READY)


async def test_a_clip_that_cannot_be_finished_is_kept_as_it_grew(
    module_harness: ModuleHarness,
) -> None:
    def fail(_: FinishClipJob) -> FinishClipResult:
        raise JobFailedError("the disk is full")

    module_harness.pool.answers[FINISH_CLIP] = fail
    await module_harness.add(ClipBuilderModule)
    await module_harness.feed(EVENT_COMPLETED, completed())
    await module_harness.drain()
    (artifact,) = module_harness.received(CLIP_READY)
    assert artifact.path.endswith("clip.part.mp4")
    assert artifact.notes == ("this is the growing file: it could not be finished",)


async def test_a_flooded_pool_is_asked_again_later(module_harness: ModuleHarness) -> None:
    refusals = iter([True] * (FINISH_ATTEMPTS - 1))

    def sometimes(job: FinishClipJob) -> FinishClipResult:
        if next(refusals, False):
            raise JobRejectedError("the queue is full")
        return finish(job)

    module_harness.pool.answers[FINISH_CLIP] = sometimes
    module = await module_harness.add(ClipBuilderModule)
    await module_harness.feed(EVENT_COMPLETED, completed(presses=(11.0,)))
    draining = asyncio.create_task(module.drain())
    for _ in range(FINISH_ATTEMPTS):
        await module_harness.settle()
        await module_harness.clock.advance(FINISH_PAUSE_S)
    await draining
    await module_harness.settle()
    assert len(module_harness.pool.asked) == FINISH_ATTEMPTS
    assert module_harness.pool.asked[0].job.priority is Priority.PRESS
    assert module_harness.received(CLIP_READY)[0].path.endswith("/clip.mp4")


async def test_draining_waits_for_no_open_event_and_stopping_closes_its_file(
    module_harness: ModuleHarness,
) -> None:
    module = await module_harness.add(ClipBuilderModule)
    await module_harness.feed(EVENT_CREATED, created())
    await module_harness.settle()
    await module.drain()
    await module.stop()
    assert module_harness.captures[CAMERA].clips == {EVENT_ID: [5.0, 14.0]}
    assert not module_harness.received(CLIP_READY)


async def test_it_can_be_switched_off(module_harness: ModuleHarness) -> None:
    await module_harness.add(ClipBuilderModule, enabled=False)
    await module_harness.feed(EVENT_COMPLETED, completed())
    await module_harness.drain()
    assert not module_harness.captures[CAMERA].clips


async def leave_growing(harness: ModuleHarness, database: Database, event_id: str) -> Path:
    """What a killed run leaves: a growing file, here of an event that may be unknown."""
    await database.open()
    harness.context.database = database
    part = harness.context.data.media_root / "2026-03-01" / event_id / "clip.part.mp4"
    await asyncio.to_thread(part.parent.mkdir, parents=True)
    await asyncio.to_thread(part.write_bytes, b"fragments")
    return part


async def test_the_growing_clip_of_a_killed_run_is_finished_at_the_next_start(
    module_harness: ModuleHarness, tmp_path: Path
) -> None:
    database = Database(tmp_path / "spyoncino.db")
    part = await leave_growing(module_harness, database, EVENT_ID)
    await EventStore(database).save(event(EventState.FAILED))
    module_harness.pool.answers[FINISH_CLIP] = lambda job: FinishClipResult(
        job.final_path, job.start_s, 7.0, 999
    )
    module = await module_harness.add(ClipBuilderModule)
    await module._chores.finished()
    await module_harness.bus.drain()
    (artifact,) = module_harness.received(MEDIA_READY)
    assert artifact.path == module_harness.context.data.relative(part.with_name("clip.mp4"))
    assert (artifact.camera, artifact.start_s, artifact.duration_s) == (CAMERA, None, 7.0)
    assert artifact.notes == (SALVAGED_NOTE,)
    await module.drain()
    await database.close()


async def test_a_growing_clip_that_cannot_be_read_stays_and_is_told(
    module_harness: ModuleHarness, tmp_path: Path
) -> None:
    database = Database(tmp_path / "spyoncino.db")
    part = await leave_growing(module_harness, database, EVENT_ID)
    await EventStore(database).save(event(EventState.FAILED))
    asked = asyncio.Event()

    def fail(_job: FinishClipJob) -> FinishClipResult:
        asked.set()
        raise JobFailedError("moov atom not found")

    module_harness.pool.answers[FINISH_CLIP] = fail
    await module_harness.add(ClipBuilderModule)
    await asked.wait()
    await module_harness.settle()
    assert module_harness.received(CLIP_READY) == []
    assert await asyncio.to_thread(part.exists)
    await database.close()


async def test_a_growing_clip_of_nobody_is_left_alone(
    module_harness: ModuleHarness, tmp_path: Path
) -> None:
    database = Database(tmp_path / "spyoncino.db")
    await leave_growing(module_harness, database, "somebody-elses")
    module = await module_harness.add(ClipBuilderModule)
    await module._chores.finished()
    assert module_harness.pool.asked == []
    await database.close()


class Disk:
    """A disk of which a test says how much is free."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
        self.free = free
        monkeypatch.setattr(shutil, "disk_usage", lambda _: self)


async def test_on_a_nearly_full_disk_no_clip_is_begun(
    module_harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    Disk(monkeypatch, free=1000)
    module = await module_harness.add(ClipBuilderModule)
    await module_harness.feed(EVENT_CREATED, created())
    await module_harness.settle()
    assert module_harness.captures[CAMERA].clips == {}
    health = await module.health()
    assert health.state is HealthState.DEGRADED
    assert health.detail.startswith("the disk is nearly full (clip.min_free_bytes)")


async def test_a_growing_clip_ends_before_the_disk_is_full(
    module_harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, free=10**12)
    await module_harness.add(ClipBuilderModule)
    await module_harness.feed(EVENT_CREATED, created())
    await module_harness.settle()
    disk.free = 1000
    await module_harness.clock.advance(LOOK_AT_DISK_S)
    await module_harness.settle()
    (artifact,) = module_harness.received(CLIP_READY)
    assert FULL_NOTE in artifact.notes
    assert module_harness.pool.jobs(FINISH_CLIP) == []
    await module_harness.feed(EVENT_COMPLETED, completed())
    await module_harness.drain()
    assert module_harness.received(CLIP_READY) == [artifact]
