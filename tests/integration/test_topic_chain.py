"""One visit from the first picture to the stored row, topic by topic, in one program."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.programs import Records, sim
from tests.fixtures.webhook_stand_in import Receiver, receiver

from spyoncino.app import Application, load_modules
from spyoncino.core.config_load import load_config
from spyoncino.core.message import Message
from spyoncino.core.paths import DataFolder
from spyoncino.core.queues import Policy
from spyoncino.schemas import topics
from spyoncino.schemas.status import CameraState, CameraStatus

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

SECRET = "of-this-test"  # noqa: S105
DURATION_S = 5.0
PRESS_S = 2.0


@dataclass(frozen=True)
class Visit:
    """Everything that was on the bus during one visit."""

    messages: list[Message]
    records: Records
    far: Receiver

    def first(self, topic: str) -> int:
        """Place of the first message of a topic."""
        return next(place for place, message in enumerate(self.messages) if message.topic == topic)

    def of(self, topic: str) -> list[Message]:
        return [message for message in self.messages if message.topic == topic]


async def _overheard(application: Application) -> list[Message]:
    messages: list[Message] = []
    is_over = asyncio.Event()

    async def note(message: Message) -> None:
        messages.append(message)
        status = message.payload
        if isinstance(status, CameraStatus) and status.state is CameraState.ENDED:
            is_over.set()

    application.bus.subscribe("#", note, name="eavesdropper", policy=Policy.BLOCK)
    async with application:
        await is_over.wait()
    return messages


async def _visit(folder: Path, camera: dict[str, Any], **changes: Any) -> Visit:
    """One run over a camera, with a program outside that is told."""

    def build(url: str) -> Application:
        registry = load_modules()
        settings = {
            "cameras": {"door": camera},
            "pool": {"workers": 1},
            "webhook": {"enabled": True, "url": url, "secret": SECRET},
            **changes,
        }
        loaded = load_config(
            registry, overrides=settings, working_folder=folder, config_home=folder
        )
        return Application(loaded, registry, DataFolder(folder / "data"), lossless=True)

    async with receiver(SECRET, time.time()) as far:
        application = await asyncio.to_thread(build, far.url)
        return Visit(await _overheard(application), Records(folder / "data"), far)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    camera = sim(duration_s=DURATION_S, press_at_s=PRESS_S, realtime=False)
    return asyncio.run(_visit(tmp_path_factory.mktemp("visit"), camera))


def test_a_frame_travels_the_line_in_order(visit: Visit) -> None:
    line = [
        "camera.door.frame",
        "process.detected",
        "process.tracks",
        "process.motion.unique",
        "process.motion.zoned",
        "event.created",
        "notify.webhook.queued",
        "notify.webhook.sent",
        "notify.webhook.confirmed",
    ]

    places = [visit.first(topic) for topic in line]

    assert places == sorted(places)
    assert visit.first("process.motion.detected") < visit.first("event.created")
    assert visit.first("event.created") < visit.first("storage.event.stored")


@pytest.mark.parametrize("kind", ["snapshot", "clip"])
def test_a_file_is_ready_before_it_is_told_and_the_receiver_has_it(visit: Visit, kind: str) -> None:
    ready = visit.of(f"event.{kind}.ready")[0]
    shown = next(
        message
        for message in visit.of("notify.webhook.queued")
        if ready.payload.path in message.payload.media
    )
    sent = next(
        message
        for message in visit.of("notify.webhook.sent")
        if message.payload.revision >= shown.payload.revision
    )

    line = [visit.first("event.created"), *map(visit.messages.index, (ready, shown, sent))]

    assert line == sorted(line)


def test_every_frame_comes_once_and_in_order(visit: Visit) -> None:
    frames = [message.payload for message in visit.of("camera.door.frame")]

    assert [frame.end_of_stream for frame in frames] == [False] * (len(frames) - 1) + [True]
    numbers = [frame.sequence_number for frame in frames[:-1]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    pictures = len(numbers)
    assert pictures == pytest.approx(5.0 * DURATION_S, abs=2), "5 frames a second are analysed"


def test_the_end_of_the_stream_passes_every_stage(visit: Visit) -> None:
    for topic in ("process.detected", "process.tracks", "process.motion.zoned"):
        assert visit.of(topic)[-1].payload.end_of_stream


def test_an_event_is_created_grows_and_is_completed_once(visit: Visit) -> None:
    created = visit.of("event.created")
    completed = visit.of("event.completed")

    assert len(created) == len(completed) == 1
    event = completed[0].payload.event
    assert created[0].payload.event.event_id == event.event_id
    assert event.presses == (PRESS_S,)
    assert event.type == "doorbell"
    assert visit.first("doorbell.front.pressed") < visit.first("event.completed")
    assert set(event.transitions) >= {"created", "completed"}


def test_one_correlation_id_is_on_every_message_of_the_visit(visit: Visit) -> None:
    born = visit.of("camera.door.frame")[0].payload.correlation_id

    for topic in ("process.detected", "process.motion.zoned", "doorbell.front.pressed"):
        assert {message.payload.correlation_id for message in visit.of(topic)} == {born}
    event_id = visit.of("event.completed")[0].payload.event.event_id
    for topic in ("event.completed", "event.clip.ready", "storage.event.stored"):
        ids = {message.payload.correlation_id for message in visit.of(topic)}
        assert ids <= {born, event_id}, topic


def test_every_file_is_told_on_its_topic_and_on_the_common_one_then_stored(visit: Visit) -> None:
    stored = {message.payload.key for message in visit.of("storage.media.stored")}
    told = {message.payload.path for message in visit.of("event.media.ready")}

    for topic in ("event.snapshot.ready", "event.gif.ready", "event.clip.ready"):
        assert visit.of(topic), topic
        assert {message.payload.path for message in visit.of(topic)} <= told
        assert visit.first(topic) < visit.first("storage.media.stored") or len(stored) > 1
    assert stored == told == set(visit.records.media())


def test_what_was_acknowledged_is_in_the_database(visit: Visit) -> None:
    acknowledged = {message.payload.key for message in visit.of("storage.event.stored")}

    assert visit.records.events() == dict.fromkeys(acknowledged, "completed")


@pytest.mark.alone
def test_no_message_was_dropped_and_no_handler_failed(visit: Visit) -> None:
    assert not [message for message in visit.messages if message.topic.startswith("status.error")]
    assert not visit.of(topics.STATUS_CONTRACT.name)
    reports = visit.of("status.bus")
    assert all(report.payload.dropped == report.payload.failed == 0 for report in reports)


def test_one_visit_is_one_message_that_was_edited(visit: Visit) -> None:
    queued = [message.payload for message in visit.of("notify.webhook.queued")]
    told = list(visit.far.documents.values())

    assert [alert.revision for alert in queued] == list(range(1, len(queued) + 1))
    assert len({document["event_ref"] for document in told}) == 1
    assert visit.far.refused == []
    assert told[0]["title"] == "Somebody rang at door"
    last = told[-1]
    assert last["is_final"]
    assert last["event"]["state"] == "completed"
    assert [Path(path).name for path in last["media"]] == ["snapshot.jpg", "clip.mp4"]


def test_motion_alone_is_told_where_a_camera_is_set_to_it(tmp_path: Path) -> None:
    camera = sim(duration_s=DURATION_S, press_at_s=-1.0, realtime=False)
    changes = {
        "events": {"on_motion": True, "labels": []},
        "alerts": {"rules": [{"name": "motion", "when": {"types": ["motion"]}}]},
    }

    moved = asyncio.run(_visit(tmp_path, camera, **changes))

    assert {document["title"] for document in moved.far.documents.values()} == {"Motion at door"}
    assert visit_count(moved) == 1


def visit_count(visit: Visit) -> int:
    return len({document["event_ref"] for document in visit.far.documents.values()})
