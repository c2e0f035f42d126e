from spyoncino.runtime.capture.messages import LiveMessage, LiveUnavailable, UnwatchLive, WatchLive
from spyoncino.runtime.live_watch import LiveWatch

NEWS = LiveUnavailable("news")


def test_the_process_is_told_once_when_somebody_watches_and_when_nobody_does() -> None:
    watch, orders = LiveWatch(), list[object]()
    watch.join(orders.append)
    watch.end()
    assert orders == []
    watch.begin(lambda _: None)
    watch.begin(lambda _: None)
    watch.end()
    assert orders == [WatchLive(), UnwatchLive()]


def test_a_wish_to_watch_outlasts_the_process() -> None:
    watch, first, second = LiveWatch(), list[object](), list[object]()
    watch.begin(lambda _: None)
    watch.join(first.append)
    watch.leave()
    watch.join(second.append)
    assert (first, second) == ([WatchLive()], [WatchLive()])
    watch.leave()
    watch.end()
    watch.join(second.append)
    assert second == [WatchLive()]


def test_what_comes_goes_to_who_watches_and_to_nobody_else() -> None:
    watch, taken = LiveWatch(), list[LiveMessage]()
    watch.take(NEWS)
    watch.begin(taken.append)
    watch.take(NEWS)
    watch.end()
    watch.take(NEWS)
    assert taken == [NEWS]
