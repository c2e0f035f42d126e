"""The frames of one camera on their way through the pool: told in order, leased meanwhile."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Protocol

from spyoncino.modules.chores import Chores
from spyoncino.runtime.frame_ring import SlotRef
from spyoncino.runtime.tasks import ObjectResult
from spyoncino.schemas.frames import Frame


class Leases(Protocol):
    """Who keeps a picture from being overwritten; see ``runtime.captures.Captures``."""

    def hold(self, ref: SlotRef) -> None:
        """Add a lease."""

    def release(self, ref: SlotRef) -> None:
        """End a lease."""


@dataclass(eq=False, slots=True)
class Look:
    """One frame that is looked at.

    Args:
        frame: The frame, or the end of the stream.
        is_press: Somebody rang: it goes before all other work.
        is_leased: The line holds a lease on its picture.
        is_done: Whether it may be told.
        result: What was found; ``None`` when nobody could look.
        context: Of the message that brought the frame: log lines about it carry its correlation id,
            whoever begins the look.
    """

    frame: Frame
    is_press: bool = False
    is_leased: bool = False
    is_done: bool = False
    result: ObjectResult | None = None
    context: Context = field(default_factory=copy_context)


class LookLine:
    """Keeps the looks of one camera in frame order, however long each takes.

    Args:
        ask: Looks at one frame; must not raise for what can go wrong with a frame.
        tell: Called for each look in order, one at a time; also for the end of the stream.
        leases: Keeps the pictures.
        chores: Where the work runs.
    """

    def __init__(
        self,
        ask: Callable[[Look], Awaitable[ObjectResult | None]],
        tell: Callable[[Look], Awaitable[None]],
        leases: Leases,
        chores: Chores,
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._leases = leases
        self._chores = chores
        self._order: deque[Look] = deque()
        self._waiting: Look | None = None
        self._moved_on = asyncio.Event()
        self._is_telling = False
        self.running = 0

    async def begin(self, look: Look, limit: int) -> None:
        """Begin a look; waits until fewer than ``limit`` are begun and not told yet."""
        while len(self._order) >= limit:
            self._moved_on.clear()
            await self._moved_on.wait()
        self._hold(look)
        self._launch(look)

    def offer(self, look: Look, limit: int) -> bool:
        """Begin a look, or let it wait for one of ``limit`` places; the newest one waits.

        Returns:
            Whether another look that waited was given up for it.
        """
        if self.running < limit:
            self._hold(look)
            self._launch(look)
            return False
        has_overtaken = self._waiting is not None
        self._give_up_waiting()
        self._hold(look)
        self._waiting = look
        return has_overtaken

    async def end(self, frame: Frame) -> None:
        """The stream is over: what waits is looked at, then the end is told, after all looks."""
        self._launch_waiting()
        self._order.append(Look(frame, is_done=True))
        await self._tell_done()

    def release_all(self) -> None:
        """Give every lease back; for looks whose work was cancelled."""
        self._give_up_waiting()
        for look in self._order:
            self._release(look)

    def _launch(self, look: Look) -> None:
        self._order.append(look)
        self.running += 1
        ref = look.frame.frame
        name = f"look at {ref.camera} {ref.frame_index}"
        self._chores.start(self._run(look), name, look.context)

    def _launch_waiting(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._launch(waiting)

    def _give_up_waiting(self) -> None:
        if self._waiting is not None:
            self._release(self._waiting)
            self._waiting = None

    async def _run(self, look: Look) -> None:
        outcome: ObjectResult | BaseException | None = None
        try:
            (outcome,) = await asyncio.gather(self._ask(look), return_exceptions=True)
        finally:
            self._release(look)
            look.is_done = True
            self.running -= 1
            self._launch_waiting()
        error = outcome if isinstance(outcome, BaseException) else None
        look.result = None if isinstance(outcome, BaseException) else outcome
        await self._tell_done()
        if error is not None:  # a bug: the line goes on, and the chores report it
            raise error

    async def _tell_done(self) -> None:
        """Tell what is done at the head of the line; one caller at a time."""
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._order and self._order[0].is_done:
                try:
                    await self._tell(self._order[0])
                finally:
                    self._order.popleft()
                    self._moved_on.set()
        finally:
            self._is_telling = False

    def _hold(self, look: Look) -> None:
        self._leases.hold(look.frame.frame)
        look.is_leased = True

    def _release(self, look: Look) -> None:
        if look.is_leased:
            look.is_leased = False
            self._leases.release(look.frame.frame)
