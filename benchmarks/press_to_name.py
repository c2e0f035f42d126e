"""How soon after a press there is a picture, an event and a name: the whole system, live.

At each of several drawn doors a visitor, enrolled from another picture (flipped, relit, encoded
anew), walks up and rings once a round; the others are busy meanwhile. Measured on the bus from the
press: the first full-size picture, the first message of its event, the first that has the name.

    python benchmarks/press_to_name.py --presses 50 --doors 4
"""

import argparse
import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from report import Row, write_report
from spyoncino.app import Application, load_modules
from spyoncino.cli.demo_person import portrait
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.detectors.embedders import create_embedder
from spyoncino.detectors.factory import create_face_detector
from spyoncino.persistence.people import FaceDatabase
from spyoncino.runtime.face_look import FaceLook
from spyoncino.schemas import topics

ROUND_S = 20.0
"""Walking up, waiting, leaving, and the time until the event is over."""

WALK_S = 17.0
"""From the gate to the door, the wait there, and back to the gate."""


@dataclass(slots=True)
class Ring:
    """One press, in nanoseconds of the bus; ``None``: has not come."""

    pressed_ns: int
    pictured_ns: int | None = None
    told_ns: int | None = None
    named_ns: int | None = None


class Stopwatch:
    """Times of every press."""

    def __init__(self, presses: int) -> None:
        self.wanted = presses
        self.rings: dict[str, Ring] = {}
        self.closed: set[str] = set()
        self.is_over = asyncio.Event()

    async def on_press(self, message: Message) -> None:
        """Somebody rang."""
        self.rings[message.payload.event_id] = Ring(message.published_ns)

    async def on_picture(self, message: Message) -> None:
        """A picture of a press."""
        ring = self.rings.get(message.payload.trigger_id)
        if ring is not None and ring.pictured_ns is None:
            ring.pictured_ns = message.published_ns

    async def on_event(self, message: Message) -> None:
        """An event as it stands."""
        event = message.payload.event
        for press_id in event.press_ids:
            ring = self.rings.get(press_id)
            if ring is None:
                continue
            ring.told_ns = ring.told_ns or message.published_ns
            if ring.named_ns is None and any(each.name for each in event.identities):
                ring.named_ns = message.published_ns
            if event.state.value == "completed":
                self.closed.add(press_id)
        if len(self.closed) >= self.wanted:
            self.is_over.set()

    def report(self) -> list[Row]:
        """The figures, in ms from the press; who was named before it rang counts as 0."""
        rings = [self.rings[press_id] for press_id in self.closed]
        rows = []
        for what, budget_ms, ends in (
            ("first full-size picture", 100, [ring.pictured_ns for ring in rings]),
            ("event", None, [ring.told_ns for ring in rings]),
            ("name", 1500, [ring.named_ns for ring in rings]),
        ):
            ms = sorted(
                (end - ring.pressed_ns) / 1e6
                for ring, end in zip(rings, ends, strict=True)
                if end is not None
            )
            note = f"{len(ms)} of {len(rings)} presses"
            if len(ms) > 1:
                p95 = ms[min(len(ms) - 1, round(0.95 * (len(ms) - 1)))]
                rows += [
                    Row(f"press -> {what}, median", statistics.median(ms), "ms", None, note),
                    Row(f"press -> {what}, p95", p95, "ms", budget_ms, note),
                    Row(f"press -> {what}, most", ms[-1], "ms", None, note),
                ]
        return rows


def enrol(data: DataFolder) -> None:
    """Ann from a picture that the camera will not show."""
    look = FaceLook(create_face_detector("cpu", {}), create_embedder({}))
    image: Any = cv2.imdecode(np.frombuffer(portrait(), np.uint8), cv2.IMREAD_COLOR)
    result = look.look(image, (), whole=True)
    with FaceDatabase(data.face_database) as people:
        vector = np.frombuffer(result.faces[0].vector, "<f4")
        people.add_face(people.add_person("Ann").person_id, vector, model=result.embedder)


def doors(count: int, press_after_s: float) -> dict[str, Any]:
    """Cameras at drawn doors; their visitors ring one after the other."""
    cameras: dict[str, Any] = {}
    for number in range(count):
        begins_s = 1.0 + number * ROUND_S / count % (ROUND_S - WALK_S)
        source = {
            "type": "sim",
            "period_s": ROUND_S,
            "cat_at_s": -1.0,
            "visitor_at_s": begins_s,
            "press_at_s": begins_s + press_after_s,
            "seed": 1 + number,
        }
        cameras[f"door-{number}"] = {"source": source, "doorbell": f"bell-{number}"}
    return cameras


def build(data: DataFolder, options: argparse.Namespace) -> Application:
    """The system over the doors."""
    cameras = doors(options.doors, options.press_after_s)
    overrides = {
        "cameras": cameras,
        "console": {"show": "off"},
        "web": {"enabled": False},
        "faces": {"enabled": True},
        "events": {"linger_s": 3.0},
    }
    registry = load_modules()
    loaded = load_config(
        registry, overrides=overrides, working_folder=data.root, config_home=data.root
    )
    return Application(loaded, registry, data)


async def run(application: Application, presses: int) -> Stopwatch:
    """All rounds."""
    watch = Stopwatch(presses)
    bus = application.bus
    bus.subscribe(topics.DOORBELL_PRESSED.pattern, watch.on_press, name="bench presses")
    for topic in (topics.EVENT_CREATED, topics.EVENT_UPDATED, topics.EVENT_COMPLETED):
        bus.subscribe(topic, watch.on_event, name=f"bench {topic.name}")
    bus.subscribe(topics.CAMERA_BURST.pattern, watch.on_picture, name="bench pictures")
    async with application:
        rounds = 2 + presses / len(application.captures)
        await asyncio.wait_for(watch.is_over.wait(), ROUND_S * rounds + 60)
    return watch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presses", type=int, default=50)
    parser.add_argument("--doors", type=int, default=4)
    parser.add_argument("--press-after-s", type=float, default=6.5, help="after the visitor came")
    parser.add_argument("--name", default="press-to-name", help="of the result")
    options = parser.parse_args()
    configure_logging("error")
    with tempfile.TemporaryDirectory() as folder:
        data = DataFolder(Path(folder))
        data.prepare()
        enrol(data)
        watch = asyncio.run(run(build(data, options), options.presses))
    write_report(options.name, watch.report())


if __name__ == "__main__":
    main()
