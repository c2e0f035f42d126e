"""How soon after a press the event has a name: the whole system over a drawn door, live.

The visitor, enrolled from another picture (flipped, relit, encoded anew), walks up and rings once a
round. Other cameras with visitors of their own keep the workers busy. Measured on the bus: press
published, first message of the event that has the press, first message of it with the name.

    python benchmarks/press_to_name.py --presses 50 --busy-cameras 3
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import spyoncino
from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.detectors.embedders import create_embedder
from spyoncino.detectors.factory import create_face_detector
from spyoncino.persistence.people import FaceDatabase
from spyoncino.runtime.face_look import FaceLook
from spyoncino.schemas import topics

VISITOR = Path(spyoncino.__file__).parent / "assets" / "demo" / "visitor.png"
ROUND_S = 26.0
"""Walking up, waiting, leaving, and the time until the event is over."""


class Stopwatch:
    """Times of each press of one camera, in nanoseconds of the bus."""

    def __init__(self, presses: int) -> None:
        self.wanted = presses
        self.pressed: list[int] = []
        self.told: dict[int, int] = {}
        self.named: dict[int, int] = {}
        self.is_over = asyncio.Event()

    async def on_press(self, message: Message) -> None:
        """One more round."""
        if message.payload.camera == "door":
            self.pressed.append(message.published_ns)

    async def on_event(self, message: Message) -> None:
        """The event of the last press, as it stands."""
        event = message.payload.event
        if event.camera != "door" or not event.presses:
            return
        number = len(self.pressed) - 1
        self.told.setdefault(number, message.published_ns)
        if any(each.name for each in event.identities):
            self.named.setdefault(number, message.published_ns)
        if event.state.value == "completed" and len(self.pressed) >= self.wanted:
            self.is_over.set()

    def report(self) -> str:
        """The figures as lines."""
        lines = [f"{len(self.pressed)} presses, {len(self.named)} named"]
        for what, times in (("event row", self.told), ("name", self.named)):
            ms = sorted((at - self.pressed[n]) / 1e6 for n, at in times.items())
            if len(ms) > 1:
                p95 = ms[min(len(ms) - 1, round(0.95 * (len(ms) - 1)))]
                lines.append(
                    f"press -> {what}: p50 {statistics.median(ms):.0f} ms, p95 {p95:.0f} ms, "
                    f"max {ms[-1]:.0f} ms"
                )
        return "\n".join(lines)


def enrol(data: DataFolder) -> None:
    """Ann from a picture that the camera will not show."""
    drawn: Any = cv2.imread(str(VISITOR), cv2.IMREAD_UNCHANGED)
    opaque = drawn[..., 3:] / 255.0
    picture = (drawn[..., :3] * opaque + 200 * (1 - opaque)).astype(np.uint8)[:, ::-1]
    relit = cv2.convertScaleAbs(picture, alpha=0.85, beta=12)
    coded = cv2.imencode(".jpg", relit, [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
    look = FaceLook(create_face_detector("cpu", {}), create_embedder({}))
    image: Any = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    result = look.look(image, (), whole=True)
    with FaceDatabase(data.face_database) as people:
        vector = np.frombuffer(result.faces[0].vector, "<f4")
        people.add_face(people.add_person("Ann").person_id, vector, model=result.embedder)


def build(data: DataFolder, options: argparse.Namespace) -> Application:
    """The door and the cameras beside it."""
    sim = {"type": "sim", "period_s": ROUND_S, "cat_at_s": -1.0, "visitor_at_s": 1.0}
    cameras: dict[str, Any] = {
        "door": {"source": {**sim, "press_at_s": 1.0 + options.press_after_s}, "doorbell": "front"}
    }
    for number in range(options.busy_cameras):
        cameras[f"busy-{number}"] = {"source": {**sim, "seed": 2 + number, "press_at_s": -1.0}}
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
    async with application:
        await asyncio.wait_for(watch.is_over.wait(), ROUND_S * (presses + 2) + 60)
    return watch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presses", type=int, default=50)
    parser.add_argument("--busy-cameras", type=int, default=0)
    parser.add_argument("--press-after-s", type=float, default=6.5, help="after the visitor came")
    options = parser.parse_args()
    configure_logging("error")
    with tempfile.TemporaryDirectory() as folder:
        data = DataFolder(Path(folder))
        data.prepare()
        enrol(data)
        watch = asyncio.run(run(build(data, options), options.presses))
    print(watch.report())


if __name__ == "__main__":
    main()
