"""Live video of one camera for any number of viewers: fragmented MP4 as the camera compressed it.

One muxer serves everybody. The feed keeps the pictures since the last key frame, so that whoever
comes sees something at once; each viewer has a bounded queue of its own, and one that is too slow
goes on with the next key frame. Pieces are shared, so a queue holds references, not copies.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

GRACE_S = 5.0
"""How long the camera is still watched after the last viewer: a page that is loaded again, a tile
that is scrolled out and back."""

GROUP_MAX_BYTES = 12_000_000
"""Pictures since the last key frame that are kept for those who join; in a longer group they wait
for its end."""

VIEWER_MAX_BYTES = 16_000_000
"""What may wait for one viewer; more than a whole group, which comes at once."""

VIEWER_MAX_AGE_S = 3.0
"""What waited longer for a viewer is not live any more."""

MESSAGE_MAX_BYTES = 1_000_000
"""Pieces that wait together go out together up to this size."""


@dataclass(frozen=True, slots=True)
class VideoStart:
    """A stream begins.

    Args:
        mime: Media type with the codec as RFC 6381 writes it.
        width_px: Width of the picture.
        height_px: Height of the picture.
        init: Initialization segment.
    """

    mime: str
    width_px: int
    height_px: int
    init: bytes

    def text(self) -> str:
        """What a page is told before the initialization segment."""
        return json.dumps(
            {"kind": "init", "mime": self.mime, "width": self.width_px, "height": self.height_px}
        )


@dataclass(frozen=True, slots=True)
class VideoPiece:
    """One picture.

    Args:
        data: A fragment of MP4.
        is_key: Decoding may begin here.
    """

    data: bytes
    is_key: bool


@dataclass(frozen=True, slots=True)
class NoVideo:
    """The video cannot be shown as it is; pictures can.

    Args:
        detail: A sentence that says why.
    """

    detail: str

    def text(self) -> str:
        """What a page is told."""
        return json.dumps({"kind": "state", "state": "unavailable", "detail": self.detail})


class VideoViewer:
    """One who watches: a queue bounded by bytes and by age.

    What it hands out can always be decoded: after each start, and after each loss, comes a key
    frame, and nothing is missing in between.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._head: VideoStart | NoVideo | None = None
        self._pieces: deque[tuple[float, VideoPiece]] = deque()
        self._waiting_bytes = 0
        self._needs_key = True
        self._wake = asyncio.Event()
        self._is_closed = False
        self.dropped = 0

    def begin(self, head: VideoStart | NoVideo) -> None:
        """Another stream: what waits of the one before is of no use."""
        self.dropped += self._clear()
        self._head = head
        self._wake.set()

    def show(self, piece: VideoPiece) -> None:
        """Add a piece, or drop what waits up to the next key frame; never waits."""
        now_s = self._clock()
        is_late = bool(self._pieces) and now_s - self._pieces[0][0] > VIEWER_MAX_AGE_S
        if is_late or self._waiting_bytes + len(piece.data) > VIEWER_MAX_BYTES:
            self.dropped += self._clear()
        if self._needs_key and not piece.is_key:
            self.dropped += 1
            return
        self._needs_key = False
        self._pieces.append((now_s, piece))
        self._waiting_bytes += len(piece.data)
        self._wake.set()

    def close(self) -> None:
        """Let ``next`` end."""
        self._is_closed = True
        self._wake.set()

    async def next(self) -> VideoStart | NoVideo | bytes | None:
        """What comes next: a start, or pieces in one; ``None`` when the feed has closed."""
        while self._head is None and not self._pieces:
            if self._is_closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        if self._head is not None:
            head, self._head = self._head, None
            return head
        taken = [self._take()]
        size = len(taken[0])
        while self._pieces and size + len(self._pieces[0][1].data) <= MESSAGE_MAX_BYTES:
            taken.append(self._take())
            size += len(taken[-1])
        return b"".join(taken)

    def _take(self) -> bytes:
        _, piece = self._pieces.popleft()
        self._waiting_bytes -= len(piece.data)
        return piece.data

    def _clear(self) -> int:
        """Forget what waits and go on with a key frame; how many pieces that were."""
        count = len(self._pieces)
        self._pieces.clear()
        self._waiting_bytes = 0
        self._needs_key = True
        return count


class VideoFeed:
    """The viewers of one camera's video; used from the event loop alone.

    Args:
        on_watched: Told when somebody comes and nobody was there.
        on_left: Told when nobody has been there for ``grace_s``.
        grace_s: How long that is.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        on_watched: Callable[[], None] = lambda: None,
        on_left: Callable[[], None] = lambda: None,
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_watched = on_watched
        self._on_left = on_left
        self._grace_s = grace_s
        self._clock = clock
        self._viewers: set[VideoViewer] = set()
        self._head: VideoStart | NoVideo | None = None
        self._group: list[VideoPiece] = []
        self._group_bytes = 0
        self._leaving: asyncio.TimerHandle | None = None
        self._is_watched = False
        self._is_closed = False
        self._dropped = 0
        self.shown = 0

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._viewers)

    @property
    def dropped(self) -> int:
        """Pieces that slow viewers did not get."""
        return self._dropped + sum(viewer.dropped for viewer in self._viewers)

    @contextmanager
    def watched(self) -> Iterator[VideoViewer]:
        """Watch for the length of the block."""
        viewer = VideoViewer(self._clock)
        if self._is_closed:
            viewer.close()
        else:
            self._join(viewer)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self._dropped += viewer.dropped
            if not self._viewers and not self._is_closed:
                loop = asyncio.get_running_loop()
                self._leaving = loop.call_later(self._grace_s, self._leave)

    def begin(self, head: VideoStart | NoVideo) -> None:
        """Another stream for everybody."""
        if not self._is_watched:
            return
        self._head = head
        self._forget_group()
        for viewer in self._viewers:
            viewer.begin(head)

    def show(self, piece: VideoPiece) -> None:
        """The next piece for everybody; never waits."""
        if not isinstance(self._head, VideoStart):
            return  # on its way when the last viewer left
        self.shown += 1
        self._keep(piece)
        for viewer in self._viewers:
            viewer.show(piece)

    def close(self) -> None:
        """Let every viewer end, and those who still come."""
        self._is_closed = True
        for viewer in self._viewers:
            viewer.close()
        self._leave()

    def _join(self, viewer: VideoViewer) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if not self._is_watched:
            self._is_watched = True
            self._on_watched()
        if self._head is not None:
            viewer.begin(self._head)
            for piece in self._group:
                viewer.show(piece)

    def _leave(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if self._is_watched:
            self._is_watched = False
            self._head = None
            self._forget_group()
            self._on_left()

    def _keep(self, piece: VideoPiece) -> None:
        """Keep the pictures since the last key frame, unless they become too many."""
        if piece.is_key:
            self._forget_group()
        elif not self._group:
            return
        if self._group_bytes + len(piece.data) > GROUP_MAX_BYTES:
            self._forget_group()
            return
        self._group.append(piece)
        self._group_bytes += len(piece.data)

    def _forget_group(self) -> None:
        self._group.clear()
        self._group_bytes = 0
