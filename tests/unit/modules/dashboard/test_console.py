"""Lines and a table in the terminal, from the messages of events, files and cameras."""

import io

import pytest
from rich.console import Console
from tests.fixtures.payloads import EVENT_ID, event

from spyoncino.modules.dashboard import console as console_module
from spyoncino.modules.dashboard.console import ROWS_KEPT, ConsoleDashboard
from spyoncino.schemas.events import EventCompleted, EventCreated, EventState, EventUpdate
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.status import CameraState, CameraStatus
from spyoncino.schemas.topics import (
    EVENT_COMPLETED,
    EVENT_CREATED,
    EVENT_UPDATED,
    MEDIA_READY,
    STATUS_CAMERA,
)
from spyoncino.testing.harness import ModuleHarness

SNAPSHOT = MediaArtifact(
    kind=MediaKind.SNAPSHOT,
    event_ref=EVENT_ID,
    camera="door",
    path="media/a/snapshot.jpg",
    content_type="image/jpeg",
    size_bytes=1,
)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed; no terminal."""
    text = io.StringIO()
    made = Console(file=text, width=200, highlight=False)
    monkeypatch.setattr(console_module, "Console", lambda **_: made)
    return text


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is drawn on a terminal."""
    text = io.StringIO()
    made = Console(file=text, width=120, height=40, force_terminal=True, color_system=None)
    monkeypatch.setattr(console_module, "Console", lambda **_: made)
    return text


async def tell_a_visit(harness: ModuleHarness) -> None:
    created = event(presses=(10.5,))
    live = CameraStatus(camera="door", state=CameraState.LIVE)
    await harness.feed(STATUS_CAMERA, live)
    await harness.feed(EVENT_CREATED, EventCreated(event=created))
    await harness.feed(MEDIA_READY, SNAPSHOT)
    completed = event(state=EventState.COMPLETED, presses=(10.5,), end_s=20.0)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=completed))


async def test_lines_tell_cameras_events_and_files(
    module_harness: ModuleHarness, screen: io.StringIO
) -> None:
    await module_harness.add(ConsoleDashboard, show="lines")

    await tell_a_visit(module_harness)

    lines = screen.getvalue().splitlines()
    assert lines[0] == "door       is live"
    assert lines[1].startswith("door       created    person at ")
    assert lines[1].endswith("4.0 s: person, rang 1×")
    assert lines[2].endswith("media/a/snapshot.jpg")
    assert lines[3].startswith("door       completed  person at ")
    assert len(lines) == 4


async def test_a_growing_event_is_a_line_only_when_it_has_news(
    module_harness: ModuleHarness, screen: io.StringIO
) -> None:
    await module_harness.add(ConsoleDashboard, show="lines")
    processing = EventState.PROCESSING
    for changed in (
        event(state=processing),
        event(state=processing, end_s=15.0),
        event(state=processing, end_s=16.0, labels=("person", "cat")),
        event(state=processing, end_s=17.0, labels=("person", "cat")),
        event(state=processing, end_s=18.0, labels=("person", "cat"), presses=(18.0,)),
    ):
        await module_harness.feed(EVENT_UPDATED, EventUpdate(event=changed))

    assert len(screen.getvalue().splitlines()) == 3


async def test_the_same_file_and_the_same_state_are_told_once(
    module_harness: ModuleHarness, screen: io.StringIO
) -> None:
    await module_harness.add(ConsoleDashboard, show="lines")
    live = CameraStatus(camera="door", state=CameraState.LIVE)
    lost = CameraStatus(camera="door", state=CameraState.RETRYING, detail="it is gone")

    await module_harness.feed(STATUS_CAMERA, live, live, lost)
    await module_harness.feed(EVENT_CREATED, EventCreated(event=event()))
    await module_harness.feed(MEDIA_READY, SNAPSHOT, SNAPSHOT)

    lines = screen.getvalue().splitlines()
    assert lines[:2] == ["door       is live", "door       is retrying it is gone"]
    assert sum("snapshot.jpg" in line for line in lines) == 1


async def test_off_is_silent(module_harness: ModuleHarness, screen: io.StringIO) -> None:
    module = await module_harness.add(ConsoleDashboard)

    await tell_a_visit(module_harness)

    assert screen.getvalue() == ""
    assert (await module.health()).numbers == {"events": 1.0}


async def test_auto_means_lines_without_a_terminal(
    module_harness: ModuleHarness, screen: io.StringIO
) -> None:
    await module_harness.add(ConsoleDashboard, show="auto")

    await tell_a_visit(module_harness)

    assert "door       created" in screen.getvalue()


async def test_on_a_terminal_a_table_shows_state_labels_rings_and_files(
    module_harness: ModuleHarness, terminal: io.StringIO
) -> None:
    module = await module_harness.add(ConsoleDashboard, show="auto")

    await tell_a_visit(module_harness)
    await module.stop()

    drawn = terminal.getvalue()
    last = drawn[drawn.rindex("when") :]
    assert "door: live" in drawn
    for word in ("person", "completed", "10.0", "rang 1×", "+ snapshot"):
        assert word in last, word


async def test_the_table_keeps_the_newest_events(
    module_harness: ModuleHarness, terminal: io.StringIO
) -> None:
    module = await module_harness.add(ConsoleDashboard, show="table")
    for number in range(ROWS_KEPT + 3):
        created = event(event_id=f"{number}", start_s=0.0, end_s=100.0 + number)
        await module_harness.feed(EVENT_CREATED, EventCreated(event=created))
    await module.stop()

    drawn = terminal.getvalue()
    last = drawn[drawn.rindex("when") :]
    assert (await module.health()).numbers == {"events": float(ROWS_KEPT)}
    assert f"{100 + ROWS_KEPT + 2}.0" in last
    assert "102.0" not in last
    await module.stop()
