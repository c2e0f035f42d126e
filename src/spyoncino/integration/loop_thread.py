"""An event loop in a thread of its own, for callers that know no asyncio."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from spyoncino.errors import BusClosedError, WiringError

T = TypeVar("T")


class LoopThread:
    """Runs coroutines in its own thread on behalf of others; may be started again after ``stop``.

    Args:
        name: What the thread is called.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_up = threading.Event()
        self._end: asyncio.Event | None = None

    @property
    def is_running(self) -> bool:
        """Whether it takes work."""
        return self._loop is not None

    def start(self) -> None:
        """Begin; returns when the loop runs. Nothing happens when it runs already."""
        if self._thread is not None:
            return
        self._is_up.clear()
        self._thread = threading.Thread(target=self._live, name=self._name, daemon=True)
        self._thread.start()
        self._is_up.wait()

    def stop(self) -> None:
        """End: what still runs in the loop is cancelled. Harmless when it does not run.

        Raises:
            WiringError: Called in the loop's own thread, which cannot wait for itself.
        """
        if self._thread is None:
            return
        if threading.current_thread() is self._thread:
            raise WiringError("An event loop's thread cannot be stopped from within.")
        if self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._thread = None

    def call(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Have a coroutine run to its end there; returns or raises what it does.

        Args:
            work: The coroutine; closed unrun when this call is refused.
            timeout_s: How long it may take; ``None``: as long as it likes.

        Raises:
            BusClosedError: The loop does not run.
            WiringError: Called in the loop's own thread.
            TimeoutError: It took longer; it was cancelled.
        """
        return call_in(self._loop, work, timeout_s)

    def _live(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._hold())

    async def _hold(self) -> None:
        self._end = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._is_up.set()
        await self._end.wait()
        self._loop = None


def call_in(
    loop: asyncio.AbstractEventLoop | None, work: Coroutine[Any, Any, T], timeout_s: float | None
) -> T:
    """``LoopThread.call`` for any running loop of another thread."""
    if loop is None or loop.is_closed():
        work.close()
        raise BusClosedError("It does not run; call start() first.")
    if _is_own(loop):
        work.close()
        raise WiringError("This call waits for the event loop and must come from another thread.")
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result(timeout_s)
    except TimeoutError:
        future.cancel()
        raise


def _is_own(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
