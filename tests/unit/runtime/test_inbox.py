"""The inbox: order, back-pressure and the end."""

import asyncio

from spyoncino.runtime.inbox import Inbox


class Reader:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def inbox(self, capacity: int) -> Inbox[int]:
        return Inbox(
            capacity, lambda: self.calls.append("pause"), lambda: self.calls.append("resume")
        )


async def test_messages_come_in_order_and_a_waiting_consumer_is_woken() -> None:
    inbox = Reader().inbox(8)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)

    inbox.put(1)
    inbox.put(2)

    assert await waiting == 1
    assert await inbox.get() == 2


async def test_a_full_inbox_pauses_the_reader_until_half_is_consumed() -> None:
    reader = Reader()
    inbox = reader.inbox(4)
    for number in range(4):
        inbox.put(number)
    assert reader.calls == ["pause"]

    await inbox.get()
    assert reader.calls == ["pause"]
    await inbox.get()

    assert reader.calls == ["pause", "resume"]


async def test_nothing_is_refused_when_the_reader_still_had_messages_in_its_hands() -> None:
    inbox = Reader().inbox(2)
    for number in range(5):
        inbox.put(number)

    assert [await inbox.get() for _ in range(5)] == [0, 1, 2, 3, 4]


async def test_closing_ends_the_consumer_returns_the_rest_and_takes_no_more() -> None:
    inbox = Reader().inbox(8)
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)

    assert inbox.close() == []
    assert await waiting is None
    inbox.put(1)

    assert await inbox.get() is None


async def test_closing_returns_what_was_not_taken() -> None:
    inbox = Reader().inbox(8)
    inbox.put(1)
    inbox.put(2)

    assert inbox.close() == [1, 2]
