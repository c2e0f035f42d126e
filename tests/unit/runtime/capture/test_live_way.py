"""The live view's way to main: never waits, never leaves a hole but up to a key frame."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.runtime.capture.live_way import LiveWay
from spyoncino.runtime.capture.messages import LiveBegun, LiveFragment, LiveMessage
from spyoncino.runtime.message_pipe import MainPipe, socket_pair

BEGUN = LiveBegun(1, "video/mp4", 64, 48, b"init")


def piece(number: int, size: int = 1000, *, is_key: bool = False) -> LiveFragment:
    return LiveFragment(1, bytes(size), is_key, number / 10)


@pytest.fixture
def ends() -> Iterator[tuple[MainPipe, socket.socket]]:
    main, child = socket_pair()
    yield main, child
    main.close()
    child.close()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def heard(main: MainPipe, count: int) -> list[LiveMessage]:
    found: list[LiveMessage] = []

    def is_enough() -> bool:
        found.extend(main.receive())
        return len(found) >= count

    until(is_enough)
    return found


def test_what_is_sent_arrives_in_order(ends: tuple[MainPipe, socket.socket]) -> None:
    main, child = ends
    way = LiveWay(child)
    said: list[LiveMessage] = [BEGUN, piece(0, is_key=True), piece(1, 300_000), piece(2)]
    for message in said:
        way.send(message)
    assert heard(main, 4) == said
    until(lambda: way.sent == 3)
    assert way.dropped == 0
    way.close()
    way.close()


def test_a_main_that_does_not_read_costs_pictures_and_nobody_waits(
    ends: tuple[MainPipe, socket.socket],
) -> None:
    main, child = ends
    way = LiveWay(child, max_waiting_bytes=1_000_000)
    began_s = time.monotonic()
    way.send(BEGUN)
    for number in range(400):
        way.send(piece(number, 20_000, is_key=number % 20 == 0))
    assert time.monotonic() - began_s < 5
    assert way.dropped > 300
    found = heard(main, 2)

    def is_everything_here() -> bool:
        found.extend(main.receive())
        return way.sent + way.dropped == 400 and len(found) == way.sent + 1

    until(is_everything_here)
    numbers = [round(m.pts_s * 10) for m in found if isinstance(m, LiveFragment)]
    for before, after in itertools.pairwise(numbers):
        assert after == before + 1 or after % 20 == 0
    way.close()


def test_closing_does_not_wait_for_a_main_that_does_not_read(
    ends: tuple[MainPipe, socket.socket],
) -> None:
    _, child = ends
    way = LiveWay(child)
    way.send(piece(0, 5_000_000, is_key=True))
    time.sleep(0.05)
    began_s = time.monotonic()
    way.close()
    assert time.monotonic() - began_s < 1.5
    way.send(piece(1))
    assert way.dropped == 0


def test_a_main_that_is_gone_is_no_fault(ends: tuple[MainPipe, socket.socket]) -> None:
    main, child = ends
    way = LiveWay(child)
    main.close()
    way.send(piece(0, is_key=True))
    way.send(piece(1))
    way.close()


def test_what_waits_is_forgotten_when_nobody_watches(ends: tuple[MainPipe, socket.socket]) -> None:
    main, child = ends
    way = LiveWay(child)
    way.send(piece(0, 3_000_000, is_key=True))
    for number in range(1, 50):
        way.send(piece(number))
    way.clear()
    second = LiveBegun(2, "video/mp4", 64, 48, b"init")
    way.send(second)
    found = heard(main, 2)
    assert found[-1] == second
    assert len(found) < 10
    way.close()


class StillWay(LiveWay):
    """A way whose thread never runs: the test empties the queue."""

    def __init__(self, max_waiting_bytes: int) -> None:
        self.pair = socket.socketpair()
        super().__init__(self.pair[0], max_waiting_bytes)
        self._thread = self  # type: ignore[assignment]  # only asked whether it is there

    def join(self, _timeout_s: float) -> None:
        pass

    def done(self) -> None:
        self.close()
        self.pair[1].close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["key", "picture"]), st.integers(1, 400)),
        st.tuples(st.just("begin"), st.just(0)),
        st.tuples(st.just("take"), st.just(0)),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_main_can_decode_what_it_gets(steps: list[tuple[str, int]]) -> None:
    way = StillWay(1000)
    number = connection = 0
    got: list[LiveMessage] = []
    is_fresh = True
    for step, size in [("begin", 0), *steps, *[("take", 0)] * len(steps)]:
        if step == "begin":
            connection += 1
            is_fresh = True
            way.send(LiveBegun(connection, "video/mp4", 2, 2, b""))
        elif step == "take":
            if way._waiting:
                message = way._next()
                assert message is not None
                got.append(message)
        else:
            # The muxer begins each stream with a key frame.
            is_key, is_fresh = step == "key" or is_fresh, False
            way.send(LiveFragment(connection, bytes(size), is_key, number))
            number += 1
        assert 0 <= way._waiting_bytes <= 1000
    way.done()

    expected: float | None = None
    current = 0
    for message in got:
        if isinstance(message, LiveBegun):
            current, expected = message.connection, None
        elif isinstance(message, LiveFragment):
            assert message.connection == current
            assert message.is_key or message.pts_s == expected
            expected = message.pts_s + 1
