"""Live video to several viewers: what each one gets can be decoded, whatever the others do."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.web_house import FakeHouse, WebSocketTalk, until

from spyoncino.web import live_video
from spyoncino.web.live_video import (
    VIEWER_MAX_AGE_S,
    NoVideo,
    VideoFeed,
    VideoPiece,
    VideoStart,
    VideoViewer,
)

START = VideoStart('video/mp4; codecs="avc1.64001f"', 1280, 720, b"init")
LIVE = "/api/v1/cameras/door/live"


def piece(text: str) -> VideoPiece:
    """A piece; a capital letter is a key frame."""
    return VideoPiece(text.encode(), text.isupper())


def feed_with(*pieces: str) -> VideoFeed:
    feed = VideoFeed(grace_s=60)
    with feed.watched():
        feed.begin(START)
        for each in pieces:
            feed.show(piece(each))
    return feed


async def test_who_comes_later_gets_the_group_of_pictures_at_once() -> None:
    feed = feed_with("A", "b", "C", "d", "e")
    with feed.watched() as late:
        assert await late.next() == START
        assert await late.next() == b"Cde"
        feed.show(piece("f"))
        assert await late.next() == b"f"
    feed.close()


async def test_a_slow_viewer_goes_on_with_the_next_key_frame_and_the_others_miss_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_video, "VIEWER_MAX_BYTES", 4)
    feed = VideoFeed(grace_s=60)
    got = b""
    with feed.watched() as quick, feed.watched() as slow:
        feed.begin(START)
        await quick.next()
        for each in "AbcdefGh":
            feed.show(piece(each))
            item = await quick.next()
            assert isinstance(item, bytes)
            got += item
        assert got == b"AbcdefGh"
        assert await slow.next() == START
        assert await slow.next() == b"Gh"
        assert feed.dropped == slow.dropped == 6
        assert quick.dropped == 0
    assert feed.dropped == 6
    feed.close()


async def test_what_waited_too_long_is_not_live_any_more() -> None:
    now_s = [100.0]
    viewer = VideoViewer(lambda: now_s[0])
    for each in "Ab":
        viewer.show(piece(each))
    now_s[0] += VIEWER_MAX_AGE_S + 0.1
    for each in "cDe":
        viewer.show(piece(each))
    assert await viewer.next() == b"De"
    assert viewer.dropped == 3


async def test_another_stream_replaces_what_waits_and_begins_with_its_header() -> None:
    feed = feed_with("A", "b")
    other = VideoStart("video/mp4", 640, 360, b"other")
    with feed.watched() as viewer:
        feed.begin(other)
        feed.show(piece("c"))
        feed.show(piece("D"))
        assert await viewer.next() == other
        assert await viewer.next() == b"D"
    feed.close()


async def test_a_group_that_is_too_large_is_not_kept_for_those_who_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_video, "GROUP_MAX_BYTES", 2)
    feed = feed_with("A", "b", "c", "d")
    with feed.watched() as viewer:
        assert await viewer.next() == START
        feed.show(piece("e"))
        feed.show(piece("F"))
        assert await viewer.next() == b"F"
    feed.close()


async def test_the_camera_is_watched_with_the_first_viewer_and_left_after_the_last() -> None:
    told: list[str] = []
    feed = VideoFeed(lambda: told.append("watch"), lambda: told.append("leave"), grace_s=0.02)
    with feed.watched(), feed.watched():
        assert feed.viewers == 2
    with feed.watched():
        await asyncio.sleep(0.05)
        assert told == ["watch"]
    await until(lambda: told == ["watch", "leave"])
    feed.begin(START)
    feed.show(piece("A"))
    assert feed.shown == 0, "what is still on its way belongs to nobody"
    with feed.watched() as viewer:
        assert told == ["watch", "leave", "watch"]
        waiting = asyncio.create_task(viewer.next())
        await asyncio.sleep(0)
        feed.close()
        assert await waiting is None
    assert told[-1] == "leave"
    with feed.watched() as late:
        assert await late.next() is None


async def test_pieces_that_wait_together_go_out_together_up_to_a_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_video, "MESSAGE_MAX_BYTES", 3)
    viewer = VideoViewer()
    for each in ("Abcd", "E", "f", "gh"):
        viewer.show(VideoPiece(each.encode(), is_key=True))
    assert [await viewer.next() for _ in range(3)] == [b"Abcd", b"Ef", b"gh"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("key"), st.integers(1, 40)),
        st.tuples(st.just("picture"), st.integers(1, 40)),
        st.tuples(st.sampled_from(["begin", "hole", "join", "leave"]), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([0, 1, 2, 4])),
        st.tuples(st.just("read"), st.integers(0, 2)),
    ),
    max_size=80,
)


@given(STEPS)
async def test_whatever_happens_a_viewer_can_decode_what_it_gets(
    steps: list[tuple[str, int]],
) -> None:
    now_s = [0.0]
    feed = VideoFeed(grace_s=1000, clock=lambda: now_s[0])
    known: dict[bytes, tuple[int, int, bool]] = {}  # piece: stream, number, is it a key frame
    stream = number = 0
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_video, "VIEWER_MAX_BYTES", 100)
        patch.setattr(live_video, "GROUP_MAX_BYTES", 80)
        patch.setattr(live_video, "MESSAGE_MAX_BYTES", 1)
        viewers = [stack.enter_context(feed.watched())]
        read: list[list[object]] = [[]]
        is_whole = False
        for step, size in [("begin", 0), *steps]:
            if step == "begin":
                stream, is_whole = stream + 1, False
                feed.begin(VideoStart("video/mp4", stream, 1, b""))
            elif step == "hole":
                is_whole, number = False, number + 1
            elif step == "join":
                viewers.append(stack.enter_context(feed.watched()))
                read.append([])
            elif step == "wait":
                now_s[0] += size
            elif step == "read" and size < len(viewers):
                await _read(viewers[size], read[size])
            elif step == "key" or (step == "picture" and is_whole):
                is_whole, number = True, number + 1
                data = number.to_bytes(4, "big") + bytes(size)
                known[data] = (stream, number, step == "key")
                feed.show(VideoPiece(data, step == "key"))
        for viewer, got in zip(viewers, read, strict=True):
            for _ in range(len(known) + 2):
                await _read(viewer, got)
            _check(got, known)
            shown = sum(isinstance(item, bytes) for item in got)
            assert shown + viewer.dropped <= len(known)
    feed.close()


async def _read(viewer: VideoViewer, got: list[object]) -> None:
    if viewer._head is not None or viewer._pieces:
        got.append(await viewer.next())


def _check(got: list[object], known: dict[bytes, tuple[int, int, bool]]) -> None:
    current = 0
    expected: int | None = None
    for item in got:
        if isinstance(item, VideoStart):
            current, expected = item.width_px, None
        elif isinstance(item, bytes):
            stream, number, is_key = known[item]
            assert stream == current
            assert is_key or number == expected
            expected = number + 1


@pytest.fixture
def house(tmp_path: Path) -> Iterator[FakeHouse]:
    house = FakeHouse(tmp_path)
    yield house
    house.videos["door"]._leaving = None


async def test_a_page_is_told_what_comes_and_then_gets_it(house: FakeHouse) -> None:
    feed = house.videos["door"]
    async with WebSocketTalk(house.app, LIVE, query="format=mp4") as page:
        await until(lambda: feed.viewers == 1)
        feed.begin(START)
        feed.show(piece("A"))
        assert await page.next_json() == {
            "kind": "init",
            "mime": 'video/mp4; codecs="avc1.64001f"',
            "width": 1280,
            "height": 720,
        }
        assert (await page.next())["bytes"] == b"init"
        assert (await page.next())["bytes"] == b"A"
        feed.begin(NoVideo("No."))
        said = await page.next_json()
        assert said == {"kind": "state", "state": "unavailable", "detail": "No."}
        assert house.feeds["door"].viewers == 0
    assert feed.viewers == 0


async def test_pictures_come_where_nothing_else_is_asked_for(house: FakeHouse) -> None:
    for query in ("", "format=jpeg"):
        async with WebSocketTalk(house.app, LIVE, query=query) as page:
            await until(lambda: house.feeds["door"].viewers == 1)
            house.feeds["door"].show(b"jpeg")
            assert (await page.next())["bytes"] == b"jpeg"


async def test_another_format_and_another_camera_are_refused(house: FakeHouse) -> None:
    async with WebSocketTalk(house.app, LIVE, query="format=avi") as page:
        assert page.opening["type"] == "websocket.close"
    path = "/api/v1/cameras/garden/live"
    async with WebSocketTalk(house.app, path, query="format=mp4") as page:
        assert (await page.next())["code"] == 4404


async def test_strangers_get_no_video(house: FakeHouse) -> None:
    for client, headers in (
        (("192.0.2.7", 50000), {}),
        (("127.0.0.1", 50000), {"origin": "http://evil.example"}),
    ):
        talk = WebSocketTalk(house.app, LIVE, client=client, headers=headers, query="format=mp4")
        async with talk as page:
            assert page.opening == {"type": "websocket.close", "code": 1008}
    assert house.videos["door"].viewers == 0
