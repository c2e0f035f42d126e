"""The one border at which any error of a module is taken in, so that it harms nobody else."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from spyoncino.errors import SpyoncinoError

GRACE_S = 1.0
"""What work that ran out of time gets to end by itself when it is cancelled."""


class TimeLimitError(SpyoncinoError):
    """Work of a module took too long and was cut off."""


async def guarded(work: Awaitable[object]) -> Exception | None:
    """Await work of a module.

    Returns:
        What it raised, or ``None``. Cancellation is not taken in.
    """
    try:
        await work
    except Exception as error:  # noqa: BLE001 - the border to modules: any of them may be broken
        return error
    return None


async def limited(work: Coroutine[Any, Any, object], limit_s: float) -> Exception | None:
    """Await work of a module for so long at most.

    Work that does not even end when it is cancelled is left behind.

    Returns:
        What it raised, a ``TimeLimitError``, or ``None`` when it is done.
    """
    task = asyncio.ensure_future(guarded(work))
    try:
        await asyncio.wait({task}, timeout=limit_s)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE_S)
            return TimeLimitError(f"it was not done after {limit_s:g} s")
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.cancelled():
        return TimeLimitError("it gave up by itself")
    return task.result()


def sentence(error: Exception) -> str:
    """The sentence of a deliberate error; any other with its type, as a fault of the program."""
    return str(error) if isinstance(error, SpyoncinoError) else f"{type(error).__name__}: {error}"
