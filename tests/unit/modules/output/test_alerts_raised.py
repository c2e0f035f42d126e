"""A message that was begun is heard once more when somebody rings or it becomes urgent."""

from typing import Any

from tests.unit.alerts.test_rules import identity
from tests.unit.modules.output.test_alert_engine import (
    EVERYTHING,
    completed,
    created,
    engine,
    mute_of,
    told,
    updated,
)
from tests.unit.modules.output.test_alerts_after_restart import heard, restarted

from spyoncino.modules.alert_settings import FIRST_RULES
from spyoncino.schemas.events import Verdict
from spyoncino.schemas.modes import Mode, SystemMode
from spyoncino.schemas.topics import CONTROL_COMMAND, SYSTEM_MODE
from spyoncino.testing.harness import ModuleHarness

FIRST: dict[str, Any] = {"rules": tuple(rule.model_dump() for rule in FIRST_RULES)}
RANG = (11.0,)
BLOCKED = (identity(Verdict.BLOCKED, "Bob"),)


def heard_as(harness: ModuleHarness) -> list[tuple[int, int, str]]:
    return [(each.revision, each.loud_revision, each.rule) for each in told(harness)]


async def test_whoever_was_told_as_seen_is_heard_when_he_rings(harness: ModuleHarness) -> None:
    module = await engine(harness, **FIRST)
    await harness.feed(SYSTEM_MODE, SystemMode(mode=Mode.AWAY))
    await created(harness)
    await updated(harness, presses=RANG)
    await updated(harness, presses=(*RANG, 13.0))
    await completed(harness, presses=(*RANG, 13.0))
    people, bell = FIRST_RULES[2].name, FIRST_RULES[0].name
    assert heard_as(harness) == [(1, 1, people), (2, 2, bell), (3, 2, bell), (4, 2, bell)]
    assert [each.priority for each in told(harness)][:2] == ["normal", "high"]
    numbers = (await module.health()).numbers
    assert (numbers["told"], numbers["raised"], numbers["edited"]) == (1, 1, 2)
    assert harness.reasons("alert") == [(True, f"told by telegram, rule {bell!r}")]


async def test_somebody_of_the_block_list_is_heard_when_he_is_recognised(
    harness: ModuleHarness,
) -> None:
    await engine(harness, **FIRST)
    await harness.feed(SYSTEM_MODE, SystemMode(mode=Mode.AWAY))
    await created(harness)
    await updated(harness, identities=BLOCKED)
    assert heard_as(harness)[-1] == (2, 2, FIRST_RULES[1].name)


async def test_a_message_that_became_urgent_begins_the_pause_of_its_rule(
    harness: ModuleHarness,
) -> None:
    urgent = {"name": "Bob", "when": {"identities": ["blocked"]}, "priority": "high"}
    await engine(harness, rules=({**urgent, "cooldown_s": 3600.0}, {"name": "all"}))
    await created(harness)
    await updated(harness, identities=BLOCKED)
    await created(harness, event_id="second", identities=BLOCKED)
    assert heard_as(harness) == [(1, 1, "all"), (2, 2, "Bob")]


async def test_the_pause_of_what_became_urgent_counts_from_then_also_after_a_restart(
    harness: ModuleHarness,
) -> None:
    urgent = {"name": "Bob", "when": {"identities": ["blocked"]}, "priority": "high"}
    rules = ({**urgent, "cooldown_s": 3600.0}, {"name": "all"})
    module = await engine(harness, rules=rules)
    await heard(module)
    await harness.clock.advance(100.0)
    await heard(module, identities=BLOCKED)
    await harness.clock.advance(3550.0)
    module = await restarted(harness, rules=rules)
    await heard(module, event_id="second", identities=BLOCKED)
    assert heard_as(harness) == [(1, 1, "all"), (2, 2, "Bob")]
    await module.stop()


async def test_what_is_muted_is_edited_without_a_sound(harness: ModuleHarness) -> None:
    harness.set_camera()
    await engine(harness)
    await created(harness)
    await harness.feed(CONTROL_COMMAND, mute_of(harness, 60.0))
    await updated(harness, presses=RANG)
    assert heard_as(harness)[-1] == (2, 1, "everything")
    await harness.feed(CONTROL_COMMAND, mute_of(harness, 0.0))
    await completed(harness, presses=RANG)
    assert heard_as(harness)[-1] == (3, 1, "everything")  # it rang long ago
    assert harness.reasons("alert") == [(True, "told by telegram, rule 'everything'")]


async def test_a_restart_neither_repeats_nor_forgets_what_was_heard(harness: ModuleHarness) -> None:
    module = await engine(harness)
    await heard(module)
    await heard(module, presses=RANG)
    module = await restarted(harness)
    await heard(module, presses=RANG, identities=(identity(Verdict.KNOWN, "Ann"),))
    assert heard_as(harness)[-1] == (3, 2, "everything")
    await module.stop()


async def test_a_restart_keeps_the_pause_of_the_rule_that_told_the_message_first(
    harness: ModuleHarness,
) -> None:
    rules = (
        {"name": "bell", "when": {"types": ["doorbell"]}, "priority": "high"},
        {"name": "people", "cooldown_s": 3600.0},
    )
    module = await engine(harness, rules=rules)
    await heard(module)
    await heard(module, presses=RANG)
    await heard(module, event_id="next")
    assert len(told(harness)) == 2
    await module.stop()
    module = await restarted(harness, rules=rules)
    await heard(module, event_id="after")
    assert heard_as(harness) == [(1, 1, "people"), (2, 2, "bell")]
    await harness.clock.advance(3600.0)
    await heard(module, event_id="later")
    assert heard_as(harness)[-1] == (1, 1, "people")
    await module.stop()


async def test_a_restart_counts_what_was_told_before_it_rang_for_the_messages_of_a_minute(
    harness: ModuleHarness,
) -> None:
    limits: dict[str, Any] = {**EVERYTHING, "per_minute": 1}
    module = await engine(harness, **limits)
    await heard(module)
    await heard(module, presses=RANG)
    await module.stop()
    module = await restarted(harness, **limits)
    await heard(module, event_id="after")
    assert heard_as(harness) == [(1, 1, "everything"), (2, 2, "everything")]
    await module.stop()
