"""Messages over a socket pair: whole, in order, never blocking main."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.runtime import message_pipe
from spyoncino.runtime.message_pipe import (
    ChildPipe,
    MainPipe,
    PipeClosedError,
    Unpacker,
    packed,
    socket_pair,
)

Ends = tuple[MainPipe, ChildPipe]


@pytest.fixture
def ends() -> Iterator[Ends]:
    main, child_end = socket_pair()
    child = ChildPipe(child_end)
    yield main, child
    main.close()
    child.close()


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_messages_survive_any_cutting_of_the_stream(bodies: list[bytes], step: int) -> None:
    stream = b"".join(packed(body) for body in bodies)
    unpacker = Unpacker()

    found = [m for at in range(0, len(stream), step) for m in unpacker.feed(stream[at : at + step])]

    assert found == bodies


def test_both_directions_keep_their_order(ends: Ends) -> None:
    main, child = ends
    main.send(1)
    main.send(2)
    child.send("a")
    child.send("b")

    assert child.receive(1.0) == [1, 2]
    assert main.receive() == ["a", "b"]
    assert main.receive() == []
    assert child.receive(0.0) == []


def test_main_hears_the_last_words_and_then_the_end(ends: Ends) -> None:
    main, child = ends
    child.send("last words")
    child.close()

    assert main.receive() == ["last words"]
    with pytest.raises(PipeClosedError):
        main.receive()
    with pytest.raises(PipeClosedError):
        main.send(1)


def test_a_child_notices_that_main_is_gone(ends: Ends) -> None:
    main, child = ends
    main.close()

    with pytest.raises(PipeClosedError):
        child.receive(0.0)
    with pytest.raises(PipeClosedError):
        child.send(1)


def test_a_connection_closed_with_unread_words_counts_as_the_end_for_main(ends: Ends) -> None:
    main, child = ends
    main.send("never read")
    child.close()

    with pytest.raises(PipeClosedError):
        main.receive()


def test_a_connection_closed_with_unread_words_counts_as_the_end_for_a_child(ends: Ends) -> None:
    main, child = ends
    child.send("never read")
    main.close()

    with pytest.raises(PipeClosedError):
        child.receive(0.0)


def test_main_never_blocks_on_a_child_that_does_not_read_and_loses_nothing(ends: Ends) -> None:
    main, child = ends
    big = b"x" * 50_000
    for _ in range(20):
        main.send(big)
    assert main.has_unsent

    found: list[bytes] = []
    while len(found) < 20:
        found += child.receive(1.0)
        main.flush()

    assert found == [big] * 20
    assert not main.has_unsent


def test_a_half_message_from_a_stopped_child_does_not_block_main(ends: Ends) -> None:
    main, child = ends
    whole = packed("message")
    child._socket.sendall(whole[:7])

    assert main.receive() == []
    child._socket.sendall(whole[7:])
    assert main.receive() == ["message"]


def test_a_child_gives_up_on_a_main_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_pipe, "SEND_TIMEOUT_S", 0.05)
    main, child_end = socket_pair()
    child = ChildPipe(child_end)

    with pytest.raises(PipeClosedError):
        child.send(b"x" * 5_000_000)
    main.close()
    child.close()


def test_threads_of_a_child_do_not_mix_their_messages(ends: Ends) -> None:
    main, child = ends
    words = [bytes([65 + n]) * 3000 for n in range(4)]

    def say(word: bytes) -> None:
        for _ in range(50):
            child.send(word)

    threads = [threading.Thread(target=say, args=(word,)) for word in words]
    for thread in threads:
        thread.start()
    found: list[bytes] = []
    while len(found) < 200:
        found += main.receive()
    for thread in threads:
        thread.join()

    assert sorted(found) == sorted(words * 50)
