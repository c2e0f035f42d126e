"""The one border at which any error of a module is taken in, so that it harms nobody else."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from spyoncino.errors import SpyoncinoError

GRACE_S = 1.0
"""Until work that was cancelled has ended; what does not is left behind."""


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


async def guarded_within(work: Coroutine[Any, Any, object], timeout_s: float) -> Exception | None:
    """Await work of a module for so long; what does not end when it is cancelled is left behind.

    Returns:
        What it raised, ``TimeoutError`` when it did not end in time, or ``None``.
    """
    task = asyncio.ensure_future(guarded(work))
    try:
        await asyncio.wait({task}, timeout=timeout_s)
    finally:
        if not task.done():
            task.cancel()
    if task.done():
        return RuntimeError("it was cancelled from inside") if task.cancelled() else task.result()
    await asyncio.wait({task}, timeout=GRACE_S)
    return TimeoutError(f"it does not end within {timeout_s:g} s")


def sentence(error: Exception) -> str:
    """The sentence of a deliberate error; any other with its type, as a fault of the program."""
    return str(error) if isinstance(error, SpyoncinoError) else f"{type(error).__name__}: {error}"
