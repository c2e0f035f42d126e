"""Somebody gets a name, or is forgotten, after the visit: every channel edits what it told."""

from typing import Any

import pytest
from tests.fixtures.payloads import EVENT_ID, event, identity, known, utc_at
from tests.unit.modules.output.test_alert_engine import artifact, completed, engine, ready, told
from tests.unit.modules.output.test_alerts_after_restart import heard, restarted, revisions

from spyoncino.modules.output.alert_engine import RETELL_FOR, TICK_S
from spyoncino.persistence.alert_sheets import AlertSheetStore
from spyoncino.persistence.events import EventStore
from spyoncino.schemas.events import Event, EventState, Identity
from spyoncino.schemas.media import MediaKind, StorageAck
from spyoncino.schemas.topics import EVENT_RELABELLED
from spyoncino.testing.harness import ModuleHarness

SOMEBODY, ANN = identity(), known("Ann")


def visit(*people: Identity, **changes: Any) -> Event:
    return event(EventState.COMPLETED, identities=people, **changes)


def relabelled(event_id: str) -> StorageAck:
    return StorageAck(subject="event", action="relabelled", key=event_id, event_ref=event_id)


async def relabel(harness: ModuleHarness, told_now: Event, **changes: Any) -> None:
    """The row of an event has other people, and everybody hears of it."""
    await EventStore(harness.context.database).save(told_now.model_copy(update=changes))
    await harness.feed(EVENT_RELABELLED, relabelled(told_now.event_id))
    await harness.settle_writes()


async def set_clock(harness: ModuleHarness, seconds_after_end: float) -> None:
    now = harness.clock.utc_now()
    await harness.clock.advance((utc_at(14.0) - now).total_seconds() + seconds_after_end)


async def test_a_name_is_one_more_revision_on_every_channel(harness: ModuleHarness) -> None:
    module = await engine(harness, "email", "telegram")
    await completed(harness, identities=(SOMEBODY,))
    await relabel(harness, visit(ANN), story="Ann came.")
    for channel in ("email", "telegram"):
        assert [(each.revision, each.title, each.text) for each in told(harness, channel)][1:] == [
            (2, "Ann at door", "Ann came.")
        ]
    assert (await module.health()).numbers["edited"] == 2


async def test_a_name_reaches_what_a_former_run_told_in_the_words_of_its_rule(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness, rules=({"name": "all", "text": "here: {names}"},))
    await completed(harness, identities=(SOMEBODY,))
    await module.stop()
    module = await restarted(harness)
    await module.on_media(artifact(MediaKind.SNAPSHOT))
    module._book.clear()
    await EventStore(harness.context.database).save(visit(ANN))
    await module.on_relabelled(relabelled(EVENT_ID))
    await harness.bus.drain()
    last = told(harness)[-1]
    assert (last.revision, last.text, last.media) == (3, "here: Ann", ("media/snapshot",))
    await module.stop()


async def test_a_late_clip_is_shown_with_the_name(harness: ModuleHarness) -> None:
    await engine(harness)
    await completed(harness, identities=(SOMEBODY,))
    await relabel(harness, visit(ANN))
    await ready(harness, MediaKind.CLIP)
    last = told(harness)[-1]
    assert (last.revision, last.title, last.media) == (3, "Ann at door", ("media/clip",))


async def test_the_end_of_the_event_that_comes_again_takes_no_name_back(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await completed(harness, identities=(SOMEBODY,))
    await relabel(harness, visit(ANN))
    await completed(harness, identities=(SOMEBODY,))
    await module.stop()
    module = await restarted(harness)
    await heard(module, EventState.COMPLETED, identities=(SOMEBODY,))
    assert max(revisions(harness)) == 2
    assert {each.title for each in told(harness) if each.revision == 2} == {"Ann at door"}
    await module.stop()


async def test_a_name_that_is_heard_of_before_the_end_of_the_event_is_told_with_it(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await heard(module, identities=(SOMEBODY,))
    await relabel(harness, visit(ANN))
    await completed(harness, identities=(SOMEBODY,))
    assert [(each.title, each.event.state) for each in told(harness) if each.event] == [
        ("Person at door", EventState.PROCESSING),
        ("Ann at door", EventState.COMPLETED),
    ]
    assert harness.reasons("alert") == [(True, "told by telegram, rule 'everything'")]


@pytest.mark.parametrize(("after_s", "count"), [(0.0, 2), (1.0, 1)])
async def test_messages_of_visits_that_are_over_for_long_are_left_as_they_are(
    harness: ModuleHarness, after_s: float, count: int
) -> None:
    await engine(harness)
    await completed(harness, identities=(SOMEBODY,))
    await set_clock(harness, RETELL_FOR.total_seconds() + after_s)
    await relabel(harness, visit(ANN))
    assert len(told(harness)) == count


async def test_who_is_named_after_a_visit_that_nobody_was_told_of_makes_no_message(
    harness: ModuleHarness,
) -> None:
    await engine(harness, rules=({"name": "named", "when": {"names": ["Ann"]}},))
    await completed(harness, identities=(SOMEBODY,))
    await relabel(harness, visit(ANN))
    assert told(harness) == []
    assert await AlertSheetStore(harness.context.database).get(EVENT_ID) is None


async def test_an_event_that_is_not_over_or_not_there_is_left_to_its_own_steps(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await heard(module, identities=(SOMEBODY,))
    await relabel(harness, event(EventState.PROCESSING, identities=(ANN,), end_s=20.0))
    await harness.feed(EVENT_RELABELLED, relabelled("gone"))
    assert revisions(harness) == [1]
    await heard(module, identities=(SOMEBODY,), end_s=15.0, story="goes on")
    assert told(harness)[-1].text == "goes on"


async def test_who_is_forgotten_is_taken_out_of_the_message_though_the_row_says_so_already(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await completed(harness, identities=(SOMEBODY,))  # as the order left the row
    module._book.clear()
    await relabel(harness, visit(SOMEBODY))
    assert revisions(harness) == [1, 2]


async def test_who_is_forgotten_is_in_no_digest_and_no_pause_any_more(
    harness: ModuleHarness,
) -> None:
    rules = ({"name": "people", "cooldown_s": 3600.0},)
    await engine(harness, rules=rules, digest_every_s=60.0)
    await completed(harness, identities=(ANN,))
    await completed(harness, identities=(ANN,), event_id="second")
    for event_id in (EVENT_ID, "second"):
        await relabel(harness, visit(SOMEBODY, event_id=event_id))
    sheet = await AlertSheetStore(harness.context.database).get("second")
    assert sheet is not None
    assert sheet.facts["held"]["telegram"].endswith("message about somebody")
    for _ in range(13):
        await harness.clock.advance(TICK_S)
        await harness.settle()
    assert "message about somebody)" in told(harness)[-1].text
    await completed(harness, identities=(ANN,), event_id="third")
    assert told(harness)[-1].event_ref == "third"


async def test_a_name_of_the_past_is_not_heard_when_a_step_comes_once_more(
    harness: ModuleHarness,
) -> None:
    rules = ({"name": "ann", "when": {"names": ["Ann"]}, "priority": "high"}, {"name": "people"})
    await engine(harness, rules=rules)
    await completed(harness, identities=(SOMEBODY,))
    await relabel(harness, visit(ANN))
    await completed(harness, identities=(SOMEBODY,))
    assert [(each.revision, each.loud_revision) for each in told(harness)] == [(1, 1), (2, 1)]
