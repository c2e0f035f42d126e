"""A camera's main stream and its second, smaller one as one source with one time.

The main stream is the camera: its faults are the source's. The second one may fail, fall silent
and come back; the source goes on and says so with ``SubStreamChanged``.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from spyoncino.errors import SourceError, SourceRefusedError
from spyoncino.hardware.backoff import Backoff
from spyoncino.hardware.source_types import (
    Source,
    SourceFormat,
    SourceItem,
    SubStreamChanged,
)
from spyoncino.hardware.stream_alignment import MAX_APART_S, StreamAlignment
from spyoncino.hardware.sub_link import SubLink
from spyoncino.media.packets import MediaPacket, VideoFormat

SUB_GRACE_S = 3.0
"""Longest that an open main stream waits for the second one to say its size; they are opened at
the same time, and one that answers at all does so in the time of the other."""

MAX_HELD = 600
"""Packets of the second stream held until its times are known: as many as a camera reads ahead."""

LOOK_S = 0.1
"""How often a long wait looks whether the second stream is due."""


class LiveStream(Source, Protocol):
    """A source that tells when it has something, so that two can be waited for."""

    on_news: Callable[[], None]


@dataclass(frozen=True, slots=True)
class SubFacts:
    """The second stream in numbers.

    Args:
        losses: Times that it was live and then lost, in this connection.
        shift_s: Added to its times, so that they are those of the main stream.
        drift_s: How far that has moved since it was found.
    """

    losses: int = 0
    shift_s: float = 0.0
    drift_s: float = 0.0


class TwoStreams:
    """Packets of both streams; all times are the main stream's. Used from one thread.

    Args:
        main: Not open yet.
        make_sub: Makes the second stream anew for each try.
        stall_s: Seconds after which a silent second stream is given up, if the main one goes on.
        pauses: Between tries of the second stream.
        now_s: Monotonic seconds, the scale of ``MediaPacket.arrival_ns``.
    """

    def __init__(
        self,
        main: LiveStream,
        make_sub: Callable[[], LiveStream],
        stall_s: float,
        pauses: Backoff | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._main = main
        self._make_sub = make_sub
        self._link = SubLink(stall_s, pauses, now_s)
        self._alignment = StreamAlignment()
        self._news = threading.Event()
        self._attempt: _Attempt | None = None
        self._sub: LiveStream | None = None
        self._video: VideoFormat | None = None
        self._held: deque[MediaPacket] = deque()
        self._notices: deque[SubStreamChanged] = deque()
        self._told = ""
        self._is_main_alone = False
        main.on_news = self._news.set

    @property
    def sub_facts(self) -> SubFacts:
        """The second stream in numbers."""
        return SubFacts(self._link.losses, self._alignment.shift_s, self._alignment.drift_s)

    def open(self) -> SourceFormat:
        """Connect to both at the same time; only the main stream must be there.

        Raises:
            SourceError: The main stream cannot be opened.
        """
        self._attempt = _Attempt(self._make_sub(), self._news.set)
        try:
            opened = self._main.open()
        except SourceError:
            self.close()
            raise
        if opened.video is None or not opened.video.is_kept:
            codec = opened.video.codec if opened.video else "raw"
            self._is_main_alone = True
            self._let_sub_go()
            self._tell(
                f"The main stream is {codec}, which is decoded and encoded anyway, so the sub "
                f"stream is not used; set the main stream to H.264 or leave the sub stream out."
            )
            return opened
        self._attempt.is_over.wait(SUB_GRACE_S)
        self._look_at_attempt()
        return replace(opened, sub=self._video)

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        """The next packet of either stream, the main one's first; see ``Source.read``."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._news.clear()
            item = self._next()
            if item is not None:
                return item
            left_s = LOOK_S if until_s is None else min(LOOK_S, until_s - time.monotonic())
            if left_s <= 0:
                return None
            self._news.wait(left_s)

    def close(self) -> None:
        """Let go of both."""
        self._is_main_alone = True
        self._let_sub_go()
        self._main.close()

    def give_up_sub(self, reason: str) -> None:
        """The second stream is of no use as it is: analyse the main one, and try again later.

        Args:
            reason: Why, in a sentence.
        """
        if self._link.state in ("settling", "live"):
            self._lose(reason)

    def _next(self) -> SourceItem | None:
        if self._notices:
            return self._notices.popleft()
        packet = self._main.read(0)
        if isinstance(packet, MediaPacket):
            return self._from_main(packet)
        if self._is_main_alone:
            return packet
        self._look_at_sub()
        if self._notices:
            return self._notices.popleft()
        if self._link.state == "live" and self._held:
            packet = self._held.popleft()
            return packet.moved(self._alignment.next_shift_s(packet.dts_s))
        return None

    def _from_main(self, packet: MediaPacket) -> MediaPacket:
        if packet.kind == "video" and not self._is_main_alone:
            arrival_s = packet.arrival_ns / 1e9
            self._alignment.note_main(arrival_s, packet.pts_s, is_key=packet.is_key)
            if self._link.main_heard(arrival_s) and not self._held:
                self._look_at_sub()
                if self._link.main_heard(arrival_s):
                    self._lose("It fell silent while the main stream went on.")
        return packet

    def _look_at_sub(self) -> None:
        """Take what the second stream has, and whatever follows from it."""
        self._look_at_attempt()
        if self._link.is_due:
            self._link.retry()
            self._attempt = _Attempt(self._make_sub(), self._news.set)
        if self._sub is None:
            return
        try:
            while len(self._held) < MAX_HELD:
                item = self._sub.read(0)
                if item is None:
                    break
                self._hold(item)
        except SourceError as error:
            self._lose(str(error))
            return
        is_full = len(self._held) >= MAX_HELD
        if self._link.state == "settling" and (self._alignment.is_settled or is_full):
            self._link.settled()
            self._tell("", self._video)
        elif abs(self._alignment.apart_s) > MAX_APART_S:
            self._lose(f"Its times jumped by {self._alignment.apart_s:.1f} s.")

    def _hold(self, item: SourceItem) -> None:
        if not isinstance(item, MediaPacket) or item.kind != "video":
            return
        self._link.sub_heard()
        self._alignment.note_sub(item.arrival_ns / 1e9, item.pts_s, is_key=item.is_key)
        self._held.append(replace(item, role="sub"))

    def _look_at_attempt(self) -> None:
        attempt = self._attempt
        if attempt is None or not attempt.is_over.is_set():
            return
        self._attempt = None
        if attempt.opened is None or attempt.opened.video is None:
            is_refused = isinstance(attempt.error, SourceRefusedError)
            self._lose(str(attempt.error or "It failed; see the log."), is_refused=is_refused)
            return
        self._sub, self._video = attempt.stream, attempt.opened.video
        self._alignment.begin(is_held_back=self._video.is_kept)
        self._link.opened()

    def _lose(self, reason: str, *, is_refused: bool = False) -> None:
        self._link.lost(is_refused=is_refused)
        self._let_sub_go()
        self._tell(
            f"The sub stream is missing ({reason.rstrip('.')}); the main stream is analysed in its "
            f"place, and the sub stream is tried again."
        )

    def _let_sub_go(self) -> None:
        if self._attempt is not None:
            self._attempt.abandon()
            self._attempt = None
        if self._sub is not None:
            self._sub.close()
        self._sub = self._video = None
        self._held.clear()

    def _tell(self, detail: str, video: VideoFormat | None = None) -> None:
        """Queue a notice; the same trouble is told once."""
        if video is not None or detail != self._told:
            self._told = detail
            self._notices.append(SubStreamChanged(video, detail))


class _Attempt:
    """One try to open a stream, in a thread of its own, for nothing can interrupt it.

    Args:
        stream: Not open yet.
        on_news: Called when it is over.
    """

    def __init__(self, stream: LiveStream, on_news: Callable[[], None]) -> None:
        self.stream = stream
        self.opened: SourceFormat | None = None
        self.error: SourceError | None = None
        self.is_over = threading.Event()
        self._on_news = on_news
        self._lock = threading.Lock()
        self._is_abandoned = False
        stream.on_news = on_news
        threading.Thread(target=self._run, name="connect sub stream", daemon=True).start()

    def abandon(self) -> None:
        """Nobody wants the stream any more: close it, now or as soon as it is open."""
        with self._lock:
            self._is_abandoned = True
            if self.opened is not None:
                self.stream.close()

    def _run(self) -> None:
        try:
            opened = self.stream.open()
            with self._lock:
                self.opened = opened
                if self._is_abandoned:
                    self.stream.close()
        except SourceError as error:
            self.error = error
        finally:
            self.is_over.set()
            self._on_news()
