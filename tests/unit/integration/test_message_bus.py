"""The synchronous bus: from any thread, in order, without loss, and never for ever."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.bus_ear import DOOR, press

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.message import Message
from spyoncino.errors import BusClosedError, StorageError, UsageError, WiringError
from spyoncino.integration.message_bus import MessageBus
from spyoncino.integration.pipeline_event import PipelineEvent
from spyoncino.schemas.base import EventType, Payload
from spyoncino.schemas.faces import FaceDetectionEvent
from spyoncino.testing.examples import EXAMPLES


class Word(Payload):
    """A message of a test."""

    thread: int
    number: int


class Listener:
    """A synchronous handler that remembers, and can wait for a number of messages."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self._news = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._news:
            self.heard.append(message.data)
            self._news.notify_all()

    def wait_for(self, count: int) -> list[Any]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.heard) >= count, timeout=30), self.heard
            return self.heard


@pytest.fixture
def bus() -> Iterator[MessageBus]:
    with MessageBus() as running:
        yield running


def test_a_handler_gets_what_is_published(bus: MessageBus) -> None:
    listener = Listener()
    bus.subscribe("doorbell_pressed", listener, "old code")

    bus.publish("doorbell_pressed", press("gpio"))
    bus.publish(DOOR.name, press("bus"))

    assert [event.method for event in listener.wait_for(2)] == ["gpio", "bus"]


def test_who_subscribes_before_the_start_hears_too_and_after_the_next_one() -> None:
    listener = Listener()
    bus = MessageBus()
    bus.subscribe("doorbell_pressed", listener, "early")
    for count in (1, 2):
        bus.start()
        bus.start()
        bus.publish("doorbell_pressed", press())
        listener.wait_for(count)
        bus.stop()
        bus.stop()
    assert not bus.is_running
    assert bus.get_metrics() == {"running": False}


def test_messages_of_several_threads_are_all_there_and_each_threads_in_order(
    bus: MessageBus,
) -> None:
    threads, each = 6, 300
    listeners = [Listener(), Listener()]
    for number, listener in enumerate(listeners):
        bus.subscribe("a.word", listener, f"listener {number}")

    def speak(thread: int) -> None:
        for number in range(each):
            bus.publish("a.word", Word(thread=thread, number=number))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(speak, range(threads)))

    for listener in listeners:
        heard = listener.wait_for(threads * each)
        for thread in range(threads):
            assert [word.number for word in heard if word.thread == thread] == list(range(each))
    first, second = ([word.event_id for word in each.heard] for each in listeners)
    assert first == second
    assert bus.get_metrics()["dropped"] == 0


def test_threads_may_come_and_go_while_others_speak(bus: MessageBus) -> None:
    steady = Listener()
    bus.subscribe("a.word", steady, "steady")

    def visit(number: int) -> None:
        name = f"guest {number}"
        for _ in range(10):
            bus.subscribe("a.word", Listener(), name)
            bus.publish("a.word", Word(thread=number, number=0))
            assert bus.unsubscribe("a.word", name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))

    steady.wait_for(40)
    assert set(bus.get_metrics()["subscribers"]) == {"steady"}


def test_stopping_lets_what_waits_be_handled() -> None:
    listener = Listener()
    bus = MessageBus()
    bus.start()
    bus.subscribe("a.word", listener, "listener")
    for number in range(200):
        bus.publish("a.word", Word(thread=0, number=number))
    bus.stop()
    assert [word.number for word in listener.heard] == list(range(200))


def test_a_handler_may_publish_and_an_async_one_is_welcome(bus: MessageBus) -> None:
    listener = Listener()
    heard_async: list[str] = []

    def answer(message: Message) -> None:
        bus.publish("an.answer", Word(thread=0, number=message.data.number + 1))

    async def note(message: Message) -> None:
        await asyncio.sleep(0)
        heard_async.append(message.topic)

    bus.subscribe("a.question", answer, "answers")
    bus.subscribe("an.answer", note, "async")
    bus.subscribe("an.answer", listener, "listener")
    bus.publish("a.question", Word(thread=0, number=41))
    assert listener.wait_for(1)[0].number == 42
    bus.stop()
    assert heard_async == ["an.answer"]


def test_a_handler_that_raises_is_counted_and_harms_nobody(bus: MessageBus) -> None:
    listener = Listener()

    def fail(message: Message) -> None:
        raise ValueError(message.topic)

    bus.subscribe("a.word", fail, "fails")
    bus.subscribe("a.word", listener, "listener")
    for number in range(3):
        bus.publish("a.word", Word(thread=0, number=number))
    listener.wait_for(3)
    bus.unsubscribe("a.word", "fails")
    metrics = bus.get_metrics()
    assert (metrics["published"] >= 3, metrics["failed"]) == (True, 3)
    assert metrics["subscribers"]["listener"]["failed"] == 0
    assert metrics["round_trip_ms"] > 0


def test_a_handler_that_hangs_lets_nobody_wait_for_ever(bus: MessageBus) -> None:
    release = threading.Event()
    bus.subscribe("a.word", lambda _: release.wait(30), "hangs")

    def flood() -> None:
        for number in range(10_000):
            bus.publish("a.word", Word(thread=0, number=number), timeout_s=0.2)

    with pytest.raises(TimeoutError, match=r"nobody took a message on a\.word for 0\.2 s"):
        flood()
    release.set()


def test_wrong_calls_are_told_in_a_sentence(bus: MessageBus) -> None:
    bus.subscribe("a.word", Listener(), "listener")
    with pytest.raises(UsageError, match=r'"listener" has subscribed to a\.word already'):
        bus.subscribe("a.word", Listener(), "listener")
    with pytest.raises(WiringError, match="is no pattern"):
        bus.subscribe("a..word", Listener(), "listener")
    assert not bus.unsubscribe("a..word", "listener")
    with pytest.raises(WiringError, match="carries DoorbellEvent"):
        bus.publish(DOOR.name, Word(thread=0, number=0))
    bus.stop()
    with pytest.raises(BusClosedError, match="call start"):
        bus.publish("a.word", Word(thread=0, number=0))


def test_an_outbox_that_cannot_be_opened_is_told_and_leaves_no_thread(tmp_path: Path) -> None:
    bus = MessageBus(outbox=tmp_path / "nowhere" / "outbox.db")
    with pytest.raises(StorageError):
        bus.start()
    assert not bus.is_running
    assert not [each for each in threading.enumerate() if each.name == "message-bus"]


def test_a_durable_subscriber_hears_the_press_of_before_its_time(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox.db"
    missed, heard = Listener(), Listener()
    with MessageBus(outbox=outbox) as first:
        first.subscribe("doorbell_pressed", missed, "recorder", durable=True)
        first.publish("doorbell_pressed", press("one"))
        missed.wait_for(1)
        first.unsubscribe("doorbell_pressed", "recorder")
        first.publish("doorbell_pressed", press("two"))
    with MessageBus(outbox=outbox) as second:
        second.subscribe("doorbell_pressed", heard, "recorder", durable=True)
        assert [event.method for event in heard.wait_for(1)] == ["two"]


async def test_a_running_bus_can_be_seen_from_threads_and_goes_on_without_the_view() -> None:
    listener = Listener()
    async with Bus(SystemClock()) as running:
        view = MessageBus.attached(running, asyncio.get_running_loop())
        assert view.is_running
        await asyncio.to_thread(view.start)
        await asyncio.to_thread(view.subscribe, "doorbell_pressed", listener, "old code")
        await running.publish(DOOR, press("from modules"))
        await asyncio.to_thread(view.publish, "doorbell_pressed", press("from a thread"))
        await asyncio.to_thread(listener.wait_for, 2)
        with pytest.raises(WiringError, match="another thread"):
            view.get_metrics()
        await asyncio.to_thread(view.stop)
        await running.publish(DOOR, press("nobody hears"))
        await running.drain()
    assert [event.method for event in listener.heard] == ["from modules", "from a thread"]


# --- PipelineEvent -----------------------------------------------------------------------------


def test_a_pipeline_event_becomes_the_payload_of_its_topic(bus: MessageBus) -> None:
    listener = Listener()
    bus.subscribe("doorbell_pressed", listener, "modules")
    event = PipelineEvent(
        event_type=EventType.DOORBELL_PRESSED,
        data={"doorbell": "front", "camera": "door"},
        metadata={"channel": 18},
    )
    bus.publish("doorbell_pressed", event)
    heard = listener.wait_for(1)[0]
    assert type(heard).__name__ == "DoorbellEvent"
    assert (heard.event_id, heard.timestamp) == (event.event_id, event.timestamp)
    assert heard.data["doorbell"] == "front"
    assert heard.metadata == {"channel": 18}
    assert heard.event_type is EventType.DOORBELL_PRESSED


def test_events_of_topics_that_nobody_declares_carry_anything(bus: MessageBus) -> None:
    listener = Listener()
    bus.subscribe("garden.gate", listener, "gate")
    data = {"open": True, "angle_deg": [30, 45]}
    bus.publish("garden.gate", PipelineEvent(event_type=EventType.STATUS, data=data))
    heard = listener.wait_for(1)[0]
    assert (heard.event_type, heard.data) == (EventType.STATUS, data)


def test_each_face_of_a_frame_is_an_event_of_its_own(bus: MessageBus) -> None:
    single, batch = Listener(), Listener()
    bus.subscribe("face_detected", single, "face_processor")
    bus.subscribe("faces_detected", batch, "face_batch")
    seen = next(each for each in EXAMPLES if isinstance(each, FaceDetectionEvent))
    other = seen.faces[0].model_copy(update={"confidence": 0.5})
    two = seen.model_copy(update={"faces": (*seen.faces, other)})
    bus.publish("face_detected", PipelineEvent(EventType.FACE_DETECTED, two.data))
    assert len(batch.wait_for(1)[0].data["faces"]) == 2
    assert [each.data["faces"][0].confidence for each in single.wait_for(2)] == [0.875, 0.5]


def test_two_events_differ_by_their_ids_alone() -> None:
    one, two = (PipelineEvent(event_type=EventType.STATUS) for _ in range(2))
    assert one.event_id != two.event_id
    assert one.timestamp.tzinfo is not None
    assert (one.source, one.correlation_id, one.metadata, one.data) == (None, None, {}, {})


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (PipelineEvent(EventType.ALERT), "of the type doorbell_pressed, not alert"),
        (PipelineEvent(EventType.DOORBELL_PRESSED), "carries DoorbellEvent: doorbell: Field req"),
        (PipelineEvent(EventType.DOORBELL_PRESSED, {"source": "x"}), "data of .* has 'source'"),
    ],
)
def test_an_event_that_does_not_belong_there_is_refused(
    event: PipelineEvent, sentence: str
) -> None:
    with pytest.raises(WiringError, match=sentence):
        event.to_payload("doorbell_pressed")
