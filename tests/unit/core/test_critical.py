"""Critical messages: on disk before a publish returns, handled at least once and in order."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tests.fixtures.durable_ear import DOOR, DurableEar, line_of, press, running

from spyoncino.clock import SystemClock
from spyoncino.core.bus import Bus
from spyoncino.core.durable_place import Patience
from spyoncino.core.message import Message
from spyoncino.core.queues import Policy
from spyoncino.errors import StorageError, WiringError
from spyoncino.schemas.topics import DOORBELL_PRESSED


def rows(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT event_id FROM messages ORDER BY seq")]


async def test_a_message_is_on_disk_when_its_publish_returns(outbox: Path) -> None:
    async with running(outbox) as bus:
        await bus.publish(DOOR, press("a"))

        assert rows(outbox) == ["a"]


async def test_what_was_not_handled_is_handled_after_a_restart_before_anything_new(
    outbox: Path,
) -> None:
    gate = asyncio.Event()
    seen: list[str] = []

    async def slow(message: Message) -> None:
        seen.append(message.payload.event_id)
        await gate.wait()

    bus = Bus(SystemClock(), outbox=outbox)
    await bus.start()
    bus.subscribe(DOOR, slow, name="listener", policy=Policy.BLOCK, durable=True)
    for name in "abc":
        await bus.publish(DOOR, press(name))
    await bus.stop(timeout_s=0.01)
    assert seen == ["a"]
    assert bus.status().dropped == 0  # they are in the file

    listener = DurableEar()
    async with running(outbox) as again:
        listener.join(again)
        await again.publish(DOOR, press("d"))
        await again.drain()
    assert listener.heard == ["a", "b", "c", "d"]
    assert again.status().dropped == 0


async def test_a_new_subscriber_gets_only_what_comes_after_it(outbox: Path) -> None:
    async with running(outbox) as bus:
        await bus.publish(DOOR, press("before"))
        listener = DurableEar()
        listener.join(bus)
        await bus.publish(DOOR, press("after"))
        await bus.drain()
    assert listener.heard == ["after"]


async def test_a_subscriber_that_left_and_came_back_misses_nothing(outbox: Path) -> None:
    first, second, other = DurableEar(), DurableEar(), DurableEar()
    async with running(outbox) as bus:
        other.join(bus, "other")
        mine = bus.subscribe(DOOR, first.handle, name="mine", policy=Policy.BLOCK, durable=True)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        mine.close()
        await mine.wait_closed()
        await bus.publish(DOOR, press("b"))
        second.join(bus, "mine")
        await bus.publish(DOOR, press("c"))
        await bus.drain()
    assert first.heard == ["a"]
    assert second.heard == ["b", "c"]
    assert other.heard == ["a", "b", "c"]


async def test_a_failing_message_is_tried_again_and_keeps_its_place(outbox: Path) -> None:
    listener = DurableEar({"a": [ValueError("not now"), ValueError("not yet")]})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.publish(DOOR, press("b"))
        await bus.drain()
        assert (bus.status().delivered, bus.status().failed) == (2, 2)
    assert listener.heard == ["a", "b"]


async def test_pauses_between_tries_of_a_message_grow(outbox: Path) -> None:
    paused_s: list[float] = []

    class NotedClock(SystemClock):
        async def sleep(self, seconds: float) -> None:
            paused_s.append(seconds)
            await super().sleep(seconds)

    patience = Patience(attempts=4, first_pause_s=0.001, longest_pause_s=0.003)
    listener = DurableEar({"a": [ValueError("not now")] * 3})
    async with Bus(NotedClock(), outbox=outbox, patience=patience) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
    assert [pause_s for pause_s in paused_s if pause_s <= 0.003] == [0.001, 0.002, 0.003]


async def test_a_message_that_always_fails_becomes_a_dead_letter_with_its_reason(
    outbox: Path,
) -> None:
    listener = DurableEar({"a": [ValueError("broken")] * 9})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.publish(DOOR, press("b"))
        await bus.drain()
        assert bus.critical is not None
        (letter,) = await bus.critical.dead_letters()
        assert (letter.event_id, letter.subscriber, letter.attempts) == ("a", "listener", 3)
        assert letter.reason == "ValueError: broken"
        assert bus.status().dead_letters == 1
        assert listener.heard == ["b"]
        assert await bus.critical.drop_dead_letters([letter.number]) == 1
        assert await bus.critical.dead_letters() == []


async def test_a_full_disk_is_waited_for_however_long_it_lasts(outbox: Path) -> None:
    listener = DurableEar({"a": [StorageError("full")] * 20})
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        assert bus.critical is not None
        assert await bus.critical.dead_letters() == []
    assert listener.heard == ["a"]


async def test_a_message_published_again_under_its_id_is_handled_once(outbox: Path) -> None:
    listener = DurableEar()
    settled: list[str] = []
    async with running(outbox) as bus:
        listener.join(bus)
        for _ in range(2):
            await bus.publish(DOOR, press("a"), on_settled=lambda: settled.append("a"))
        await bus.drain()
        assert bus.critical is not None
        assert bus.critical.repeated == 1
    assert listener.heard == ["a"]
    assert settled == ["a", "a"]


async def test_one_payload_may_be_published_on_two_topics(outbox: Path) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.publish(DOORBELL_PRESSED.of("garden"), press("a"))
        await bus.publish(DOOR, press("a"))
        await bus.drain()

    assert listener.heard == ["a", "a"]


async def test_a_cancelled_publish_is_delivered_all_the_same(outbox: Path) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        publishing = asyncio.create_task(bus.publish(DOOR, press("a")))
        await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.wait({publishing})
        await bus.drain()
    assert listener.heard == ["a"]


async def test_without_room_on_the_disk_messages_are_delivered_and_counted(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.drain()
        with sqlite3.connect(outbox, isolation_level=None) as other:
            monkeypatch.setattr(
                "spyoncino.persistence.outbox._INSERT", "INSERT INTO nowhere VALUES (?,?,?,?)"
            )
            await bus.publish(DOOR, press("a"))
            monkeypatch.undo()
            assert other.execute("SELECT count(*) FROM messages").fetchone() == (0,)
        await bus.publish(DOOR, press("b"))
        await bus.drain()
        assert bus.critical is not None
        assert bus.critical.undurable == bus.status().undurable == 1
    assert listener.heard == ["a", "b"]


async def test_handled_messages_leave_the_file_but_the_newest(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.persistence.outbox.KEPT_HANDLED", 2)
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        for number in range(20):
            await bus.publish(DOOR, press(f"m{number}"))
        await bus.drain()
        assert bus.critical is not None
        await bus.critical.forget_all_but({"listener"})
        await asyncio.sleep(0.1)
        await bus.critical.forget_all_but({"listener"})
        assert rows(outbox) == ["m18", "m19"]


async def test_scrubbing_leaves_ids_of_handled_messages_and_the_whole_of_others(
    outbox: Path,
) -> None:
    def bodies() -> dict[str, bool]:
        with sqlite3.connect(outbox) as connection:
            found = connection.execute("SELECT event_id, length(body) > 0 FROM messages")
            return {name: bool(is_whole) for name, is_whole in found}

    listener = DurableEar()
    async with running(outbox) as bus:
        away = listener.join(bus, "away")
        listener.join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        away.close()
        await away.wait_closed()
        await bus.publish(DOOR, press("b"))
        await bus.drain()
        await asyncio.sleep(0.1)
        await line_of(bus).forget_all_but({"listener", "away"})
        assert bodies() == {"a": True, "b": True}
        await asyncio.wrap_future(line_of(bus)._file.scrub())
        assert bodies() == {"a": False, "b": True}
        await bus.publish(DOOR, press("a"))
        listener.join(bus, "away")
        await bus.drain()
    assert listener.heard == ["a", "a", "b", "b"]


async def test_forgotten_subscribers_hold_nothing_back(outbox: Path) -> None:
    async with running(outbox) as bus:
        DurableEar().join(bus, "gone")
        await bus.drain()
    async with running(outbox) as bus:
        assert bus.critical is not None
        await bus.critical.forget_all_but({"listener"})
    with sqlite3.connect(outbox) as connection:
        assert connection.execute("SELECT count(*) FROM cursors").fetchone() == (0,)


async def test_a_body_of_another_shape_becomes_a_dead_letter(outbox: Path) -> None:
    gate = asyncio.Event()

    async def never(_: Message) -> None:
        await gate.wait()

    bus = Bus(SystemClock(), outbox=outbox)
    await bus.start()
    bus.subscribe(DOOR, never, name="listener", policy=Policy.BLOCK, durable=True)
    await bus.publish(DOOR, press("a"))
    await bus.publish(DOOR, press("b"))
    await bus.stop(timeout_s=0.01)
    with sqlite3.connect(outbox) as connection:
        connection.execute("UPDATE messages SET body = '{}' WHERE event_id = 'a'")

    listener = DurableEar()
    async with running(outbox) as again:
        listener.join(again)
        await again.drain()
        assert again.critical is not None
        (letter,) = await again.critical.dead_letters()
    assert letter.event_id == "a"
    assert "cannot be read" in letter.reason
    assert listener.heard == ["b"]


async def test_a_durable_subscriber_must_not_drop(outbox: Path) -> None:
    async with running(outbox) as bus:
        with pytest.raises(WiringError, match="cannot be durable"):
            bus.subscribe(DOOR, DurableEar().handle, name="listener", durable=True)


async def test_a_file_that_is_no_outbox_is_put_aside(outbox: Path) -> None:
    text = b"no database at all, but long enough to be looked at as one" * 40
    await asyncio.to_thread(outbox.write_bytes, text)
    async with running(outbox) as bus:
        await bus.publish(DOOR, press("a"))
    assert rows(outbox) == ["a"]
    assert len(list(outbox.parent.glob("outbox.db.damaged-*"))) == 1


def test_only_its_owner_may_read_the_outbox(outbox: Path) -> None:
    async def open_and_close() -> None:
        async with running(outbox):
            pass

    asyncio.run(open_and_close())

    assert outbox.stat().st_mode & 0o777 == 0o600


async def test_a_dead_letter_is_given_again_to_the_one_who_could_not_handle_it(
    outbox: Path,
) -> None:
    listener, other = DurableEar({"a": [ValueError("broken")] * 3}), DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        other.join(bus, "other")
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        assert bus.critical is not None
        (letter,) = await bus.critical.dead_letters()
        assert not await bus.critical.retry_dead_letter(letter.number + 1)

        assert await bus.critical.retry_dead_letter(letter.number)
        await bus.drain()

        assert await bus.critical.dead_letters() == []
    assert (listener.heard, other.heard) == (["a"], ["a"])


async def test_a_dead_letter_of_a_subscriber_that_does_not_run_waits_for_it(outbox: Path) -> None:
    async with running(outbox) as bus:
        DurableEar({"a": [ValueError("broken")] * 3}).join(bus)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
    async with running(outbox) as bus:
        assert bus.critical is not None
        (letter,) = await bus.critical.dead_letters()
        assert await bus.critical.retry_dead_letter(letter.number)
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.drain()
    assert listener.heard == ["a"]


async def test_one_payload_on_two_topics_is_two_messages(outbox: Path) -> None:
    """As a finished picture is told on its own topic and on that of all media."""
    other = DOORBELL_PRESSED.of("gate")
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        for topic in (DOOR, other, DOOR):
            await bus.publish(topic, press("a"))
        await bus.drain()
    assert listener.heard == ["a", "a"]


async def test_the_file_of_an_older_program_is_taken_over(outbox: Path) -> None:
    with sqlite3.connect(outbox) as connection:
        connection.executescript(
            "CREATE TABLE messages (seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, "
            "event_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL, only_for TEXT NOT NULL);"
            "CREATE TABLE cursors (subscriber TEXT PRIMARY KEY, seq INTEGER NOT NULL);"
            "INSERT INTO cursors VALUES ('listener', 0); PRAGMA user_version = 1;"
        )
        body = press("old").model_dump_json().encode()
        row = (1, DOOR.name, "old", body, "")
        connection.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", row)
    connection.close()
    listener = DurableEar()
    async with running(outbox) as bus:
        listener.join(bus)
        await bus.publish(DOORBELL_PRESSED.of("gate"), press("old"))
        await bus.drain()
    assert listener.heard == ["old", "old"]


async def test_a_subscriber_that_is_not_durable_is_given_a_critical_message_once(
    outbox: Path,
) -> None:
    ear = DurableEar({"a": [ValueError("not now")]})
    async with running(outbox) as bus:
        mine = bus.subscribe(DOOR, ear.handle, name="ear", policy=Policy.BLOCK)
        await bus.publish(DOOR, press("a"))
        await bus.drain()
        assert not mine.is_durable
    assert ear.heard == []
    assert (bus.status().failed, bus.status().delivered) == (1, 0)


async def test_a_subscriber_that_comes_back_is_given_only_what_it_takes(outbox: Path) -> None:
    ear = DurableEar()
    async with running(outbox) as bus:
        first = bus.subscribe(DOOR, ear.handle, name="door", policy=Policy.BLOCK, durable=True)
        await bus.drain()
        first.close()
        await first.wait_closed()
        await bus.publish(DOORBELL_PRESSED.of("garden"), press("garden"))
        await bus.publish(DOOR, press("door"))
        bus.subscribe(DOOR, ear.handle, name="door", policy=Policy.BLOCK, durable=True)
        await bus.drain()
    assert ear.heard == ["door"]
