import asyncio

import pytest

from spyoncino.core.guard import guarded, sentence
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
