"""What holds a message back: for its own channel only, and over a restart."""

from datetime import datetime

import pytest
from tests.fixtures.payloads import EVENT_ID
from tests.unit.modules.output.test_alert_engine import created, engine, told
from tests.unit.modules.output.test_alerts_after_restart import heard, restarted

from spyoncino.alerts.restraint import WINDOW_S, Limits
from spyoncino.modules.output.alert_engine import FORGET_EVERY_S, TICK_S
from spyoncino.persistence.deliveries import DeliveryStore
from spyoncino.schemas.events import EventState
from spyoncino.testing.harness import ModuleHarness

PAUSE_S = 3600.0


async def test_a_channel_that_is_held_back_holds_back_no_other(harness: ModuleHarness) -> None:
    rules = (
        {"name": "calm", "channels": ["email"], "cooldown_s": PAUSE_S},
        {"name": "all", "channels": ["telegram"]},
    )
    await engine(harness, "email", "telegram", rules=rules)
    for event_id in (EVENT_ID, "second"):
        await created(harness, event_id=event_id)
    assert [each.event_ref for each in told(harness, "email")] == [EVENT_ID]
    assert [each.event_ref for each in told(harness)] == [EVENT_ID, "second"]


async def test_a_pause_counts_from_the_message_that_was_begun_last_also_after_a_restart(
    harness: ModuleHarness,
) -> None:
    rules = ({"name": "people", "cooldown_s": PAUSE_S},)
    module = await engine(harness, rules=rules)
    await heard(module)
    await harness.clock.advance(PAUSE_S + 1.0)
    await heard(module, event_id="second")
    await harness.clock.advance(1.0)
    await heard(module, EventState.COMPLETED)  # an edit of the first, the newest row
    module = await restarted(harness, rules=rules)
    await heard(module, event_id="third")
    assert {each.event_ref for each in told(harness)} == {EVENT_ID, "second"}
    await module.stop()


async def test_a_restart_lets_no_more_messages_through_in_a_minute(harness: ModuleHarness) -> None:
    module = await engine(harness)
    most = Limits().per_minute
    for number in range(most):
        await heard(module, event_id=f"e{number}")
    await harness.clock.advance(WINDOW_S / 2)
    module = await restarted(harness)
    await heard(module, event_id="one more")
    assert len(told(harness)) == most
    await harness.clock.advance(WINDOW_S / 2)
    await heard(module, event_id="later")
    assert told(harness)[-1].event_ref == "later"
    await module.stop()


async def test_what_is_old_is_looked_for_once_an_hour(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[datetime] = []

    async def forget(_: DeliveryStore, before: datetime) -> None:
        looked.append(before)

    monkeypatch.setattr(DeliveryStore, "forget", forget)
    await engine(harness)
    for _ in range(3):
        await harness.clock.advance(TICK_S)
        await harness.settle_writes()
    assert len(looked) == 1
    await harness.clock.advance(FORGET_EVERY_S)
    await harness.settle_writes()
    assert len(looked) == 2
