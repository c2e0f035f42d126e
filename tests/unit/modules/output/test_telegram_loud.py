"""Telegram makes no sound for an edit: what is to be heard comes anew, and there is still one."""

import pytest
from tests.fixtures.telegram_stand_in import GROUP, telegram
from tests.unit.modules.output.test_telegram import (
    CONFIRMED,
    QUEUED,
    alert,
    bot,
    only,
    restarted,
    told,
)

from spyoncino.modules.output.telegram import PERHAPS_TWICE
from spyoncino.schemas.alerts import AlertPriority
from spyoncino.testing.harness import ModuleHarness


async def test_a_ring_after_the_first_words_is_a_new_message_in_place_of_the_old(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        await told(harness, far, alert(harness, title="Somebody is there"))
        first = only(far).message_id
        await told(harness, far, alert(harness, 2, loud_revision=2))
        assert (only(far).text, only(far).silent) == ("Somebody rang\nat the door", False)
        assert only(far).message_id != first
        await told(harness, far, alert(harness, 3, loud_revision=2, title="Ann rang"))
        assert (only(far).text, only(far).edits) == ("Ann rang\nat the door", 1)
        assert far.broken == []


async def test_what_the_rule_wants_without_a_sound_is_edited(harness: ModuleHarness) -> None:
    async with telegram() as far:
        await bot(harness, far)
        await told(harness, far, alert(harness))
        low = AlertPriority.LOW
        await told(harness, far, alert(harness, 2, loud_revision=2, priority=low, text="left"))
        assert (only(far).text, only(far).edits) == ("Somebody rang\nleft", 1)


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_message_that_cannot_be_deleted_holds_nothing_back(
    harness: ModuleHarness, is_gone: bool
) -> None:
    async with telegram(lambda: harness.clock.monotonic_ns() / 1e9) as far:
        await bot(harness, far)
        await told(harness, far, alert(harness, title="Somebody is there"))
        if is_gone:
            far.shown.clear()
        else:
            await harness.clock.advance(48 * 3600.0)
        await told(harness, far, alert(harness, 2, loud_revision=2))
        assert far.messages()[-1].text == "Somebody rang\nat the door"
        assert len(far.messages()) == (1 if is_gone else 2)
        assert far.broken == ["delete what" if is_gone else "delete when"]


async def test_nothing_is_deleted_before_the_new_message_may_come(harness: ModuleHarness) -> None:
    async with telegram() as far:
        module = await bot(harness, far)
        await told(harness, far, alert(harness, title="Somebody is there"))
        far.faults.append("429 900")
        await told(harness, far, alert(harness, 2, title="Somebody is still there"))
        await harness.feed(QUEUED, alert(harness, 3, loud_revision=3))
        for _ in range(20):
            await harness.settle()
            await harness.clock.advance(0.5)
        assert only(far).text == "Somebody is there\nat the door"
        while (await module.health()).numbers["owed"]:
            await harness.settle()
            await harness.clock.advance(100.0)
        assert only(far).text == "Somebody rang\nat the door"


async def test_whoever_was_killed_while_a_ring_was_told_says_that_it_may_be_there_twice(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        killed = await bot(harness, far)
        await told(harness, far, alert(harness, title="Somebody is there"))
        far.faults.extend(["", "hang"])  # deleted; shown, and the answer never comes
        await harness.feed(QUEUED, alert(harness, 2, loud_revision=2))
        while not far.messages() or "rang" not in far.messages()[0].text:
            await harness.settle()
        again = await restarted(killed)
        while len(far.messages()) < 2:
            await harness.settle()
            await harness.clock.advance(0.5)
        while (await again.health()).numbers["owed"]:
            await harness.settle()
        assert PERHAPS_TWICE in far.messages()[1].text
        assert harness.received(CONFIRMED)[-1].revision == 2
        await again.stop()


async def test_a_group_that_moved_has_one_message_of_a_ring_after_a_restart_too(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        former = await bot(harness, far, chats=({"id": GROUP},))
        far.moved[GROUP], new = -3003, -3003
        far.chats.add(new)
        await told(harness, far, alert(harness, title="Somebody is there"))
        assert only(far, new).text == "Somebody is there\nat the door"
        again = await restarted(former)
        await again.on_alert(alert(harness, 2, loud_revision=2))
        while not any("rang" in each.text for each in far.messages(new)):
            await harness.settle()
            await harness.clock.advance(0.5)
        assert only(far, new).text == "Somebody rang\nat the door"
        await again.stop()


async def test_a_former_message_that_is_not_deleted_yet_makes_no_doubt_about_the_new_one(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        module = await bot(harness, far)
        await told(harness, far, alert(harness, title="Somebody is there"))
        far.faults.extend(["500", "drop", "lose answer"])
        await told(harness, far, alert(harness, 2, loud_revision=2))
        while (await module.health()).numbers["owed"]:
            await harness.settle()
            await harness.clock.advance(1.0)
        assert only(far).text == "Somebody rang\nat the door"
        assert (await module.health()).numbers["maybe_twice"] == 0


async def test_a_message_that_somebody_deleted_comes_back_without_a_sound(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far)
        await told(harness, far, alert(harness))
        far.shown.clear()
        await told(harness, far, alert(harness, 2, text="left"))
        assert (only(far).text, only(far).silent) == ("Somebody rang\nleft", True)
        await told(harness, far, alert(harness, 3, loud_revision=3))
        assert (only(far).text, only(far).silent) == ("Somebody rang\nat the door", False)


async def test_a_message_that_came_back_and_may_be_there_twice_says_so(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        module = await bot(harness, far)
        await told(harness, far, alert(harness))
        far.shown.clear()
        far.faults.extend(["", "", "lose answer"])  # edited, deleted, sent
        await told(harness, far, alert(harness, 2, text="left"))
        while (await module.health()).numbers["owed"]:
            await harness.settle()
            await harness.clock.advance(1.0)
        first, second = far.messages()
        assert (PERHAPS_TWICE in first.text, PERHAPS_TWICE in second.text) == (False, True)


async def test_nothing_is_deleted_in_the_new_chat_of_a_group_that_moved(
    harness: ModuleHarness,
) -> None:
    async with telegram() as far:
        await bot(harness, far, chats=({"id": GROUP},))
        await told(harness, far, alert(harness, title="Somebody is there"))
        far.moved[GROUP] = -1002002
        far.chats.add(-1002002)
        await told(harness, far, alert(harness, 2, loud_revision=2))
        assert only(far, -1002002).text == "Somebody rang\nat the door"
        deleted = [line for line in far.transcript if line.startswith("deleteMessage")]
        assert not any("-1002002" in line for line in deleted)
