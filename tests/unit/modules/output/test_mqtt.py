"""Messages and facts of the MQTT channel; the broker is a double that takes notes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.fixtures.home_assistant_schema import DISCOVERY_TOPIC, check, check_value
from tests.fixtures.payloads import EVENT_ID, event

from spyoncino.clients.mqtt import Arrival, Broker
from spyoncino.errors import DeliveryError, StorageError
from spyoncino.modules.mqtt_settings import MqttSettings
from spyoncino.modules.output.mqtt import MAX_RINGING, RING_FRESH_S, MqttModule
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import (
    DoorbellEvent,
    EventCompleted,
    EventCreated,
    EventState,
    Identity,
    Verdict,
)
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import (
    CONFIG_UPDATE,
    DOORBELL_PRESSED,
    EVENT_COMPLETED,
    EVENT_CREATED,
    MEDIA_READY,
    MODE_ORDER,
    NOTIFY_CONFIRMED,
    NOTIFY_QUEUED,
    SYSTEM_MODE,
)
from spyoncino.testing.harness import ModuleHarness

DOOR = "spyoncino/cameras/door"
VISIT = "spyoncino/events/door"
DEVICE = "homeassistant/device/spyoncino_door/config"
ANN = Identity(name="Ann", decision=Verdict.KNOWN, similarity=0.7, margin=0.3, track_id=1)


class NotedLink:
    """A connection that holds; what is published is noted."""

    made: "list[NotedLink]" = []  # noqa: RUF012 - one test at a time

    def __init__(
        self,
        broker: Broker,
        topics: tuple[str, ...],
        on_connected: Callable[[], Awaitable[None]],
        on_arrival: Callable[[Arrival], Awaitable[None]],
        clock: object,
    ) -> None:
        del clock
        self.broker = broker
        self.topics = topics
        self._on_connected = on_connected
        self.arrive = on_arrival
        self.said: list[tuple[str, bytes, bool]] = []
        self.is_connected = False
        self.is_gone = False
        self.connections = 0
        self.last_error = ""
        self._up = asyncio.Event()
        self.made.append(self)

    async def run(self) -> None:
        self.is_connected = True
        await self._on_connected()
        self._up.set()
        await asyncio.Event().wait()

    async def wait_connected(self) -> None:
        await self._up.wait()

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        await asyncio.sleep(0)
        if self.is_gone:
            raise DeliveryError("the broker is gone")
        self.said.append((topic, payload, retain))

    @property
    def last(self) -> dict[str, bytes]:
        return {topic: payload for topic, payload, _ in self.said}

    async def order(self, topic: str, payload: bytes) -> None:
        await self.arrive(Arrival(topic, payload, is_retained=False))


@pytest.fixture(autouse=True)
def noted_link(monkeypatch: pytest.MonkeyPatch) -> None:
    NotedLink.made.clear()
    monkeypatch.setattr("spyoncino.clients.mqtt.MqttLink", NotedLink)


async def connected(harness: ModuleHarness, **changes: Any) -> tuple[MqttModule, NotedLink]:
    if not harness.context.cameras:
        harness.set_camera(doorbell="front")
    module = await harness.add(MqttModule, enabled=True, host="localhost", **changes)
    await settled(harness)
    return module, NotedLink.made[-1]


async def settled(harness: ModuleHarness) -> None:
    for _ in range(4):  # files and the database have a thread of their own
        await harness.settle()


def alert(harness: ModuleHarness, revision: int = 1, **changes: Any) -> AlertNotification:
    facts: dict[str, Any] = {"event": event(identities=(ANN,)), **changes}
    return AlertNotification(
        event_ref=EVENT_ID,
        channel="mqtt",
        text="Ann rang",
        revision=revision,
        timestamp=harness.clock.utc_now(),
        **facts,
    )


async def test_every_revision_is_one_document_that_replaces_the_last(
    harness: ModuleHarness,
) -> None:
    _, link = await connected(harness)
    for revision in (1, 2):
        await harness.feed(NOTIFY_QUEUED.of("mqtt"), alert(harness, revision))
        await settled(harness)
    told = [json.loads(payload) for topic, payload, kept in link.said if topic == VISIT and kept]
    assert [(each["event_id"], each["revision"]) for each in told] == [(EVENT_ID, 1), (EVENT_ID, 2)]
    assert told[0]["names"] == ["Ann"]
    assert told[0]["delivery_id"].endswith("/1")
    reports = harness.received(NOTIFY_CONFIRMED.of("mqtt"))
    assert [(each.target, each.revision) for each in reports] == [(VISIT, 1), (VISIT, 2)]


async def test_what_belongs_to_no_camera_is_not_retained(harness: ModuleHarness) -> None:
    _, link = await connected(harness)
    await harness.feed(NOTIFY_QUEUED.of("mqtt"), alert(harness, event=None))
    gone = alert(harness, event=event(camera="attic")).model_copy(update={"event_ref": "other"})
    await harness.feed(NOTIFY_QUEUED.of("mqtt"), gone)
    await settled(harness)
    kept = {topic: retain for topic, _, retain in link.said}
    assert kept["spyoncino/notices"] is False
    assert kept["spyoncino/events/attic"] is False


async def test_it_introduces_itself_and_says_goodbye(harness: ModuleHarness) -> None:
    harness.set_camera("yard")
    harness.set_camera("door", doorbell="front", enabled=False)
    module, link = await connected(harness, discovery_prefix="ha")
    assert (link.broker.will_topic, link.broker.will) == ("spyoncino/status", b"offline")
    assert link.broker.client_id == "spyoncino"
    assert "ring" in json.loads(link.last["ha/device/spyoncino_door/config"])["components"]
    assert "ring" not in json.loads(link.last["ha/device/spyoncino_yard/config"])["components"]
    assert link.last["spyoncino/status"] == b"online"
    assert (link.last[f"{DOOR}/enabled"], link.last[f"{DOOR}/person"]) == (b"OFF", b"OFF")
    await module.stop()
    assert link.last["spyoncino/status"] == b"offline"


async def test_a_camera_that_is_removed_is_emptied_while_it_runs(harness: ModuleHarness) -> None:
    harness.set_camera("yard")
    harness.set_camera("door")
    module, link = await connected(harness)
    await harness.feed(EVENT_CREATED, EventCreated(event=event()))
    await settled(harness)
    assert link.last[f"{DOOR}/person"] == b"ON"
    del harness.context.cameras["door"]
    await module.configure(module.settings)
    await settled(harness)
    assert {topic for topic, payload in link.last.items() if payload and "door" in topic} == set()
    assert link.last["spyoncino/cameras/yard/person"] == b"OFF"
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=event(EventState.COMPLETED)))
    await settled(harness)
    assert link.last[f"{DOOR}/person"] == b""


async def test_somebody_is_there_until_the_last_event_is_over(harness: ModuleHarness) -> None:
    _, link = await connected(harness)
    cat = event(event_id="cat", labels=("cat",), type="animal")
    await harness.feed(EVENT_CREATED, EventCreated(event=cat))
    await settled(harness)
    assert (link.last[f"{DOOR}/motion"], link.last[f"{DOOR}/person"]) == (b"ON", b"OFF")
    ann = event(identities=(ANN,))
    await harness.feed(EVENT_CREATED, EventCreated(event=ann))
    await harness.feed(
        EVENT_COMPLETED, EventCompleted(event=cat.model_copy(update={"state": "completed"}))
    )
    await settled(harness)
    assert (link.last[f"{DOOR}/motion"], link.last[f"{DOOR}/person"]) == (b"ON", b"ON")
    assert link.last[f"{DOOR}/visitor"] == b"Ann"
    over = event(EventState.COMPLETED)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=over))
    await settled(harness)
    assert (link.last[f"{DOOR}/motion"], link.last[f"{DOOR}/person"]) == (b"OFF", b"OFF")


async def test_a_ring_is_told_at_once_but_not_kept_and_not_late(harness: ModuleHarness) -> None:
    module, link = await connected(harness)
    press = DoorbellEvent(doorbell="front", camera="door")
    await harness.feed(DOORBELL_PRESSED.of("front"), press)
    await settled(harness)
    ((payload, kept),) = [
        (json.loads(payload), kept) for topic, payload, kept in link.said if topic.endswith("ring")
    ]
    assert (payload["event_type"], payload["press_id"], kept) == ("ring", press.event_id, False)
    link.is_gone = True
    await harness.feed(DOORBELL_PRESSED.of("front"), press)
    for _ in range(60):
        await harness.clock.advance(RING_FRESH_S / 50)
    await settled(harness)
    assert (await module.health()).numbers["rings_missed"] == 1


async def test_a_bell_that_is_stuck_does_not_fill_the_memory(harness: ModuleHarness) -> None:
    module, link = await connected(harness)
    link.is_gone = True
    for _ in range(MAX_RINGING + 3):
        press = DoorbellEvent(doorbell="front", camera="door")
        await harness.feed(DOORBELL_PRESSED.of("front"), press)
    assert (await module.health()).numbers["rings_missed"] == 3


async def test_the_newest_picture_is_shown_unless_it_is_too_large(harness: ModuleHarness) -> None:
    module, link = await connected(harness, max_picture_bytes=10)
    (harness.context.data.root / "small.jpg").write_bytes(b"jpeg")

    def picture(path: str, size_bytes: int, kind: MediaKind = MediaKind.SNAPSHOT) -> MediaArtifact:
        return MediaArtifact(
            kind=kind,
            event_ref=EVENT_ID,
            camera="door",
            path=path,
            content_type="image/jpeg",
            size_bytes=size_bytes,
        )

    for artifact in (
        picture("small.jpg", 4),
        picture("small.jpg", 11),
        picture("gone.jpg", 4),
        picture("small.jpg", 4, MediaKind.CLIP),
    ):
        await harness.feed(MEDIA_READY, artifact)
    await settled(harness)
    shown = [payload for topic, payload, _ in link.said if topic == f"{DOOR}/picture"]
    assert shown == [b"jpeg"]
    assert (await module.health()).numbers["pictures_left_out"] == 2


async def test_orders_that_make_no_sense_are_not_obeyed(harness: ModuleHarness) -> None:
    async def refuse(order: ModeOrder) -> SystemMode:
        raise StorageError(f"{order.mode} cannot be remembered: the disk is full")

    harness.bus.answer(MODE_ORDER, refuse, name="modes")
    _, link = await connected(harness)
    await harness.feed(SYSTEM_MODE, SystemMode(mode=Mode.AWAY))
    await settled(harness)
    link.said.clear()
    await link.order("spyoncino/mode/set", b"\xff asleep")
    await link.order("spyoncino/mode/set", b"home")
    await link.order(f"{DOOR}/enabled/set", b"perhaps")
    await link.order("spyoncino/cameras/attic/enabled/set", b"ON")
    await link.arrive(Arrival(f"{DOOR}/enabled/set", b"OFF", is_retained=True))
    await link.order("elsewhere", b"OFF")
    await settled(harness)
    assert link.last == {"spyoncino/mode": b"away"}
    assert harness.received(CONFIG_UPDATE) == []


@pytest.mark.parametrize("takes_orders", [True, False])
async def test_everything_that_is_told_is_understood_by_an_entity_of_home_assistant(
    harness: ModuleHarness, takes_orders: bool
) -> None:
    harness.set_camera("yard", enabled=False)
    harness.set_camera("door", doorbell="front")
    module, link = await connected(harness, take_orders=takes_orders)
    (harness.context.data.root / "face.jpg").write_bytes(b"jpeg")
    picture = MediaArtifact(
        kind=MediaKind.SNAPSHOT,
        event_ref=EVENT_ID,
        camera="door",
        path="face.jpg",
        content_type="image/jpeg",
        size_bytes=4,
    )
    crowd = tuple(ANN.model_copy(update={"name": f"{number} {'n' * 40}"}) for number in range(9))
    for mode in Mode:
        await harness.feed(SYSTEM_MODE, SystemMode(mode=mode))
        await settled(harness)
    press = DoorbellEvent(doorbell="front", camera="door")
    await harness.feed(DOORBELL_PRESSED.of("front"), press)
    await harness.feed(EVENT_CREATED, EventCreated(event=event(identities=crowd)))
    await harness.feed(MEDIA_READY, picture)
    await harness.feed(NOTIFY_QUEUED.of("mqtt"), alert(harness))
    await settled(harness)
    over = event(EventState.COMPLETED, identities=crowd)
    await harness.feed(EVENT_COMPLETED, EventCompleted(event=over))
    await settled(harness)
    await module.stop()
    begin = "homeassistant/device/"
    documents = {t: json.loads(payload) for t, payload in link.last.items() if t.startswith(begin)}
    assert len(documents) == 3
    for topic, document in documents.items():
        assert DISCOVERY_TOPIC.fullmatch(topic)
        check(document)
    heard = {
        topic
        for topic, payload, kept in link.said
        if topic not in documents and check_value(documents, topic, payload, is_retained=kept)
    }
    assert heard == {topic for topic, *_ in link.said} - documents.keys()
    told = {
        value
        for document in documents.values()
        for entity in document["components"].values()
        for key, value in entity.items()
        if key.endswith("_topic") and key != "command_topic"
    }
    silent = {"spyoncino/cameras/yard/" + what for what in ("picture", "visitor")}
    assert told - heard == silent | {"spyoncino/events/yard"}


async def test_a_switch_changes_the_setting_of_its_camera(harness: ModuleHarness) -> None:
    _, link = await connected(harness)
    await link.order(f"{DOOR}/enabled/set", b"OFF")
    await settled(harness)
    (update,) = harness.received(CONFIG_UPDATE)
    assert (update.changes, update.author) == ({"cameras": {"door": {"enabled": False}}}, "mqtt")


async def test_home_assistant_that_starts_is_told_everything(harness: ModuleHarness) -> None:
    _, link = await connected(harness)
    link.said.clear()
    await link.order("homeassistant/status", b"offline")
    await settled(harness)
    assert link.said == []
    await link.order("homeassistant/status", b"online")
    await settled(harness)
    assert {DEVICE, "spyoncino/status", f"{DOOR}/person"} <= link.last.keys()


async def test_who_wants_neither_discovery_nor_orders_hears_nothing(harness: ModuleHarness) -> None:
    _, link = await connected(harness, discovery=False, take_orders=False)
    assert link.topics == ()
    assert not [topic for topic in link.last if topic.startswith("homeassistant")]


async def test_a_channel_that_is_off_does_nothing(harness: ModuleHarness) -> None:
    harness.set_camera()
    module = await harness.add(MqttModule)
    await harness.feed(DOORBELL_PRESSED.of("front"), DoorbellEvent(doorbell="front", camera="door"))
    await harness.feed(EVENT_CREATED, EventCreated(event=event()))
    await harness.feed(SYSTEM_MODE, SystemMode(mode=Mode.AWAY))
    await settled(harness)
    assert NotedLink.made == []
    assert (await module.health()).state is HealthState.OK


async def test_health_says_why_there_is_no_connection(harness: ModuleHarness) -> None:
    module, link = await connected(harness)
    assert (await module.health()).state is HealthState.OK
    link.is_connected = False
    link.last_error = "the MQTT broker localhost:1883 cannot be reached"
    health = await module.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, link.last_error)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "host is empty"),
        ({"host": "broker.lan", "security": "none"}, "is another machine: use tls"),
        ({"host": "localhost", "password": SecretStr("s3cret")}, "user is empty"),
        ({"host": "localhost", "topic_prefix": "a/#"}, "pattern"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as refusal:
        MqttSettings(enabled=True, **settings)
    assert "s3cret" not in str(refusal.value)


def test_a_broker_on_this_machine_needs_no_tls() -> None:
    assert MqttSettings(enabled=True, host="127.0.0.1", security="none", port=1883).enabled
