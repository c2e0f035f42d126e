"""Main's end of a capture process, with the process's end in the hands of the test."""

import asyncio
import signal
from collections.abc import AsyncIterator
from multiprocessing.context import SpawnProcess

import pytest
import pytest_asyncio

from spyoncino.runtime.capture.messages import (
    FromChild,
    LiveFragment,
    LiveMessage,
    Shutdown,
    SourceStateChanged,
    StartClip,
)
from spyoncino.runtime.capture_link import CaptureLink
from spyoncino.runtime.children import ChildStarter
from spyoncino.runtime.message_pipe import ChildPipe, socket_pair

BIG = StartClip("c1", "x" * 60_000, 0.0)


class Ends:
    """A link to a process that only sleeps, and the socket that would be the process's."""

    def __init__(self, process: SpawnProcess) -> None:
        pipe, end = socket_pair()
        self.child = ChildPipe(end)
        live, live_end = socket_pair()
        self.live = ChildPipe(live_end)
        self.heard: list[FromChild] = []
        self.seen: list[LiveMessage] = []
        self.link = CaptureLink(process, pipe, self.heard.append, live, self.seen.append)

    async def hears(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:  # noqa: ASYNC110 -- the callback only collects
                await asyncio.sleep(0.001)


@pytest_asyncio.fixture
async def ends() -> AsyncIterator[Ends]:
    starter = ChildStarter()
    ends = Ends(await starter.start(signal.pause, (), "sleeper"))
    yield ends
    ends.live.close()
    ends.child.close()
    await asyncio.wait_for(ends.link.gone, 5)
    assert await ends.link.reap(0.0) == "was killed by signal 9 (SIGKILL)"
    await asyncio.to_thread(starter.close)


async def test_messages_are_passed_on_in_order_and_break_the_silence(ends: Ends) -> None:
    assert ends.link.take_heard(), "nobody was silent before anybody listened"
    assert not ends.link.take_heard()

    await asyncio.to_thread(ends.child.send, SourceStateChanged("connecting"))
    await asyncio.to_thread(ends.child.send, SourceStateChanged("live"))
    await ends.hears(2)

    assert ends.heard == [SourceStateChanged("connecting"), SourceStateChanged("live")]
    assert ends.link.take_heard()
    assert not ends.link.take_heard()


async def test_what_was_heard_since_the_last_look_counts_however_late_the_next_one_comes(
    ends: Ends,
) -> None:
    ends.link.take_heard()
    await asyncio.to_thread(ends.child.send, SourceStateChanged("live"))
    await ends.hears(1)

    await asyncio.sleep(0.05)  # four looks of a handle whose patience is as short

    assert ends.link.take_heard()


async def test_nobody_is_called_silent_while_nobody_listens(ends: Ends) -> None:
    ends.link.pause()
    ends.link.pause()
    await asyncio.to_thread(ends.child.send, SourceStateChanged("live"))
    await asyncio.sleep(0.02)
    assert ends.heard == []
    assert all(ends.link.take_heard() for _ in range(2))

    ends.link.resume()
    await ends.hears(1)


async def test_live_video_has_its_own_way_and_waits_for_nothing(ends: Ends) -> None:
    fragment = LiveFragment(1, bytes(500_000), is_key=True, pts_s=0.0)
    ends.link.pause()
    await asyncio.to_thread(ends.child.send, SourceStateChanged("live"))
    await asyncio.to_thread(ends.live.send, fragment)
    async with asyncio.timeout(5):
        while not ends.seen:  # noqa: ASYNC110 -- the callback only collects
            await asyncio.sleep(0.001)
    assert (ends.seen, ends.heard) == ([fragment], [])

    ends.live.close()
    await asyncio.sleep(0.02)
    ends.link.resume()
    await ends.hears(1)
    assert not ends.link.gone.done(), "a process without live video goes on"


async def test_orders_that_do_not_fit_follow_when_the_process_reads(ends: Ends) -> None:
    for _ in range(10):
        ends.link.send(BIG)
    ends.link.send(Shutdown())

    received: list[object] = []
    async with asyncio.timeout(5):
        while len(received) < 11:
            received += await asyncio.to_thread(ends.child.receive, 0.05)

    assert received == [BIG] * 10 + [Shutdown()]


async def test_orders_to_a_process_that_hung_up_are_no_fault(ends: Ends) -> None:
    for _ in range(10):
        ends.link.send(BIG)
    await asyncio.to_thread(ends.child.close)
    ends.link.send(Shutdown())

    await asyncio.wait_for(ends.link.gone, 5)
    ends.link.send(Shutdown())
    ends.link.resume()

    assert all(ends.link.take_heard() for _ in range(2))


@pytest.mark.parametrize("is_paused", [False, True])
async def test_a_writer_that_finds_the_process_gone_stops_writing(
    ends: Ends, is_paused: bool
) -> None:
    if is_paused:
        ends.link.pause()
    for _ in range(10):
        ends.link.send(BIG)
    await asyncio.to_thread(ends.child.close)
    await asyncio.sleep(0.02)

    ends.link.resume()
    await asyncio.wait_for(ends.link.gone, 5)
