import asyncio
from contextlib import suppress

import pytest

from spyoncino.core import guard
from spyoncino.core.guard import TimeLimitError, guarded, limited, sentence
from spyoncino.errors import SourceError


async def test_errors_are_taken_in_and_returned() -> None:
    async def breaks() -> None:
        raise KeyError("x")

    async def works() -> int:
        return 1

    assert isinstance(await guarded(breaks()), KeyError)
    assert await guarded(works()) is None


async def test_cancellation_goes_through() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await guarded(cancelled())


def test_deliberate_errors_speak_for_themselves_and_others_name_their_type() -> None:
    assert sentence(SourceError("door: no picture")) == "door: no picture"
    assert sentence(ValueError("7")) == "ValueError: 7"


async def test_work_has_its_time_and_what_ignores_its_end_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "GRACE_S", 0.01)
    released = asyncio.Event()

    async def deaf() -> None:
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()

    async def quick() -> None:
        raise ValueError("bent")

    async def resign() -> None:
        raise asyncio.CancelledError

    left_behind = await limited(deaf(), 0.01)
    released.set()
    assert isinstance(left_behind, TimeLimitError)
    assert isinstance(await limited(quick(), 5), ValueError)
    assert isinstance(await limited(resign(), 5), TimeLimitError)


async def test_whoever_waits_may_be_cancelled_and_the_work_is_too() -> None:
    ended = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(limited(long(), 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(ended.wait(), 5)
