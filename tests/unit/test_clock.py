"""The real clock moves by itself, the fake one only when it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta

from spyoncino.clock import Clock, FakeClock, SystemClock


async def test_the_real_clock_is_monotonic_aware_and_sleeps() -> None:
    clock: Clock = SystemClock()
    before_ns, now = clock.monotonic_ns(), clock.utc_now()

    await clock.sleep(0.01)

    assert clock.monotonic_ns() - before_ns >= 10_000_000
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


async def test_the_fake_clock_stands_still_until_it_is_advanced() -> None:
    clock = FakeClock(datetime(2026, 5, 1, tzinfo=UTC))
    assert (clock.monotonic_ns(), clock.utc_now()) == (0, datetime(2026, 5, 1, tzinfo=UTC))

    await clock.advance(1.5)

    assert clock.monotonic_ns() == 1_500_000_000
    assert clock.utc_now() == datetime(2026, 5, 1, 0, 0, 1, 500_000, tzinfo=UTC)


async def test_sleepers_wake_in_the_order_of_their_time() -> None:
    clock = FakeClock()
    woken: list[tuple[str, int]] = []

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic_ns()))

    sleepers = [
        asyncio.create_task(sleep(name, seconds))
        for name, seconds in (("late", 3.0), ("early", 1.0), ("later", 3.0), ("never", 9.0))
    ]
    await asyncio.sleep(0)

    await clock.advance(2.0)
    assert woken == [("early", 1_000_000_000)]
    await clock.advance(2.0)
    assert woken[1:] == [("late", 3_000_000_000), ("later", 3_000_000_000)]
    assert clock.monotonic_ns() == 4_000_000_000

    sleepers[3].cancel()
    await asyncio.gather(*sleepers, return_exceptions=True)
    await clock.advance(10.0)
    assert len(woken) == 3


async def test_who_sleeps_again_on_waking_is_woken_by_the_next_advance() -> None:
    clock = FakeClock()
    beats: list[int] = []

    async def beat() -> None:
        while True:
            await clock.sleep(1.0)
            beats.append(clock.monotonic_ns() // 1_000_000_000)

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    await clock.advance(1.0)
    await clock.advance(1.0)
    await clock.advance(1.0)

    assert beats == [1, 2, 3]
    beating.cancel()
