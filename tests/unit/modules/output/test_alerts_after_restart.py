"""A killed engine goes on from its book: nothing lost, nothing twice, never back to what was."""

from datetime import timedelta
from typing import Any

import pytest
from tests.fixtures.payloads import EVENT_ID, event
from tests.unit.modules.output.test_alert_engine import EVERYTHING, artifact, engine, mute_of, told

from spyoncino.errors import StorageError
from spyoncino.modules.output.alert_engine import FORGET_EVERY_S, TICK_S, AlertEngine
from spyoncino.persistence.alert_sheets import AlertSheetStore
from spyoncino.persistence.deliveries import DeliveryKey, DeliveryStore
from spyoncino.persistence.media import MediaStore
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import EventState, EventUpdate
from spyoncino.schemas.media import MediaKind
from spyoncino.schemas.modes import Mode, SystemMode
from spyoncino.testing.harness import ModuleHarness

PAUSE: dict[str, Any] = {
    "rules": ({"name": "people", "cooldown_s": 3600.0},),
    "digest_every_s": 60.0,
}


async def heard(
    module: AlertEngine, state: EventState = EventState.PROCESSING, **facts: Any
) -> None:
    await module.on_event(EventUpdate(event=event(state, **facts)))
    await module.context.bus.drain()


async def restarted(harness: ModuleHarness, **settings: Any) -> AlertEngine:
    """Another engine on the same database, as after ``kill -9``: the first was told nothing."""
    module = AlertEngine(harness.context)
    await module.configure(AlertEngine.settings_model.model_validate(settings or EVERYTHING))
    await module.start()
    return module


async def kill_in_publish(module: AlertEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(*_given: object) -> None:
        raise StorageError("killed here")

    monkeypatch.setattr(module, "publish", die)


def revisions(harness: ModuleHarness, channel: str = "telegram") -> list[int]:
    return [each.revision for each in told(harness, channel)]


async def test_the_message_of_a_former_run_is_edited_whether_its_channel_has_it_yet_or_not(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness, "email", "telegram")
    await heard(module)
    module = await restarted(harness)
    await heard(module, EventState.COMPLETED)
    assert [set(revisions(harness, channel)) for channel in ("email", "telegram")] == [{1, 2}] * 2
    await module.stop()


@pytest.mark.parametrize("earlier", [0, 1])
async def test_what_was_kept_and_not_published_is_published_by_the_next_run(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch, earlier: int
) -> None:
    module = await engine(harness)
    for _ in range(earlier):
        await heard(module)
    await kill_in_publish(module, monkeypatch)
    with pytest.raises(StorageError):
        await heard(module, EventState.COMPLETED)
    assert len(told(harness)) == earlier
    module = await restarted(harness)
    await heard(module, EventState.COMPLETED)
    assert revisions(harness) == list(range(1, earlier + 2))
    assert told(harness)[-1].event is not None
    assert told(harness)[-1].event.state is EventState.COMPLETED  # type: ignore[union-attr]
    await module.stop()


async def test_what_was_published_already_is_the_same_message_to_the_bus_and_no_second_one(
    harness: ModuleHarness,
) -> None:
    await heard(await engine(harness))
    module = await restarted(harness)
    await heard(module)
    await harness.settle()
    assert len({each.event_id for each in told(harness)}) == 1
    await module.stop()


async def test_a_step_that_comes_again_after_a_restart_takes_nothing_back(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await heard(module, EventState.COMPLETED, end_s=30.0)
    module = await restarted(harness)
    for state, end_s in ((EventState.CREATED, 12.0), (EventState.PROCESSING, 31.0)):
        await heard(module, state, end_s=end_s)
    assert {each.event.state for each in told(harness) if each.event} == {EventState.COMPLETED}
    await module.stop()


async def test_an_older_step_that_comes_late_is_ignored_and_the_end_never(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await heard(module, end_s=30.0, story="newer")
    await heard(module, EventState.CREATED, end_s=12.0, story="older")
    assert told(harness)[-1].text == "newer"
    await heard(module, EventState.COMPLETED, end_s=29.0, story="over")
    assert told(harness)[-1].text == "over"


async def test_a_clip_that_is_ready_only_after_a_restart_completes_the_message(
    harness: ModuleHarness,
) -> None:
    await heard(await engine(harness), EventState.COMPLETED)
    media = MediaStore(harness.context.database)
    for kind in (MediaKind.SNAPSHOT, MediaKind.WEBP):
        await media.add(artifact(kind))
    module = await restarted(harness)
    await module.on_media(artifact(MediaKind.CLIP))
    await harness.bus.drain()
    last = told(harness)[-1]
    assert (last.media, last.is_final) == (("media/snapshot", "media/clip"), True)
    await module.stop()


async def test_files_that_were_shown_are_shown_after_a_restart_before_they_are_in_the_index(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await heard(module)
    await module.on_media(artifact(MediaKind.SNAPSHOT))
    module = await restarted(harness)
    await heard(module, EventState.COMPLETED)
    assert told(harness)[-1].media == ("media/snapshot",)
    await module.stop()


async def test_a_message_is_edited_by_the_rule_that_began_it_whatever_the_rules_are_now(
    harness: ModuleHarness,
) -> None:
    await heard(await engine(harness, rules=({"name": "old", "text": "{type} here"},)))
    module = await restarted(harness, rules=({"name": "new", "text": "other"},))
    await heard(module, EventState.COMPLETED)
    last: AlertNotification = told(harness)[-1]
    assert (last.rule, last.text) == ("old", "person here")
    await module.stop()


async def test_the_mode_in_which_an_event_began_is_kept_with_it(harness: ModuleHarness) -> None:
    rules = {
        "rules": (
            {"name": "away", "when": {"modes": ["away"], "min_duration_s": 60}},
            {"name": "held", "when": {"modes": ["away"]}, "channels": ["email"]},
        )
    }
    module = await engine(harness, "email", "telegram", **rules)
    await module.on_mode(SystemMode(mode=Mode.AWAY))
    await heard(module)
    module = await restarted(harness, **rules)
    await module.on_mode(SystemMode(mode=Mode.HOME))
    await heard(module, end_s=100.0)
    assert revisions(harness) == [1]
    await module.stop()


async def test_a_restart_forgets_no_pause(harness: ModuleHarness) -> None:
    short = {"name": "cats", "when": {"labels": ["cat"]}, "cooldown_s": 1.0}
    rules = {**PAUSE, "rules": (*PAUSE["rules"], short)}
    await heard(await engine(harness, **rules))
    await harness.clock.advance(1800.0)
    module = await restarted(harness, **rules)
    await heard(module, event_id="second")
    assert len(told(harness)) == 1
    await harness.clock.advance(1801.0)
    await heard(module, event_id="third")
    assert told(harness)[-1].event_ref == "third"
    await module.stop()


async def wait_for_digest(harness: ModuleHarness, seconds: float = 60.0) -> None:
    for _ in range(int(seconds / TICK_S) + 1):
        await harness.clock.advance(TICK_S)
        await harness.settle_writes()


async def test_what_a_former_run_held_back_is_in_the_next_digest_once(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness, **PAUSE)
    for ref in (EVENT_ID, "second", "third"):
        await heard(module, event_id=ref)
    await module.stop()
    module = await restarted(harness, **PAUSE)
    await heard(module, EventState.COMPLETED, event_id="third")  # comes again: counted already
    await wait_for_digest(harness)
    assert told(harness)[-1].text.startswith("2 events were not told")
    await module.stop()
    seen = len(told(harness))
    module = await restarted(harness, **PAUSE)
    await wait_for_digest(harness)
    assert len(told(harness)) == seen
    await module.stop()


async def test_a_digest_that_could_not_be_told_is_told_whole_with_the_next(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = await engine(harness, **PAUSE)
    for ref in (EVENT_ID, "second"):
        await heard(module, event_id=ref)
    with monkeypatch.context() as patch:
        await kill_in_publish(module, patch)
        await wait_for_digest(harness)
    await wait_for_digest(harness)
    digests = [each for each in told(harness) if each.rule == "digest"]
    assert [each.text.split(" not")[0] for each in digests] == ["1 event was"]


async def test_what_was_told_is_forgotten_after_so_many_days(harness: ModuleHarness) -> None:
    module = await engine(harness, **EVERYTHING, keep_days=2.0)
    sheets = AlertSheetStore(harness.context.database)
    deliveries = DeliveryStore(harness.context.database)
    await heard(module)
    key = DeliveryKey(EVENT_ID, "telegram", "family")
    await deliveries.want(key, told(harness)[-1], harness.clock.utc_now())
    await deliveries.sent(key, 1, "17", confirmed=False)
    await wait_for_digest(harness)
    assert await sheets.get(EVENT_ID) is not None
    assert len(await deliveries.of_event(EVENT_ID)) == 1
    await harness.clock.advance(timedelta(days=2).total_seconds() + FORGET_EVERY_S)
    await wait_for_digest(harness)
    assert await sheets.get(EVENT_ID) is None
    assert await deliveries.of_event(EVENT_ID) == []


async def test_files_of_an_event_that_only_a_former_run_heard_begin_are_shown(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await MediaStore(harness.context.database).add(artifact(MediaKind.SNAPSHOT))
    await heard(module)
    assert told(harness)[-1].media == ("media/snapshot",)


async def test_a_mute_is_in_force_after_a_restart(harness: ModuleHarness) -> None:
    harness.set_camera()
    module = await engine(harness)
    await module.on_command(mute_of(harness, 3600.0))
    module = await restarted(harness)
    await heard(module, presses=(10.0,))
    assert told(harness) == []
    await module.stop()
