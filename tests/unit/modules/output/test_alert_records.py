"""What the engine says about itself: decisions, counts, log, and a digest that comes again."""

import pytest
from structlog.testing import capture_logs
from tests.unit.modules.output.test_alert_engine import (
    completed,
    created,
    engine,
    mute_of,
    ticks,
    told,
    updated,
)

from spyoncino.errors import StorageError
from spyoncino.modules.output.alert_engine import TICK_S
from spyoncino.schemas.status import HealthState
from spyoncino.schemas.topics import CONTROL_COMMAND
from spyoncino.testing.harness import ModuleHarness

RULES = ({"name": "people", "cooldown_s": 3600.0},)


async def test_a_closed_event_says_once_who_told_it_and_by_which_rule(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness)
    await created(harness)
    assert harness.reasons("alert") == []
    for _ in range(2):
        await completed(harness)
    (decision,) = harness.decisions("alert")
    assert (decision.passed, decision.reason, decision.count) == (
        True,
        "told by telegram, rule 'everything'",
        1,
    )
    health = await module.health()
    assert (health.state, health.numbers["edited"]) == (HealthState.OK, 1)


async def test_an_event_that_rings_after_it_was_held_back_is_told_and_not_called_held_back(
    harness: ModuleHarness,
) -> None:
    await engine(harness, rules=RULES)
    await created(harness)
    await created(harness, event_id="second")
    await updated(harness, event_id="second", presses=(11.0,))
    await completed(harness, event_id="second", presses=(11.0,))
    assert harness.reasons("alert") == [(True, "told by telegram, rule 'people'")]


async def test_each_digest_tells_what_came_since_the_last_and_silence_makes_none(
    harness: ModuleHarness,
) -> None:
    await engine(harness, rules=RULES, digest_every_s=60.0)
    await created(harness)
    seen = []
    for number in range(3):
        await created(harness, event_id=f"held-{number}")
        await ticks(harness, int(60.0 / TICK_S) + 1)
        seen.append(len(told(harness)))
    assert seen == [2, 3, 4]
    assert told(harness)[-1].is_final
    await ticks(harness, 30)
    assert len(told(harness)) == seen[-1]


async def test_no_digest_comes_before_its_time(harness: ModuleHarness) -> None:
    await engine(harness, rules=RULES, digest_every_s=60.0)
    await created(harness)
    for number, seen in enumerate((2, 2)):
        await created(harness, event_id=f"held-{number}")
        await ticks(harness, int(60.0 / TICK_S) + 1 if number == 0 else 6)
        assert len(told(harness)) == seen


async def test_a_module_that_stopped_has_nothing_in_memory_and_tells_no_digest(
    harness: ModuleHarness,
) -> None:
    module = await engine(harness, rules=RULES, digest_every_s=10.0)
    await created(harness)
    await created(harness, event_id="second")
    await module.stop()
    assert len(module._book) == 0
    await ticks(harness, 4)
    assert len(told(harness)) == 1


async def test_a_digest_that_cannot_be_made_at_all_is_said_in_health(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise ValueError("no such limit")

    module = await engine(harness)
    monkeypatch.setattr(module, "_tell_digests", fail)
    for _ in range(2):
        await harness.settle()
        await harness.clock.advance(TICK_S)
    await harness.settle()
    health = await module.health()
    assert (health.state, health.detail) == (HealthState.DEGRADED, "no such limit")


async def test_the_log_says_who_changed_a_mute_and_whose_order_made_no_sense(
    harness: ModuleHarness,
) -> None:
    harness.set_camera()
    await engine(harness)
    with capture_logs() as lines:
        for order in (mute_of(harness, 60.0), mute_of(harness, 60.0, "moon")):
            await harness.feed(CONTROL_COMMAND, order)
    changed, refused = lines
    assert (changed["event"], changed["camera"], changed["by"]) == ("mute changed", "door", "cli")
    assert (refused["event"], refused["by"]) == ("not muted", "cli")
    assert "there is no camera 'moon'" in refused["error"]


async def test_the_log_says_why_a_digest_waits(
    harness: ModuleHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise StorageError("the disk is full")

    module = await engine(harness)
    monkeypatch.setattr(module, "_tell_digests", fail)
    with capture_logs() as lines:
        await harness.settle()
        await harness.clock.advance(TICK_S)
        await harness.settle()
    assert [line["error"] for line in lines] == ["the disk is full"]
    assert (await module.health()).state is HealthState.OK
