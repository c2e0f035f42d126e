"""A sensor that is stuck: few messages, one digest, little memory, and the bell still rings."""

from tests.fixtures.payloads import event

from spyoncino.alerts.restraint import Limits
from spyoncino.modules.alert_book import SHEETS_IN_MEMORY
from spyoncino.modules.output.alert_engine import TICK_S, AlertEngine
from spyoncino.schemas.events import EventCreated
from spyoncino.schemas.topics import EVENT_CREATED, NOTIFY_QUEUED
from spyoncino.testing.harness import ModuleHarness

EVENTS = 1_000  # ten times as many are a benchmark


async def test_a_flood_of_events_becomes_few_messages_and_a_digest_and_leaves_the_bell_alone(
    harness: ModuleHarness,
) -> None:
    harness.context.channels = lambda: ("telegram",)
    rules = ({"name": "everything"},)
    module = await harness.add(AlertEngine, rules=rules, digest_every_s=60.0)
    for number in range(EVENTS):
        await harness.publish(EVENT_CREATED, EventCreated(event=event(event_id=f"e{number}")))
        if number % 100 == 99:
            await harness.bus.drain()
            await harness.clock.advance(4.0)
    told = harness.received(NOTIFY_QUEUED.of("telegram"))
    most = Limits().per_minute
    assert len(told) == most
    assert len(module._book) == SHEETS_IN_MEMORY
    await harness.feed(EVENT_CREATED, EventCreated(event=event(event_id="bell", presses=(10.0,))))
    bell = harness.received(NOTIFY_QUEUED.of("telegram"))[-1]
    assert (bell.event_ref, bell.revision) == ("bell", 1)
    for _ in range(6):
        await harness.clock.advance(TICK_S)
        await harness.settle()
    digest = harness.received(NOTIFY_QUEUED.of("telegram"))[-1]
    assert digest.text.startswith(f"{EVENTS - most} events were not told between")
    assert f"{EVENTS - most} at door (more than {most} messages a minute)" in digest.text
