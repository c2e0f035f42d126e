"""Rows of media files and the order of removal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from spyoncino.persistence.database import Database
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.media import MediaArtifact, MediaKind, Retention


@pytest.fixture
def store(database: Database) -> MediaStore:
    return MediaStore(database)


def artifact(path: str, minutes: float = 0, **changes: Any) -> MediaArtifact:
    facts: dict[str, Any] = {
        "kind": MediaKind.SNAPSHOT,
        "event_ref": "e1",
        "camera": "door",
        "path": path,
        "content_type": "image/jpeg",
        "size_bytes": 100,
        "timestamp": datetime(2026, 5, 4, tzinfo=UTC) + timedelta(minutes=minutes),
    }
    return MediaArtifact(**{**facts, **changes})


async def test_a_better_snapshot_replaces_the_row_of_the_same_path(store: MediaStore) -> None:
    await store.add(artifact("a.jpg"))
    await store.add(artifact("a.jpg", size_bytes=150))
    assert [found.size_bytes for found in await store.of_event("e1")] == [150]
    assert await store.total_bytes() == 150


async def test_the_oldest_unprotected_files_go_first(store: MediaStore) -> None:
    await store.add(artifact("old.jpg", 0))
    await store.add(artifact("kept.jpg", 1, retention=Retention(protected=True)))
    await store.add(artifact("middle.jpg", 2))
    await store.add(artifact("new.jpg", 3))
    doomed = await store.doom_oldest(150)
    assert [found.path for found in doomed] == ["old.jpg", "middle.jpg"]
    assert [found.path for found in await store.of_event("e1")] == ["kept.jpg", "new.jpg"]


async def test_a_doomed_file_stays_known_until_it_is_forgotten(store: MediaStore) -> None:
    await store.add(artifact("a.jpg"))
    await store.doom_oldest(1)
    assert [found.path for found in await store.doomed()] == ["a.jpg"]
    await store.forget("a.jpg")
    assert await store.doomed() == []
    assert await store.total_bytes() == 0


async def test_one_file_is_found_by_its_path_until_it_is_doomed(store: MediaStore) -> None:
    await store.add(artifact("a.jpg"))
    found = await store.get("a.jpg")
    assert found is not None
    assert found.path == "a.jpg"
    assert await store.get("b.jpg") is None
    await store.doom_oldest(1)
    assert await store.get("a.jpg") is None


async def test_files_of_several_events_are_found_at_once(store: MediaStore) -> None:
    await store.add(artifact("a.jpg", event_ref="e1"))
    await store.add(artifact("b.jpg", event_ref="e2"))
    await store.add(artifact("c.jpg", event_ref="e3"))
    found = await store.of_events(["e1", "e2", "e9"])
    assert {event: [file.path for file in files] for event, files in found.items()} == {
        "e1": ["a.jpg"],
        "e2": ["b.jpg"],
    }
