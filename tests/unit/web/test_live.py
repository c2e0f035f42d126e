import asyncio

from spyoncino.web.live import LiveFeed


async def test_every_viewer_gets_the_picture() -> None:
    feed = LiveFeed()
    with feed.watched() as one, feed.watched() as other:
        assert feed.viewers == 2
        feed.show(b"picture")
        assert [await one.next(), await other.next()] == [b"picture", b"picture"]
    assert feed.viewers == 0


async def test_a_slow_viewer_gets_the_newest_picture_and_the_skipped_ones_are_counted() -> None:
    feed = LiveFeed()
    with feed.watched() as viewer:
        for picture in (b"1", b"2", b"3"):
            feed.show(picture)
        assert await viewer.next() == b"3"
        assert feed.skipped == 2
    assert feed.skipped == 2


async def test_closing_lets_viewers_go_and_those_who_still_come() -> None:
    feed = LiveFeed()
    with feed.watched() as viewer:
        waiting = asyncio.create_task(viewer.next())
        await asyncio.sleep(0)
        feed.close()
        assert await waiting is None
    with feed.watched() as late:
        assert await late.next() is None
