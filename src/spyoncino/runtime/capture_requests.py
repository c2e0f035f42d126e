"""What main asked a capture process for and has not got yet: pictures and clips."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from spyoncino.errors import MediaError, UsageError
from spyoncino.media.clip_writer import ClipFacts
from spyoncino.runtime.capture.messages import (
    BurstEnded,
    BurstPicture,
    ClipClosed,
    ClipProgress,
    FrameAt,
)
from spyoncino.runtime.frame_ring import FrameHandle
from spyoncino.runtime.leases import LeaseBook

Pictures = AsyncGenerator[BurstPicture, None]
"""Of one burst, as they come."""


class FrameRequests:
    """Full-size pictures that were asked for; used from the event loop alone.

    Args:
        leases: Every picture that is handed over carries a lease; one that nobody waits for any
            more is released.
    """

    def __init__(self, leases: LeaseBook) -> None:
        self._leases = leases
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[FrameAt]] = {}

    def open(self) -> int:
        """Begin a request; its id goes into the order."""
        request_id = next(self._ids)
        self._waiting[request_id] = asyncio.get_running_loop().create_future()
        return request_id

    async def answer(self, request_id: int, timeout_s: float) -> FrameHandle:
        """Wait for a picture; the caller releases it.

        Raises:
            MediaError: There is none, or not in time.
        """
        future = self._waiting[request_id]
        try:
            await asyncio.wait({future}, timeout=timeout_s)
        except asyncio.CancelledError:
            if future.done():
                self._release(future.result())
            raise
        finally:
            del self._waiting[request_id]
        if not future.done():
            raise MediaError(f"The picture was not decoded within {timeout_s:g} s.")
        found = future.result()
        if found.handle is None:
            raise MediaError(found.error)
        return found.handle

    def settle(self, found: FrameAt) -> None:
        """Hand an answer to whoever waits for it."""
        if found.handle is not None:
            self._leases.adopt(found.handle)
        future = self._waiting.get(found.request_id)
        if future is None or future.done():
            self._release(found)
        else:
            future.set_result(found)

    def fail_all(self, reason: str) -> None:
        """Nobody will answer any more."""
        for request_id, future in self._waiting.items():
            if not future.done():
                future.set_result(FrameAt(request_id, None, reason))

    def _release(self, found: FrameAt) -> None:
        if found.handle is not None:
            self._leases.release(found.handle)


class BurstRequests:
    """Bursts that were asked for; used from the event loop alone.

    Args:
        leases: Every picture that is handed over carries a lease; one that nobody takes is
            released.
    """

    def __init__(self, leases: LeaseBook) -> None:
        self._leases = leases
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Queue[BurstPicture | BurstEnded]] = {}

    def open(self) -> int:
        """Begin a burst; its id goes into the order."""
        request_id = next(self._ids)
        self._waiting[request_id] = asyncio.Queue()  # as long as a burst, which is bounded
        return request_id

    async def pictures(self, request_id: int, timeout_s: float) -> Pictures:
        """Each picture as it comes; the caller releases it.

        Raises:
            MediaError: There are fewer than asked for, or nothing came for so long.
        """
        found = self._waiting[request_id]
        try:
            while True:
                try:
                    news = await asyncio.wait_for(found.get(), timeout_s)
                except TimeoutError:
                    raise MediaError(f"No picture of the burst came for {timeout_s:g} s.") from None
                if isinstance(news, BurstPicture):
                    yield news
                    continue
                if news.error or news.lost:
                    raise MediaError(
                        news.error or f"{news.lost} pictures of the burst found no place."
                    )
                return
        finally:
            del self._waiting[request_id]
            while not found.empty():
                left = found.get_nowait()
                if isinstance(left, BurstPicture):
                    self._leases.release(left.handle)

    def settle(self, news: BurstPicture | BurstEnded) -> set[str]:
        """Hand news to whoever waits for it; returns the ring that it lies in."""
        waiting = self._waiting.get(news.request_id)
        if isinstance(news, BurstPicture):
            self._leases.adopt(news.handle)
            if waiting is None:
                self._leases.release(news.handle)
        if waiting is not None:
            waiting.put_nowait(news)
        return {news.handle.ring} if isinstance(news, BurstPicture) else set()

    def fail_all(self, reason: str) -> None:
        """Nobody will answer any more."""
        for request_id, waiting in self._waiting.items():
            waiting.put_nowait(BurstEnded(request_id, error=reason))


@dataclass(slots=True)
class _Clip:
    path: str
    progress: ClipProgress
    accepted: asyncio.Event = field(default_factory=asyncio.Event)
    closed: ClipClosed | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class ClipRequests:
    """Clips that are being written; used from the event loop alone."""

    def __init__(self) -> None:
        self._clips: dict[str, _Clip] = {}

    @property
    def count(self) -> int:
        """Clips that nobody has ended yet."""
        return len(self._clips)

    def open(self, clip_id: str, path: str, from_pts_s: float) -> None:
        """Begin a clip.

        Raises:
            UsageError: There is one of that id.
        """
        if clip_id in self._clips:
            raise UsageError(f"A clip {clip_id} is being written already.")
        self._clips[clip_id] = _Clip(path, ClipProgress(clip_id, from_pts_s, from_pts_s, 0))

    async def accepted(self, clip_id: str, timeout_s: float) -> None:
        """Wait until the capture process writes it.

        Raises:
            MediaError: It cannot, or did not say so in time; the clip is forgotten.
        """
        clip = self._clips[clip_id]
        if not await _is_set(clip.accepted, timeout_s):
            self._clips.pop(clip_id, None)
            raise MediaError(f"The clip {clip.path} was not begun within {timeout_s:g} s.")
        if clip.closed is not None and clip.closed.facts is None:
            self._clips.pop(clip_id, None)
            raise MediaError(clip.closed.error)

    def needs_end(self, clip_id: str) -> bool:
        """Whether the capture process still writes it.

        Raises:
            UsageError: No clip of that id was begun.
        """
        if clip_id not in self._clips:
            raise UsageError(f"No clip {clip_id} is being written.")
        return self._clips[clip_id].closed is None

    async def facts(self, clip_id: str, timeout_s: float) -> ClipFacts:
        """Wait until it is closed; the clip is forgotten either way.

        Raises:
            MediaError: There is nothing to keep, or it was not closed in time.
        """
        clip = self._clips[clip_id]
        try:
            await _is_set(clip.settled, timeout_s)
        finally:
            self._clips.pop(clip_id, None)
        if clip.closed is None:
            raise MediaError(f"The clip {clip.path} was not closed within {timeout_s:g} s.")
        if clip.closed.facts is None:
            raise MediaError(clip.closed.error)
        return clip.closed.facts

    def advance(self, progress: ClipProgress) -> None:
        """Note how far a clip is."""
        clip = self._clips.get(progress.clip_id)
        if clip is not None:
            clip.progress = progress
            clip.accepted.set()

    def settle(self, closed: ClipClosed) -> None:
        """Note how a clip ended; what is said after that about an old connection does not count."""
        clip = self._clips.get(closed.clip_id)
        if clip is not None and clip.closed is None:
            clip.closed = closed
            clip.accepted.set()
            clip.settled.set()

    def lose_all(self, reason: str) -> None:
        """The writer is gone: what it had written of each clip is all there will be."""
        for clip_id, clip in self._clips.items():
            if clip.closed is None:
                facts = replace(_facts_so_far(clip), notes=(f"cut short: {reason}",))
                self.settle(ClipClosed(clip_id, facts if facts.size_bytes else None, reason))


def _facts_so_far(clip: _Clip) -> ClipFacts:
    done = clip.progress
    return ClipFacts(clip.path, done.start_s, done.end_s - done.start_s, done.size_bytes)


async def _is_set(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return False
    return True
