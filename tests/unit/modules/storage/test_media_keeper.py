"""Media files are indexed, and the oldest go when there are too many."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.fixtures.payloads import START

from spyoncino.errors import StorageError
from spyoncino.modules.storage.media_keeper import SWEEP_S, MediaKeeper
from spyoncino.persistence import database as database_module
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import MEDIA_READY, MEDIA_REMOVED, MEDIA_STORED
from spyoncino.testing.harness import ModuleHarness


class Usage(NamedTuple):
    """What ``shutil.disk_usage`` answers."""

    total: int
    used: int
    free: int


def write_artifact(root: Path, name: str, minutes: float = 0.0, **changes: Any) -> MediaArtifact:
    path = root / "media" / name / "clip.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1000)
    facts: dict[str, Any] = {
        "kind": MediaKind.CLIP,
        "event_ref": name,
        "camera": "door",
        "path": path.relative_to(root).as_posix(),
        "content_type": "video/mp4",
        "size_bytes": 1000,
        "timestamp": START + timedelta(minutes=minutes),
    }
    return MediaArtifact(**{**facts, **changes})


async def test_a_finished_file_is_indexed_and_acknowledged(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    await harness.add(MediaKeeper)
    artifact = write_artifact(tmp_path, "a")
    await harness.feed(MEDIA_READY, artifact)
    assert await MediaStore(harness.context.database).of_event("a") == [artifact]
    assert [ack.key for ack in harness.received(MEDIA_STORED)] == [artifact.path]


async def test_over_the_cap_the_oldest_files_and_their_empty_folders_go(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    await harness.add(MediaKeeper, max_bytes=2500, min_free_bytes=0)
    for minutes, name in enumerate("abcd"):
        await harness.feed(MEDIA_READY, write_artifact(tmp_path, name, minutes))
    assert [ack.event_ref for ack in harness.received(MEDIA_REMOVED)] == ["a", "b"]
    assert sorted(path.name for path in (tmp_path / "media").iterdir()) == ["c", "d"]


async def test_files_that_are_not_in_the_index_are_never_touched(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    await harness.add(MediaKeeper, max_bytes=10, min_free_bytes=0)
    stranger = tmp_path / "media" / "a" / "holiday.jpg"
    artifact = write_artifact(tmp_path, "a")
    stranger.write_bytes(b"mine")
    await harness.feed(MEDIA_READY, artifact)
    assert stranger.read_bytes() == b"mine"
    assert not (tmp_path / artifact.path).exists()


async def test_a_removal_that_a_crash_interrupted_is_finished_at_the_start(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    store = MediaStore(harness.context.database)
    artifact = write_artifact(tmp_path, "a")
    await store.add(artifact)
    await store.doom_oldest(1)
    await harness.add(MediaKeeper)
    assert not (tmp_path / artifact.path).exists()
    assert await store.doomed() == []


async def test_too_little_free_space_removes_too(harness: ModuleHarness, tmp_path: Path) -> None:
    await harness.add(MediaKeeper, min_free_bytes=10**18)
    await harness.feed(MEDIA_READY, write_artifact(tmp_path, "a"))
    assert len(harness.received(MEDIA_REMOVED)) == 1


async def test_health_says_how_much_there_is_and_when_the_index_refuses(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    module = await harness.add(MediaKeeper)
    await harness.feed(MEDIA_READY, write_artifact(tmp_path, "a"))
    health = await module.health()
    assert (health.state, health.numbers["bytes"]) == (HealthState.OK, 1000.0)
    await harness.context.database.close()
    await harness.feed(MEDIA_READY, write_artifact(tmp_path, "b"))
    assert (await module.health()).state is HealthState.DEGRADED


async def test_a_file_that_meets_a_locked_database_is_indexed_later(
    harness: ModuleHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.05)
    database = harness.context.database
    await database.close()
    await database.open()
    module = await harness.add(MediaKeeper, min_free_bytes=0)
    artifact = write_artifact(tmp_path, "a")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await harness.feed(MEDIA_READY, artifact)
        health = await module.health()
        assert (health.state, health.numbers["waiting"]) == (HealthState.DEGRADED, 1.0)
        assert harness.received(MEDIA_STORED) == []
        other.execute("ROLLBACK")
    await module.drain()
    assert await MediaStore(database).of_event("a") == [artifact]
    assert [ack.key for ack in harness.received(MEDIA_STORED)] == [artifact.path]
    assert (await module.health()).state is HealthState.OK


async def test_files_that_cannot_be_indexed_to_the_end_are_told(
    harness: ModuleHarness, tmp_path: Path
) -> None:
    module = await harness.add(MediaKeeper)
    await harness.context.database.close()
    await harness.feed(MEDIA_READY, write_artifact(tmp_path, "a"))
    draining = asyncio.create_task(module.drain())
    while not draining.done():
        await harness.clock.advance(0.5)
    with pytest.raises(StorageError, match="1 media files are on disk but not in the index"):
        await draining


async def test_room_is_made_although_nothing_new_comes(
    harness: ModuleHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else fills the disk."""
    await harness.add(MediaKeeper, min_free_bytes=5000)
    for minutes, name in enumerate("abc"):
        await harness.feed(MEDIA_READY, write_artifact(tmp_path, name, minutes))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10_000, 6000, 4000))
    await harness.clock.advance(SWEEP_S)
    await harness.settle()
    await asyncio.sleep(0.05)
    await harness.settle()
    assert [ack.event_ref for ack in harness.received(MEDIA_REMOVED)] == ["a"]
