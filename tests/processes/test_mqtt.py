"""MQTT with a real broker: TLS, password, last will, restarts of everybody, a camera that goes."""

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import SecretStr
from tests.fixtures.door_harness import harness
from tests.fixtures.mosquitto_broker import PASSWORD, Ear, Mosquitto, mosquitto, retained, until
from tests.fixtures.payloads import EVENT_ID, event
from tests.fixtures.programs import Running, sim, write_config

from spyoncino.clients.mqtt import packet_bytes
from spyoncino.modules.output.mqtt import MqttModule
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import DoorbellEvent, EventCreated, EventState
from spyoncino.schemas.media import MediaArtifact, MediaKind
from spyoncino.schemas.modes import Mode, ModeOrder, SystemMode
from spyoncino.schemas.topics import (
    CONFIG_UPDATE,
    DOORBELL_PRESSED,
    EVENT_CREATED,
    MEDIA_READY,
    MODE_ORDER,
    NOTIFY_CONFIRMED,
    NOTIFY_FAILED,
    NOTIFY_QUEUED,
)
from spyoncino.testing.harness import ModuleHarness

__all__ = ["harness"]

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(120)]

STATUS, DEVICE = "spyoncino/status", "homeassistant/device/spyoncino_door/config"
RING, VISIT = "spyoncino/cameras/door/ring", "spyoncino/events/door"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with mosquitto(folder) as running:
        yield running


async def added(harness: ModuleHarness, broker: Mosquitto, **changes: Any) -> MqttModule:
    settings = {**broker.settings, "password": SecretStr(PASSWORD), **changes}
    return await harness.add(MqttModule, **settings)


async def until_so(harness: ModuleHarness, is_so: Callable[[], bool]) -> None:
    """Time goes by until it is so."""
    for _ in range(1000):
        if is_so():
            return
        await harness.clock.advance(0.05)
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


def alert(harness: ModuleHarness, revision: int = 1) -> AlertNotification:
    return AlertNotification(
        event_ref=EVENT_ID,
        channel="mqtt",
        title="Somebody at door",
        text=f"revision {revision}",
        revision=revision,
        timestamp=harness.clock.utc_now(),
        event=event(),
    )


def house(folder: Path, broker: Mosquitto, camera: str, **source: Any) -> list[str | Path]:
    """Arguments of a program with one camera."""
    config = write_config(
        folder / "spyoncino.yaml",
        cameras={camera: {**sim(**source), "doorbell": "front"}},
        pool={"workers": 1},
        mqtt=broker.settings,
    )
    return ["--data", folder / "data", "run", "--config", config, "--show", "lines"]


def test_a_ring_a_visit_the_last_will_a_removed_camera_and_orders_of_the_running_program(
    tmp_path: Path, broker: Mosquitto
) -> None:
    arguments = house(tmp_path, broker, "door", press_at_s=3.0)
    with Ear(broker) as ear, Running(tmp_path / "first", *arguments) as running:
        running.wait_for(lambda: bool(ear.on(VISIT)))
        assert json.loads(ear.on(RING)[0])["event_type"] == "ring"
        names = [topic for topic, _ in ear.heard]
        assert names.index(RING) < names.index(VISIT)
        visit = json.loads(ear.on(VISIT)[0])
        assert (visit["camera"], visit["presses"], visit["revision"]) == ("door", 1, 1)
        assert ear.last(STATUS) == b"online"
        assert ear.last("spyoncino/mode") == b"home"
        kept = retained(broker)
        assert RING not in kept
        assert json.loads(kept[VISIT])["event_id"] == visit["event_id"]
        assert "ring" in json.loads(kept[DEVICE])["components"]
        running.process.send_signal(signal.SIGKILL)
        running.wait()
        until(lambda: ear.last(STATUS) == b"offline")
    assert PASSWORD not in running.said()
    arguments = house(tmp_path, broker, "yard", press_at_s=-1.0)
    with Ear(broker) as ear, Running(tmp_path / "second", *arguments) as running:
        running.wait_for(lambda: ear.last(STATUS) == b"online")
        kept = retained(broker)
        assert not [topic for topic in kept if "door" in topic]
        assert "homeassistant/device/spyoncino_yard/config" in kept
        ear.say("spyoncino/mode/set", b"away")
        running.wait_for(lambda: ear.last("spyoncino/mode") == b"away")
        ear.say("spyoncino/cameras/yard/enabled/set", b"OFF")
        running.wait_for(lambda: ear.last("spyoncino/cameras/yard/enabled") == b"OFF")
        running.wait_for_line(r"yard\s+is off")
        running.interrupt()
        assert running.wait() == 0
        until(lambda: ear.last(STATUS) == b"offline")


def test_nothing_of_a_camera_is_left_when_it_is_taken_from_the_settings_of_a_running_program(
    tmp_path: Path, broker: Mosquitto
) -> None:
    file = tmp_path / "spyoncino.yaml"
    sections: dict[str, Any] = {
        "cameras": {
            "door": {**sim(press_at_s=1.0), "doorbell": "front"},
            "yard": {"source": sim(press_at_s=-1.0, seed=2)["source"]},
        },
        "objects": {"detector": "mock"},
        "pool": {"workers": 1},
        "mqtt": broker.settings,
    }
    write_config(file, **sections)
    arguments: list[str | Path] = ["--data", tmp_path / "data", "run", "--config", file]
    with Ear(broker) as ear, Running(tmp_path / "said", *arguments) as running:
        running.wait_for(lambda: bool(ear.on(VISIT)))
        before = {topic for topic in retained(broker) if "door" in topic}
        assert {DEVICE, VISIT, "spyoncino/cameras/door/enabled"} <= before
        del sections["cameras"]["door"]
        write_config(file, **sections)
        running.wait_for(lambda: ear.last(DEVICE) == b"")
        running.wait_for(lambda: not [topic for topic in retained(broker) if "door" in topic])
        assert "homeassistant/device/spyoncino_yard/config" in retained(broker)
        assert all(ear.last(topic) == b"" for topic in before - {VISIT})
        running.interrupt()
        assert running.wait() == 0
    # What its last event still had to tell came after it was gone: told, but kept by nobody.
    assert not [topic for topic in retained(broker) if "door" in topic]


async def test_what_is_owed_while_the_broker_restarts_is_told_by_itself(
    harness: ModuleHarness, broker: Mosquitto
) -> None:
    module = await added(harness, broker, first_retry_s=0.5)
    with Ear(broker) as ear:
        await until_so(harness, lambda: ear.last(STATUS) == b"online")
        await asyncio.to_thread(broker.stop)
        await until_so(harness, lambda: module._link is not None and not module._link.is_connected)
        for revision in (1, 2):
            await harness.publish(NOTIFY_QUEUED.of("mqtt"), alert(harness, revision))
        await until_so(harness, lambda: bool(module._due))
        assert "broker" in (await module.health()).detail
        await asyncio.to_thread(broker.start)
        confirmed = NOTIFY_CONFIRMED.of("mqtt")
        await until_so(harness, lambda: bool(harness.received(confirmed)))
        await until_so(harness, lambda: bool(ear.on(VISIT)))
        assert [json.loads(each)["revision"] for each in ear.on(VISIT)][-1] == 2
        assert [each.revision for each in harness.received(confirmed)][-1] == 2
        health = await module.health()
        assert (health.numbers["connections"], health.numbers["owed"]) == (2, 0)


async def test_home_assistant_that_restarts_is_told_everything_again(
    harness: ModuleHarness, broker: Mosquitto
) -> None:
    await added(harness, broker)
    with Ear(broker) as ear:
        await until_so(harness, lambda: ear.last(STATUS) == b"online")
        await harness.feed(EVENT_CREATED, EventCreated(event=event(EventState.PROCESSING)))
        person = "spyoncino/cameras/door/person"
        await until_so(harness, lambda: ear.last(person) == b"ON")
        before = len(ear.heard)
        ear.say("homeassistant/status", b"online")
        await until_so(
            harness, lambda: {DEVICE, person} <= {topic for topic, _ in ear.heard[before:]}
        )


async def test_a_ring_arrives_and_orders_are_obeyed_but_never_old_ones(
    harness: ModuleHarness, broker: Mosquitto
) -> None:
    wishes: list[Mode | None] = []

    async def change(order: ModeOrder) -> SystemMode:
        wishes.append(order.mode)
        return SystemMode(mode=order.mode or Mode.HOME)

    harness.bus.answer(MODE_ORDER, change, name="modes")
    with Ear(broker) as ear:
        ear.say("spyoncino/mode/set", b"away", retain=True)
        await until_so(harness, lambda: bool(ear.heard))
        await added(harness, broker, protocol="3.1.1")
        await until_so(harness, lambda: ear.last(STATUS) == b"online")
        await harness.feed(
            DOORBELL_PRESSED.of("front"), DoorbellEvent(doorbell="front", camera="door")
        )
        await until_so(harness, lambda: len(ear.on(RING)) == 1)
        ear.say("spyoncino/mode/set", b"asleep")
        ear.say("spyoncino/mode/set", b"night")
        ear.say("spyoncino/cameras/door/enabled/set", b"OFF")
        await until_so(harness, lambda: bool(harness.received(CONFIG_UPDATE)))
        assert wishes == [Mode.NIGHT]
        (update,) = harness.received(CONFIG_UPDATE)
        assert update.changes == {"cameras": {"door": {"enabled": False}}}


# Paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"password": SecretStr("wr0ng-one")}, "refuses the user or the password; check"),
        ({"certificate_file": None}, "has a certificate that is not trusted"),
    ],
)
async def test_a_broker_that_does_not_let_us_in_is_told_in_a_sentence_without_the_password(
    harness: ModuleHarness,
    broker: Mosquitto,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    sentence: str,
) -> None:
    caplog.set_level(0)
    module = await added(harness, broker, **changes)
    await until_so(harness, lambda: module._link is not None and bool(module._link.last_error))
    detail = (await module.health()).detail
    assert sentence in detail
    said = caplog.text + detail + "".join(capsys.readouterr())
    assert "wr0ng-one" not in said
    assert PASSWORD not in said


async def test_what_the_broker_is_too_small_for_is_left_out_and_said_once(
    harness: ModuleHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = MediaArtifact(
        kind=MediaKind.SNAPSHOT,
        event_ref=EVENT_ID,
        camera="door",
        path="snapshot.jpg",
        content_type="image/jpeg",
        size_bytes=9000,
    )
    (tmp_path / "small").mkdir()
    with mosquitto(tmp_path / "small", "max_packet_size 8000") as small, Ear(small) as ear:
        module = await added(harness, small)
        file = harness.context.data.root / picture.path
        for size_bytes in (9000, 9001):
            file.write_bytes(bytes(size_bytes))
            await harness.feed(MEDIA_READY, picture)
            await until_so(harness, lambda: bool(module._board.left_out))
        huge = alert(harness).model_copy(update={"text": "long " * 2000})
        await harness.feed(NOTIFY_QUEUED.of("mqtt"), huge)
        await until_so(harness, lambda: bool(harness.received(NOTIFY_FAILED.of("mqtt"))))
        await harness.feed(NOTIFY_QUEUED.of("mqtt"), alert(harness, 2))
        await until_so(harness, lambda: bool(ear.on(VISIT)))
        numbers = (await module.health()).numbers
        assert (numbers["connections"], numbers["topics_left_out"]) == (1, 1)
        assert "oversize" not in small.said()
        file.write_bytes(bytes(7000))
        await harness.feed(MEDIA_READY, picture)
        await until_so(harness, lambda: bool(ear.on("spyoncino/cameras/door/picture")))
        assert not module._board.left_out
    (report,) = harness.received(NOTIFY_FAILED.of("mqtt"))
    assert "takes 8000 bytes at most" in report.reason
    assert capsys.readouterr().out.count("left out at the broker") == 1


@pytest.mark.parametrize("payload_bytes", [0, 100, 116, 117, 16_000, 16_372, 16_373, 2_200_000])
def test_the_size_of_a_packet_is_counted_as_the_library_writes_it(payload_bytes: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    topic, payload = "spy/é", bytes(payload_bytes)
    written: list[int] = []

    def keep(_command: int, packet: bytes, *_: Any) -> None:
        written.append(len(packet))

    with patch.object(client, "_packet_queue", keep), patch.object(client, "_sock", object()):
        client._send_publish(1, topic.encode(), payload, qos=1)
    assert written == [packet_bytes(topic, payload)]
