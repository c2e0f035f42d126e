"""How soon after a press each channel's far side has the message, picture, name and clip.

The whole system runs live: at each of several drawn doors a visitor who is enrolled walks up and
rings once a round, the others are busy meanwhile. Far sides are stand-ins on this machine, in a
thread of the same process: what they take is in the figures. Clocks start with the press on the
bus. Mail waits for its picture and Telegram a quarter of a second, as their defaults say.

    python benchmarks/telling_latency.py --presses 200 --doors 3
"""

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from press_to_name import ROUND_S, doors, enrol
from report import Row, write_report
from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import load_config
from spyoncino.core.logs import configure_logging
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.schemas import topics
from spyoncino.schemas.events import CLOSED_STATES
from telling_far import CHANNELS, FarSides

STEPS = ("first message", "picture", "name", "clip")
BUDGETS_MS = {"first message": 500.0, "name": 1500.0}
DOOR = re.compile(r"door-\d+")
LOOK_S = 0.005
"""How often it is looked what arrived: the figures are that much too late at most."""

NAME = "Ann"


@dataclass(slots=True)
class Ring:
    """One event with a press: when it was pressed, when it was over, what each channel had when."""

    pressed_ns: int
    camera: str
    had_ns: dict[tuple[str, str], int] = field(default_factory=dict)
    ended_ns: int | None = None


class Stopwatch:
    """Events to the times of their steps.

    Args:
        far: What arrives.
        presses: So many are wanted.
    """

    def __init__(self, far: FarSides, presses: int) -> None:
        self.wanted = presses
        self.rings: dict[str, Ring] = {}
        self._far = far
        self._pressed: dict[str, int] = {}
        self._seen = dict.fromkeys(CHANNELS, 0)
        self._early: dict[str, dict[tuple[str, str], int]] = {}
        self._clips: Counter[str] = Counter()
        self._at_door: dict[str, list[str]] = defaultdict(list)
        self._places: dict[int, tuple[str, int]] = {}
        self._shown: set[int] = set()
        self._had_news = False

    async def on_press(self, message: Message) -> None:
        """Somebody rang."""
        self._pressed[message.payload.event_id] = message.published_ns

    async def on_event(self, message: Message) -> None:
        """Which event a press belongs to."""
        event = message.payload.event
        for press_id in event.press_ids[:1]:
            if event.event_id not in self.rings and press_id in self._pressed:
                had = self._early.setdefault(event.event_id, {})
                self.rings[event.event_id] = Ring(self._pressed[press_id], event.camera, had)
                self._at_door[event.camera].append(event.event_id)
        ring = self.rings.get(event.event_id)
        if ring is not None and event.state in CLOSED_STATES:
            ring.ended_ns = ring.ended_ns or message.published_ns

    @property
    def finished(self) -> int:
        """Rings whose clip is everywhere."""
        return sum(self._clips[ref] == len(CHANNELS) for ref in self.rings)

    def look(self) -> None:
        """Note what arrived since the last look."""
        now_ns = time.monotonic_ns()
        for channel, news in (
            ("webhook", self._documents),
            ("mqtt", self._heard),
            ("email", self._mails),
        ):
            found = news(self._seen[channel])
            self._seen[channel] += len(found)
            for news_of in found:
                if news_of is not None:
                    self._note(channel, *news_of, now_ns)
        before, self._seen["telegram"] = self._seen["telegram"], self._far.bot.requests
        has_news = before != self._seen["telegram"]
        if has_news or self._had_news:  # counted when it comes, shown a moment later
            self._look_at_bot(now_ns)
        self._had_news = has_news

    def _look_at_bot(self, now_ns: int) -> None:
        """Its messages name no event: of each door they come one after the other.

        Those that show their clip are not looked at again: looking must not load what is measured.
        """
        for shown in self._far.bot.messages():
            if shown.message_id in self._shown:
                continue
            if shown.message_id not in self._places:
                (camera, *_) = DOOR.findall(shown.text)
                before = sum(door == camera for door, _ in self._places.values())
                self._places[shown.message_id] = camera, before
            camera, place = self._places[shown.message_id]
            if place < len(self._at_door[camera]):
                facts = {
                    "picture": shown.media in ("photo", "video"),
                    "name": NAME in shown.text,
                    "clip": shown.media == "video",
                }
                self._note("telegram", self._at_door[camera][place], facts, now_ns)
                if facts["clip"]:
                    self._shown.add(shown.message_id)

    def _note(self, channel: str, event_ref: str, facts: dict[str, bool], now_ns: int) -> None:
        had = self._early.setdefault(event_ref, {})
        for step in STEPS:
            if facts.get(step, step == STEPS[0]) and (channel, step) not in had:
                had[channel, step] = now_ns
                self._clips[event_ref] += step == "clip"

    def _documents(self, since: int) -> list[tuple[str, dict[str, bool]]]:
        documents = self._far.webhook.documents
        found = list(documents.values())[since:] if len(documents) > since else []
        return [(each["event_ref"], _facts(each["title"], each["media"])) for each in found]

    def _heard(self, since: int) -> list[tuple[str, dict[str, bool]] | None]:
        heard = self._far.ear.heard[since:]
        found = []
        for topic, payload in heard:
            is_event = topic.startswith("spyoncino/events/") and payload
            each = json.loads(payload) if is_event else None
            found.append((each["event_id"], _facts(each["title"], each["media"])) if each else None)
        return found

    def _mails(self, since: int) -> list[tuple[str, dict[str, bool]]]:
        found = []
        for mail in self._far.post.mails[since:]:
            kinds = [part.get_content_type() for part in mail.walk()]
            facts = {
                "picture": "image/jpeg" in kinds,
                "name": NAME in str(mail["Subject"]),
                "clip": "video/mp4" in kinds,
            }
            found.append((str(mail["Message-ID"])[1:].rsplit(".", 2)[0], facts))
        return found

    def report(self) -> list[Row]:
        """The figures in ms; what was known before the press counts from the message."""
        rows = []
        for channel in CHANNELS:
            for step in STEPS:
                rows += self._rows(channel, step, "press", lambda ring: ring.pressed_ns)
            rows += self._rows(channel, "clip", "end of the visit", lambda ring: ring.ended_ns)
        return rows

    def _rows(
        self, channel: str, step: str, origin: str, began_ns: Callable[[Ring], int | None]
    ) -> list[Row]:
        ms = sorted(
            (ring.had_ns[channel, step] - began) / 1e6
            for ring in self.rings.values()
            if (channel, step) in ring.had_ns and (began := began_ns(ring)) is not None
        )
        if len(ms) < 2:
            return []
        p95, budget = ms[round(0.95 * (len(ms) - 1))], BUDGETS_MS.get(step)
        name, note = f"{channel}: {origin} -> {step}", f"{len(ms)} of {len(self.rings)} presses"
        return [
            Row(f"{name}, median", statistics.median(ms), "ms", None, note),
            Row(f"{name}, p95", p95, "ms", budget, "at most" if budget else ""),
            Row(f"{name}, most", ms[-1], "ms"),
        ]


def _facts(title: str, media: list[str]) -> dict[str, bool]:
    return {
        "picture": any(path.endswith(".jpg") for path in media),
        "name": NAME in title,
        "clip": any(path.endswith(".mp4") for path in media),
    }


def build(data: DataFolder, far: FarSides, options: argparse.Namespace) -> Application:
    """The doors, and channels that tell every ring."""
    cameras = doors(options.doors, options.press_after_s)
    ring = {
        "name": "rings",
        "when": {"types": ["doorbell"]},
        "priority": "high",
        "text": "{names} rang at {camera}, {story}",
    }
    overrides = {
        "cameras": cameras,
        "console": {"show": "off"},
        "web": {"enabled": False},
        "faces": {"enabled": options.faces},
        "events": {"linger_s": 3.0},
        "alerts": {"rules": [ring]},
        **far.settings(20.0),
    }
    registry = load_modules()
    loaded = load_config(
        registry, overrides=overrides, working_folder=data.root, config_home=data.root
    )
    return Application(loaded, registry, data)


async def run(application: Application, watch: Stopwatch, limit_s: float) -> None:
    """All rounds, or as many as there is time for."""
    bus = application.bus
    bus.subscribe(topics.DOORBELL_PRESSED.pattern, watch.on_press, name="bench presses")
    for topic in (topics.EVENT_CREATED, topics.EVENT_UPDATED, topics.EVENT_COMPLETED):
        bus.subscribe(topic, watch.on_event, name=f"bench {topic.name}")
    async with application:
        until_s = time.monotonic() + limit_s
        while watch.finished < watch.wanted and time.monotonic() < until_s:
            watch.look()
            await asyncio.sleep(LOOK_S)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--doors", type=int, default=3)
    parser.add_argument("--limit-s", type=float, help="stop after so long, whatever is there")
    parser.add_argument("--no-faces", dest="faces", action="store_false", help="nobody is named")
    parser.add_argument("--press-after-s", type=float, default=6.5, help="after the visitor came")
    parser.add_argument("--name", default="telling-latency", help="of the result")
    options = parser.parse_args()
    limit_s = options.limit_s or ROUND_S * (2 + options.presses / options.doors) + 60
    configure_logging("error")
    with tempfile.TemporaryDirectory() as name, FarSides(Path(name), time.time) as far:
        data = DataFolder(Path(name) / "data")
        data.prepare()
        if options.faces:
            enrol(data)
        watch = Stopwatch(far, options.presses)
        asyncio.run(run(build(data, far, options), watch, limit_s))
    write_report(options.name, watch.report())


if __name__ == "__main__":
    main()
