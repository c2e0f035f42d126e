import asyncio

from spyoncino.web.hub import RESYNC, Hub


async def test_every_page_hears_what_is_told_in_order() -> None:
    hub = Hub()
    with hub.joined() as one, hub.joined() as other:
        hub.tell("first")
        hub.tell("second")
        for listener in (one, other):
            assert [await listener.next(), await listener.next()] == ["first", "second"]
        assert len(hub) == 2
    assert len(hub) == 0


async def test_a_slow_page_is_told_to_ask_again_and_costs_the_others_nothing() -> None:
    hub = Hub(capacity=2)
    with hub.joined() as slow, hub.joined() as quick:
        heard = []
        for number in range(4):
            hub.tell(str(number))
            heard.append(await quick.next())
        assert heard == ["0", "1", "2", "3"]
        assert [await slow.next(), await slow.next()] == [RESYNC, "3"]
        assert hub.lost == 2
    assert hub.lost == 2


async def test_a_page_that_waits_is_woken_by_news_and_by_the_end() -> None:
    hub = Hub()
    with hub.joined() as listener:
        waiting = asyncio.create_task(listener.next())
        await asyncio.sleep(0)
        hub.tell("news")
        assert await waiting == "news"
        waiting = asyncio.create_task(listener.next())
        await asyncio.sleep(0)
        hub.close()
        assert await waiting is None


async def test_what_waits_is_heard_before_the_end() -> None:
    hub = Hub()
    with hub.joined() as listener:
        hub.tell("last")
        hub.close()
        assert [await listener.next(), await listener.next()] == ["last", None]
