"""The whole system with two simulated cameras whose file is edited while it runs."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import load_config
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.modules.process.zoning_filter import ZoningFilterModule
from spyoncino.schemas import topics
from spyoncino.schemas.frames import Frame

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(90)]

FPS = 5.0
FILE = """\
# The house.
cameras:
  door:          # the one that matters
    source: {type: sim, width_px: 320, height_px: 180, fps: 10, press_at_s: -1}
    analysis_fps: 5
    idle_gate: {enabled: false}
    zones:
      - name: porch   # wooden
        polygon: [[0, 0], [1, 0], [1, 1]]
  yard:
    source: {type: sim, width_px: 320, height_px: 180, fps: 10, press_at_s: -1, seed: 2}
    analysis_fps: 5
objects: {detector: mock}
pool: {workers: 1}
web: {enabled: false}
updates:
  proof_s: 0.5   # be quick
"""


class Heard:
    """What the cameras and the settings said."""

    def __init__(self) -> None:
        self.frames: dict[str, list[Frame]] = {"door": [], "yard": []}
        self.config: list[Message] = []

    async def on_frame(self, message: Message) -> None:
        frame = cast("Frame", message.payload)
        self.frames[frame.frame.camera].append(frame)

    async def on_config(self, message: Message) -> None:
        self.config.append(message)

    def count(self, topic: str) -> int:
        return sum(message.topic == topic for message in self.config)


async def until(what: Callable[[], object], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not what():  # noqa: ASYNC110 - looks at processes from outside
            await asyncio.sleep(0.05)


async def test_an_edit_changes_what_it_names_and_the_other_camera_misses_no_frame(
    tmp_path: Path,
) -> None:
    file = tmp_path / "spyoncino.yaml"

    def prepared() -> Application:
        file.write_text(FILE)
        registry = load_modules()
        loaded = load_config(registry, file=file, variables={})
        return Application(loaded, registry, DataFolder(tmp_path / "data"))

    async def save(text: str) -> None:
        await asyncio.to_thread(file.write_text, text)

    application = await asyncio.to_thread(prepared)
    heard = Heard()
    application.bus.subscribe(
        topics.CAMERA_FRAME, heard.on_frame, name="ear", policy=Policy.BLOCK, capacity=4096
    )
    application.bus.subscribe(
        "config.*", heard.on_config, name="ear config", policy=Policy.BLOCK, capacity=64
    )
    async with application:
        await until(lambda: all(len(frames) > 5 for frames in heard.frames.values()))
        door, yard = application.captures["door"], application.captures["yard"]
        pids = door.stats().pid, yard.stats().pid

        edited = FILE.replace("name: porch", "name: stairs").replace(
            "seed: 2}\n    analysis_fps: 5", "seed: 2}\n    analysis_fps: 2"
        )
        await save(edited)
        await until(lambda: heard.count("config.snapshot") == 2)
        zoning = cast(
            "ZoningFilterModule", application.orchestrator.module("process.zoning_filter")
        )
        assert [zone.name for zone in zoning.context.cameras["door"].zones] == ["stairs"]
        assert application.captures["door"] is door
        assert application.captures["yard"] is not yard
        assert application.captures["yard"].stats().pid != pids[1]

        await save(edited.replace("proof_s: 0.5", "prof_s: 0.5"))
        await until(lambda: heard.count("config.rejected") == 1)
        problem = cast("Any", heard.config[-1].payload).problems[0]
        assert problem.startswith(f"{file}:17: updates.prof_s: there is no such setting")

        await save(edited)
        result = await application.config.update(
            {"cameras": {"yard": {"enabled": False}, "door": {"zones": None}}}, author="test"
        )
        assert result.version == 3
        assert "yard" not in application.captures
        text = await asyncio.to_thread(file.read_text)
        assert yaml.safe_load(text)["cameras"]["yard"]["enabled"] is False
        assert "# the one that matters" in text
        assert "# be quick" in text
        await asyncio.sleep(1)
        assert door.stats().pid == pids[0]
        assert door.stats().gaps == 0
        frames = [frame for frame in heard.frames["door"] if not frame.end_of_stream]
    places = [frame.frame.frame_index for frame in frames]
    numbers = [frame.sequence_number for frame in frames]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {b - a for a, b in pairwise(places)} == {2}  # 5 of 10 a second
    steps = [b.frame.pts_s - a.frame.pts_s for a, b in pairwise(frames)]
    assert max(steps) == pytest.approx(1 / FPS, abs=0.01)
    assert heard.count("config.rollback") == 0
