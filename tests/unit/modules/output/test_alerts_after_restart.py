"""What a former run told is edited, and never back to what it was before."""

from tests.fixtures.payloads import EVENT_ID, event
from tests.unit.modules.output.test_alert_engine import completed, engine, ready, told, updated

from spyoncino.modules.output.alert_engine import SETTLE_S
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import EventState
from spyoncino.schemas.media import MediaKind
from spyoncino.testing.harness import ModuleHarness


async def test_after_a_restart_no_message_goes_back_to_an_older_state(
    harness: ModuleHarness,
) -> None:
    store, now = DeliveryStore(harness.context.database), harness.clock.utc_now()
    for channel, revision, state in (
        ("email", 3, EventState.COMPLETED),
        ("telegram", 9, EventState.PROCESSING),
    ):
        sent = AlertNotification(
            event_ref=EVENT_ID,
            channel=channel,
            text=state.value,
            revision=revision,
            rule="everything",
            timestamp=now,
            event=event(state),
        )
        await store.want(DeliveryKey(EVENT_ID, channel, "x"), sent, now)
    await engine(harness, "email", "telegram")
    await updated(harness)
    await ready(harness, MediaKind.CLIP)
    await harness.modules[0].stop()
    await harness.clock.advance(SETTLE_S)
    await ready(harness, MediaKind.SNAPSHOT)
    for channel in ("email", "telegram"):
        states = {each.event.state for each in told(harness, channel) if each.event is not None}
        assert states == {EventState.COMPLETED}


async def test_of_two_targets_the_one_that_is_further_is_edited(harness: ModuleHarness) -> None:
    store = DeliveryStore(harness.context.database)
    for target, revision in (("a", 7), ("b", 2)):
        sent = AlertNotification(
            event_ref=EVENT_ID, channel="telegram", text="x", revision=revision, rule="everything"
        )
        await store.want(DeliveryKey(EVENT_ID, "telegram", target), sent, harness.clock.utc_now())
    await engine(harness)
    await completed(harness)
    assert [each.revision for each in told(harness)] == [8]
