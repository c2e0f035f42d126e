"""From a press to its first picture, its event and its row, in a program that runs in this process.

A part of ``press_drill.py``. The camera is simulated at full HD and encoded to H.264 with a key
frame every two seconds, as cameras send it; asleep means that only key frames are decoded.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from report import Row
from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import load_config
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.schemas import topics

LIVE_S = 40.0
APART_S = 1.7
"""Between two presses: no divisor of the key frames' distance, so that all phases come."""

MARKS = ("burst", "event", "row")
BUDGETS_MS = {"burst awake": 100.0, "burst asleep": 300.0}


class Times:
    """When what followed a press."""

    def __init__(self) -> None:
        self.pressed_s = 0.0
        self.ms: dict[str, float] = {}
        self.pictures = 0

    def mark(self, name: str) -> None:
        """The first time counts."""
        self.ms.setdefault(name, (time.monotonic() - self.pressed_s) * 1e3)

    async def hear(self, message: Message) -> None:
        """A message that tells of a press."""
        topic = message.topic
        if topic.endswith(".burst"):
            self.pictures += 1
            self.mark("burst")
        elif topic in ("event.created", "event.updated") and message.payload.event.presses:
            self.mark("event")
        elif topic == "storage.event.stored":
            self.mark("row")


async def quick_rows(folder: Path, presses: int) -> list[Row]:
    """Press so many times at a camera that is awake, and as often at one that sleeps."""
    rows: list[Row] = []
    for state, quiet_s in (("awake", 1e6), ("asleep", 0.5)):
        found = await _presses(folder / state, presses, quiet_s)
        for mark in MARKS:
            values = sorted(each.ms[mark] for each in found if mark in each.ms)
            if not values:
                continue
            budget = BUDGETS_MS.get(f"{mark} {state}")
            name = f"quick: press to {mark}, camera {state}"
            p95 = values[min(len(values) - 1, round(0.95 * len(values)))]
            note = f"p50 {statistics.median(values):.0f} ms, most {values[-1]:.0f} ms"
            rows.append(Row(name, p95, "ms", budget, f"p95 of {len(values)}; {note}"))
        pictures = statistics.mean(each.pictures for each in found)
        rows.append(Row(f"quick: pictures of a press, camera {state}", pictures, "pictures"))
    return rows


async def _presses(folder: Path, presses: int, quiet_s: float) -> list[Times]:
    source = {
        "type": "sim",
        "width_px": 1920,
        "height_px": 1080,
        "fps": 15,
        "visitor_at_s": -1,
        "press_at_s": -1,
        "cat_at_s": -1,
    }
    settings: dict[str, Any] = {
        "cameras": {
            "door": {
                "source": source,
                "doorbell": "front",
                "idle_gate": {"quiet_s": quiet_s},
                "analysis_fps": 5,
                "objects": {"active_s": 0.5, "press_look_s": 0.3},
            }
        },
        "objects": {"detector": "mock"},
        "events": {"linger_s": 0.5},
        "web": {"enabled": False},
    }
    registry = load_modules()
    loaded = load_config(registry, variables={}, overrides=settings, config_home=folder)
    data = DataFolder(folder / "data")
    async with Application(loaded, registry, data) as application:
        capture = application.captures["door"]
        await _until(lambda: capture.stats().state == "live")
        await asyncio.sleep(5.0)
        return [await _one(application) for _ in range(presses)]


async def _one(application: Application) -> Times:
    times = Times()
    ears = [
        application.bus.subscribe(pattern, times.hear, name=f"ear {pattern}")
        for pattern in (
            topics.CAMERA_BURST,
            topics.EVENT_CREATED,
            topics.EVENT_UPDATED,
            topics.EVENT_STORED,
        )
    ]
    times.pressed_s = time.monotonic()
    await application.doorbells.press("front", "drill")
    times.mark("acknowledged")
    await asyncio.sleep(APART_S + 1.5)
    for ear in ears:
        ear.close()
    return times


async def _until(what: Callable[[], bool]) -> None:
    until_s = time.monotonic() + LIVE_S
    while not what():
        if time.monotonic() > until_s:
            raise SystemExit("the camera did not come to life")
        await asyncio.sleep(0.1)
