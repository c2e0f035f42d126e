"""What the demo says of its presses."""

from typing import Any

import pytest
from tests.fixtures.payloads import EVENT_ID, event, identity

from spyoncino.cli.demo_figures import PressFigures
from spyoncino.clock import FakeClock
from spyoncino.core.bus import Bus
from spyoncino.schemas import topics
from spyoncino.schemas.alerts import AlertNotification, DeliveryReport, DeliveryState
from spyoncino.schemas.events import DoorbellEvent, EventState, EventUpdate, Verdict
from spyoncino.schemas.frames import Frame
from spyoncino.schemas.media import StorageAck
from spyoncino.testing.examples import EXAMPLES

FRAME = next(each for each in EXAMPLES if isinstance(each, Frame))
LIVIA = identity(decision=Verdict.KNOWN, name="Livia", person_id="livia")


def press(press_id: str) -> DoorbellEvent:
    return DoorbellEvent(source="test", event_id=press_id, doorbell="front", camera="door")


def update(*press_ids: str, **changes: Any) -> EventUpdate:
    told = event(EventState.PROCESSING, press_ids=press_ids, presses=(1.0,) * len(press_ids))
    return EventUpdate(source="test", event=told.model_copy(update=changes))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def told_after(clock: FakeClock, *steps: tuple[float, Any, Any]) -> list[str]:
    """The lines after messages that came so many seconds after each other."""
    return (await heard_after(clock, *steps))[1]


async def heard_after(
    clock: FakeClock, *steps: tuple[float, Any, Any]
) -> tuple[PressFigures, list[str]]:
    bus = Bus(clock)
    figures = PressFigures()
    figures.listen(bus)
    await bus.start()
    for after_s, topic, payload in steps:
        await clock.advance(after_s)
        await bus.publish(topic, payload)
    await bus.stop()
    return figures, figures.lines()


async def test_nothing_is_said_where_nobody_rang(clock: FakeClock) -> None:
    assert await told_after(clock, (0, topics.EVENT_UPDATED, update(identities=(LIVIA,)))) == []


async def test_each_time_is_counted_from_the_press_to_its_first_message(clock: FakeClock) -> None:
    picture = FRAME.model_copy(update={"trigger_id": "press-1"})
    row = StorageAck(
        source="test", subject="event", action="stored", key=EVENT_ID, event_ref=EVENT_ID
    )
    lines = await told_after(
        clock,
        (0, topics.DOORBELL_PRESSED.of("front"), press("press-1")),
        (0.1, topics.CAMERA_BURST.of("door"), picture),
        (0.1, topics.EVENT_UPDATED, update("press-1")),
        (0.1, topics.EVENT_STORED, row),
        (0.5, topics.EVENT_UPDATED, update("press-1", identities=(LIVIA,))),
        (1.0, topics.EVENT_STORED, row),
        (0.0, topics.DOORBELL_PRESSED.of("front"), press("press-2")),
    )
    assert lines == [
        "2 presses of the bell:",
        "  press -> first frame  p50 100 ms, p95 100 ms (1 of 2)",
        "  press -> event row    p50 300 ms, p95 300 ms (1 of 2)",
        "  press -> message      never",
        "  press -> name         p50 800 ms, p95 800 ms (1 of 2)",
        "  press -> name told    never",
    ]


async def test_a_name_that_was_known_before_the_press_says_so(clock: FakeClock) -> None:
    lines = await told_after(
        clock,
        (0, topics.EVENT_UPDATED, update(identities=(LIVIA,))),
        (1, topics.DOORBELL_PRESSED.of("front"), press("press-1")),
        (0.02, topics.EVENT_UPDATED, update("press-1", identities=(LIVIA,))),
    )
    assert lines[0] == "1 press of the bell:"
    assert lines[2].endswith("never")
    assert lines[4].endswith("p50 20 ms, p95 20 ms; 1 named on the way to the door already")


def alert(revision: int, *names: Any) -> AlertNotification:
    told = event(press_ids=("press-1",), presses=(1.0,), identities=names)
    return AlertNotification(
        event_ref=EVENT_ID, channel="terminal", text="rang", revision=revision, event=told
    )


def report(revision: int, state: DeliveryState = DeliveryState.CONFIRMED) -> DeliveryReport:
    return DeliveryReport(
        source="test",
        event_ref=EVENT_ID,
        channel="terminal",
        target="terminal",
        revision=revision,
        state=state,
    )


PRESSED = (0, topics.DOORBELL_PRESSED.of("front"), press("press-1"))
QUEUED, TOLD, FAILED = (
    topic.of("terminal")
    for topic in (topics.NOTIFY_QUEUED, topics.NOTIFY_CONFIRMED, topics.NOTIFY_FAILED)
)


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ([], "The message about the press was not out yet."),
        (
            [(0.1, QUEUED, alert(1)), (0.1, FAILED, report(1, DeliveryState.FAILED))],
            "The message about the press was not out yet.",
        ),
        (
            [(0.1, QUEUED, alert(1)), (0.1, TOLD, report(1))],
            "The message was out 200 ms after the press, nobody was named.",
        ),
        (
            [(0.1, QUEUED, alert(1)), (0.1, QUEUED, alert(2, LIVIA)), (0.1, TOLD, report(2))],
            "The message was out 300 ms after the press, with the name in it.",
        ),
        (
            [
                (0.1, QUEUED, alert(1)),
                (0.1, TOLD, report(1)),
                (0.1, QUEUED, alert(2, LIVIA)),
                (0.2, TOLD, report(2)),
            ],
            "The message was out 200 ms after the press, and with the name after 500 ms.",
        ),
    ],
)
async def test_of_each_press_it_is_said_when_its_message_was_out_and_when_the_name(
    clock: FakeClock, steps: list[tuple[float, Any, Any]], sentence: str
) -> None:
    figures, _ = await heard_after(clock, PRESSED, *steps)
    assert figures.told(("press-1", "of another run")) == [sentence]
