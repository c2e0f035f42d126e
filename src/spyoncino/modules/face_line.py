"""The looks at the faces of one camera on their way through the pool; who waits, who is told when.

Live, few looks are in work and of those that wait the newest are kept; each is told as soon as it
is done. In a lossless run none is dropped and they are told in the order of their frames.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from spyoncino.modules.chores import Chores
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.runtime.jobs import JobResult
from spyoncino.runtime.tasks import FaceRegion
from spyoncino.schemas.frames import FrameRef

JUST_BEFORE_S = 0.001
"""A moment before that of a frame, nearer than any two frames are."""


@dataclass(eq=False, slots=True)
class Glance:
    """One look at the faces of a frame, or only the news that its moment has passed.

    Args:
        frame: The analysis frame of that moment, or the picture of a burst.
        frame_event_id: Message that brought it.
        regions: Boxes of the persons to look into.
        whole: Look at the whole picture too.
        handle: A leased full-size picture, which the line releases; empty until it is fetched.
        is_press: Somebody rang: it goes before all other work and is not given up for a newer one
            of lower rank.
        trigger_id: The press.
        sequence_number: Number within its burst.
        correlation_id: Of the message that brought the frame.
        looked: Whether there is anything to look at.
        end_of_stream: Nothing follows of this stream.
        is_done: Whether it may be told.
        result: How the job ended; ``None`` before it did, or when there was no picture.
        error: Why there is no picture.
        context: Of the message that brought the frame, for log lines about it.
    """

    frame: FrameRef
    frame_event_id: str
    regions: tuple[FaceRegion, ...] = ()
    whole: bool = False
    handle: FrameHandle | None = None
    is_press: bool = False
    trigger_id: str | None = None
    sequence_number: int | None = None
    correlation_id: str | None = None
    looked: bool = True
    end_of_stream: bool = False
    is_done: bool = False
    result: JobResult | None = None
    error: Exception | None = None
    context: Context = field(default_factory=copy_context)


@dataclass(frozen=True, slots=True)
class LineLimits:
    """How many looks of one camera.

    Args:
        running: In work at a time, of each rank: presses and others.
        waiting: Looks of a press that wait; of others one.
    """

    running: int
    waiting: int


class FaceLine:
    """Bounds and orders the looks of one camera.

    Args:
        ask: Looks at one frame and sets ``result`` or ``error``; must not raise for what can go
            wrong with a frame.
        tell: Called for each look, one at a time; also for news of time and the end of the stream.
        release: Gives the lease of a handle back.
        chores: Where the work runs.
        is_ordered: Tell in the order of beginning; else as soon as each is done.
    """

    def __init__(
        self,
        ask: Callable[[Glance], Awaitable[None]],
        tell: Callable[[Glance], Awaitable[None]],
        release: Callable[[FrameHandle], None],
        chores: Chores,
        *,
        is_ordered: bool,
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._release_handle = release
        self._chores = chores
        self._is_ordered = is_ordered
        self._order: deque[Glance] = deque()
        self._waiting: deque[Glance] = deque()
        self._running = {False: 0, True: 0}
        self._moved_on = asyncio.Event()
        self._is_telling = False
        self._limits = LineLimits(1, 1)
        self.seen_s = float("-inf")

    @property
    def running(self) -> int:
        """Looks in work."""
        return sum(self._running.values())

    @property
    def waiting(self) -> int:
        """Looks that wait for a place."""
        return len(self._waiting)

    def settled_s(self) -> float:
        """Camera time until which nothing more will be told."""
        open_s = [g.frame.pts_s for g in (*self._order, *self._waiting) if g.looked]
        return min([self.seen_s, *(pts_s - JUST_BEFORE_S for pts_s in open_s)])

    def has_room(self, limits: LineLimits) -> bool:
        """Whether a look that is no press could begin at once."""
        return self._running[False] < limits.running

    async def begin(self, glance: Glance, limit: int) -> None:
        """Begin a look; waits until fewer than ``limit`` are begun and not told yet."""
        while len(self._order) >= limit:
            self._moved_on.clear()
            await self._moved_on.wait()
        self._launch(glance)

    def offer(self, glance: Glance, limits: LineLimits) -> list[Glance]:
        """Begin a look, or let it wait for a place.

        Returns:
            Looks that waited and were given up for it; their leases are released.
        """
        self._limits = limits
        if self._running[glance.is_press] < limits.running:
            self._launch(glance)
            return []
        self._waiting.append(glance)
        same = [each for each in self._waiting if each.is_press == glance.is_press]
        surplus = same[: max(0, len(same) - (limits.waiting if glance.is_press else 1))]
        for each in surplus:
            self._give_up(each)
        return surplus

    async def mark(self, glance: Glance) -> None:
        """Tell that a moment has passed without a look, or that the stream is over, in its turn."""
        if glance.end_of_stream:
            for waiting in [each for each in self._waiting if not each.is_press]:
                self._give_up(waiting)
            while self._waiting:
                self._launch(self._waiting.popleft())
            self.seen_s = float("-inf")
        glance.looked = False
        glance.is_done = True
        self._order.append(glance)
        await self._tell_done()

    def release_all(self) -> None:
        """Give every lease back; for looks whose work was cancelled."""
        for glance in (*self._order, *self._waiting):
            self._release(glance)
        self._waiting.clear()

    def _launch(self, glance: Glance) -> None:
        self._order.append(glance)
        self._running[glance.is_press] += 1
        name = f"look at faces of {glance.frame.camera} {glance.frame.pts_s:.2f}"
        self._chores.start(self._run(glance), name, glance.context)

    def _launch_waiting(self) -> None:
        for glance in list(self._waiting):
            if self._running[glance.is_press] < self._limits.running:
                self._waiting.remove(glance)
                self._launch(glance)

    def _give_up(self, glance: Glance) -> None:
        self._waiting.remove(glance)
        self._release(glance)

    async def _run(self, glance: Glance) -> None:
        try:
            (outcome,) = await asyncio.gather(self._ask(glance), return_exceptions=True)
        finally:
            self._release(glance)
            glance.is_done = True
            self._running[glance.is_press] -= 1
            self._launch_waiting()
        await self._tell_done()
        if isinstance(outcome, BaseException):  # a bug: the line goes on, and the chores report it
            raise outcome

    async def _tell_done(self) -> None:
        """Tell what may be told; one caller at a time."""
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while (glance := self._next_told()) is not None:
                self._order.remove(glance)
                try:
                    await self._tell(glance)
                finally:
                    self._moved_on.set()
        finally:
            self._is_telling = False

    def _next_told(self) -> Glance | None:
        """The first that is done; nothing passes the end of a stream, nor in an ordered line."""
        for glance in self._order:
            is_first = glance is self._order[0]
            if glance.is_done and (is_first or not (glance.end_of_stream or self._is_ordered)):
                return glance
            if glance.end_of_stream or self._is_ordered:
                return None
        return None

    def _release(self, glance: Glance) -> None:
        if glance.handle is not None:
            handle, glance.handle = glance.handle, None
            self._release_handle(handle)
