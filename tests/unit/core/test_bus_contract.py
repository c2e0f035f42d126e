"""What may be published where: names, payload types, topics of plug-ins."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fixtures.bus_ear import DOOR, Ear, press

from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.errors import WiringError
from spyoncino.schemas.base import Payload
from spyoncino.schemas.events import DoorbellEvent
from spyoncino.schemas.status import ContractNotice, ErrorReport
from spyoncino.schemas.topics import (
    DOORBELL_PRESSED,
    EVENT_UPDATED,
    STATUS_CONTRACT,
    Stage,
    Topic,
)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with Bus(FakeClock()) as running:
        yield running


async def test_a_wrong_payload_type_is_refused_and_reported(bus: Bus) -> None:
    notices, ear = Ear(), Ear()
    bus.subscribe(STATUS_CONTRACT, notices, name="notices")
    bus.subscribe(DOOR, ear, name="ear")
    wrong: Any = ErrorReport(component="a", error="b", error_type="c")
    sentence = "doorbell.door.pressed carries DoorbellEvent, not ErrorReport: publish the payload"
    for topic in (DOOR, DOOR.name):
        with pytest.raises(WiringError, match=sentence):
            await bus.publish(topic, wrong)
    await bus.drain()
    assert ear.heard == []
    notice = notices.messages[0].payload
    assert isinstance(notice, ContractNotice)
    assert (notice.source, notice.component, notice.severity) == ("bus", DOOR.name, "error")
    assert notice.message.startswith(sentence)
    assert bus.status().published == 2


async def test_a_payload_of_a_derived_type_is_fine(bus: Bus) -> None:
    class LoudPress(DoorbellEvent):
        volume: int = 11

    ear = Ear()
    bus.subscribe(DOOR, ear, name="ear")
    await bus.publish(DOOR, LoudPress(doorbell="door", camera="door", method="loud"))
    await bus.drain()
    assert ear.heard == ["loud"]


async def test_topics_of_plug_ins_carry_their_own_payload_type(bus: Bus) -> None:
    class Bird(Payload):
        method: str = "tweet"

    topic = Topic("plugin.bird.seen", Bird, Stage.PROCESS)
    ear = Ear()
    bus.subscribe(topic, ear, name="ear")
    await bus.publish(topic, Bird())
    await bus.publish("plugin.bird.seen", Bird())
    await bus.drain()
    assert ear.heard == ["tweet", "tweet"]
    wrong: Any = press()
    with pytest.raises(WiringError, match="carries Bird, not DoorbellEvent"):
        await bus.publish(topic, wrong)
    with pytest.raises(WiringError, match="carries Payload, not dict"):
        await bus.publish("plugin.bird.seen", {"no": "payload"})  # type: ignore[type-var]  # wrong on purpose


async def test_a_topic_that_contradicts_the_declared_one_is_refused(bus: Bus) -> None:
    topic: Topic[Any] = Topic(DOOR.name, ErrorReport, Stage.INPUT)
    with pytest.raises(WiringError, match="carries DoorbellEvent"):
        await bus.publish(topic, ErrorReport(component="a", error="b", error_type="c"))


async def test_publishing_on_a_pattern_is_refused(bus: Bus) -> None:
    with pytest.raises(WiringError, match="Cannot publish on"):
        await bus.publish(DOORBELL_PRESSED, press())


async def test_a_malformed_pattern_cannot_be_subscribed(bus: Bus) -> None:
    with pytest.raises(WiringError, match="is no pattern"):
        bus.subscribe("a.#.b", Ear(), name="ear")
    assert bus.status().subscribers == ()


async def test_topics_that_nobody_declared_are_routed_too(bus: Bus) -> None:
    ear = Ear()
    bus.subscribe("#", ear, name="ear")
    await bus.publish("something.new", press("new"))
    await bus.drain()
    assert ear.heard == ["new"]


async def test_updates_of_events_may_be_published_with_a_declared_name(bus: Bus) -> None:
    with pytest.raises(WiringError, match="carries EventUpdate"):
        await bus.publish(EVENT_UPDATED.name, press())
