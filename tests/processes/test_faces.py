"""From a drawn visitor to a name: real processes, real models, nobody else's pictures."""

import asyncio
from pathlib import Path

import pytest
from tests.fixtures.drawn_visit import enrol, visit

from spyoncino.core.paths import DataFolder
from spyoncino.schemas.events import Verdict

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


async def test_the_visitor_is_named_in_the_event_that_the_press_is_in(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    await asyncio.to_thread(data.prepare)
    await asyncio.to_thread(enrol, data, "Ann Lee")
    (event,) = await visit(data, faces={"enabled": True})
    assert event.type == "doorbell"
    assert [(each.name, each.decision) for each in event.identities] == [("Ann Lee", Verdict.KNOWN)]
    assert event.story.startswith("Ann Lee rang at")
    assert event.best is not None
    assert event.best.label == "face"
