"""The pictures of a press: from before it, out of the kept packets, and on until after it.

While the camera's own decoder shows every picture at full size, a burst takes them from it: those
from before the press are at hand. Where it sleeps, or another stream is analysed, a second decoder
walks once from the key frame before the first picture to the last one, and goes on with the packets
as they arrive. A thread of its own does it, so that neither the loop nor somebody else's picture
holds up a press.
"""

import contextlib
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from spyoncino.errors import MediaError, SpyoncinoError
from spyoncino.media.decode import DecodedFrame, FrameDecoder
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.media.pictures import analysis_size, i420_size_bytes, write_i420
from spyoncino.runtime.capture.full_size_ring import FullSizeRing
from spyoncino.runtime.capture.messages import BurstEnded, BurstOrder, BurstPicture
from spyoncino.runtime.frame_ring import FrameRing
from spyoncino.runtime.message_pipe import PipeClosedError

PATIENCE_S = 3.0
"""So long after its last moment a burst whose packets do not come is over: the camera stalled."""

FRESH_S = 0.5
"""A camera whose newest decoded picture is so much older than its newest packet sleeps."""

SLOT_WAIT_S = 1.0
SLOT_POLL_S = 0.005
"""A picture waits so long for a place, looking so often: readers hold one for 0.1 to 0.3 s."""

DECODER_THREADS = 2
"""The way from the key frame to the press is what a press waits for; two threads halve it."""


@dataclass(frozen=True, slots=True)
class RecentSpec:
    """Which decoded pictures are kept at hand: those of the last ``keep_s``, ``every_s`` apart."""

    keep_s: float
    every_s: float


@dataclass(frozen=True, slots=True)
class BurstClock:
    """How camera time stands to the others while a burst is asked for.

    Args:
        newest_s: Camera time of the newest packet.
        monotonic_ns: When that arrived.
        utc_origin_s: Wall time of camera time 0, in seconds since 1970.
    """

    newest_s: float
    monotonic_ns: int
    utc_origin_s: float


def moments_of(order: BurstOrder, pts_s: float) -> list[float]:
    """Camera times of a burst's pictures, rising, at equal distances.

    Args:
        order: What is asked for.
        pts_s: Camera time of the press.
    """
    before = math.floor(order.before_s / order.interval_s + 1e-6)
    return [pts_s + each * order.interval_s for each in range(-before, order.count)]


class _Walk:
    """One burst on its way."""

    def __init__(
        self, request_id: int, moments: Sequence[float], clock: BurstClock, frame_s: float
    ) -> None:
        self.request_id = request_id
        self.clock = clock
        self.items: queue.SimpleQueue[MediaPacket | DecodedFrame | None] = queue.SimpleQueue()
        self.is_fed = False
        self.is_decoded = False
        self.deadline_s = time.monotonic() + max(0.0, moments[-1] - clock.newest_s) + PATIENCE_S
        self.number = 0
        self.lost = 0
        self._moments = list(moments)
        self._slack_s = 0.5 * frame_s
        self._last_s = moments[-1]

    @property
    def is_done(self) -> bool:
        """Whether every moment has its picture."""
        return not self._moments

    def feed(self, packet: MediaPacket) -> None:
        """Take a packet; in the loop's thread. Everything shown by the end is fed, no more."""
        self.items.put(packet)
        if packet.dts_s > self._last_s + self._slack_s:
            self.end()

    def show(self, frame: DecodedFrame) -> None:
        """Take a decoded picture; in the loop's thread. What no moment wants is let go at once."""
        if self.wants(frame):
            self.items.put(frame)
        if self.is_done:
            self.end()

    def end(self) -> None:
        """No packet follows: the decoder gives what it holds back."""
        self.is_fed = True
        self.items.put(None)

    def wants(self, frame: DecodedFrame) -> bool:
        """Whether this picture is the first at or after a moment; a slow camera shares pictures."""
        if not self._moments or frame.pts_s < self._moments[0] - self._slack_s:
            return False
        while self._moments and self._moments[0] - self._slack_s <= frame.pts_s:
            self._moments.pop(0)
        return True


class BurstFrames:
    """Answers one ``RequestBurst`` at a time; used from the loop's thread, works in its own.

    The shared memory is taken with the first burst.

    Args:
        folder: The run's folder in shared memory.
        name: Prefix of the ring files.
        slots: Pictures that may be held at once.
        video: Format of the packets.
        tell: Sends a message to main; called from both threads.
        recent: Which decoded pictures are kept at hand for a press; ``None`` keeps none, and every
            burst is a walk.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        slots: int,
        video: VideoFormat,
        tell: Callable[[BurstPicture | BurstEnded], None],
        recent: RecentSpec | None = None,
    ) -> None:
        self._recent_spec = recent
        self._recent: deque[DecodedFrame] = deque()
        self._video = video
        self._tell_main = tell
        self._ring = FullSizeRing(folder, f"{name}-burst", slots)
        self._walk: _Walk | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = threading.Event()

    def request(
        self,
        request_id: int,
        order: BurstOrder,
        packets_since: Callable[[float], list[MediaPacket]],
        clock: BurstClock,
    ) -> None:
        """Begin a burst.

        Args:
            request_id: Repeated in every answer.
            order: Which pictures.
            packets_since: Kept packets from the key frame at or before a moment on.
            clock: How camera time stands to the others.
        """
        moments = moments_of(order, clock.newest_s if order.pts_s is None else order.pts_s)
        if self._thread is not None and self._thread.is_alive():
            self._tell(BurstEnded(request_id, error="Another burst is being taken."))
            return
        if not moments:
            self._tell(BurstEnded(request_id))
            return
        walk = self._walk = _Walk(request_id, moments, clock, self._video.frame_s)
        if self._is_awake(clock, moments[0]):
            walk.is_decoded = True
            for frame in tuple(self._recent):
                if not walk.is_fed:
                    walk.show(frame)
        for packet in () if walk.is_decoded else packets_since(moments[0]):
            if packet.kind == "video" and not walk.is_fed:
                walk.feed(packet)
        self._thread = threading.Thread(target=self._run, args=(walk,), name="burst", daemon=True)
        self._thread.start()

    def see(self, frame: DecodedFrame) -> None:
        """The camera's decoder shows a picture of the main stream."""
        walk = self._walk
        if walk is not None and walk.is_decoded:
            if not walk.is_fed:
                walk.show(frame)
            if walk.is_fed:
                self._walk = None
        spec = self._recent_spec
        if spec is None:
            return
        apart_s = spec.every_s - 0.5 * self._video.frame_s
        kept = self._recent
        if len(kept) >= 2 and kept[-1].pts_s - kept[-2].pts_s < apart_s:
            kept.pop()  # the newest was at hand; now another one is
        kept.append(frame)
        while frame.pts_s - self._recent[0].pts_s > spec.keep_s + spec.every_s:
            self._recent.popleft()

    def _is_awake(self, clock: BurstClock, first_s: float) -> bool:
        """Whether the camera's decoder shows everything since the first moment of a burst."""
        if not self._recent or clock.newest_s - self._recent[-1].pts_s > FRESH_S:
            return False
        times = [each.pts_s for each in self._recent]
        gaps = [after - before for before, after in pairwise(times)]
        return times[0] <= first_s + self._video.frame_s and max(gaps, default=0.0) <= FRESH_S

    def take(self, packet: MediaPacket) -> None:
        """A packet was kept; it may belong to the burst."""
        walk = self._walk
        if walk is None or walk.is_decoded or packet.kind != "video":
            return
        if not walk.is_fed:
            walk.feed(packet)
        if walk.is_fed:
            self._walk = None

    def end_of_source(self) -> None:
        """No packet follows: a burst ends with what there is."""
        self._recent.clear()
        walk, self._walk = self._walk, None
        if walk is not None and not walk.is_fed:
            walk.end()

    def close(self) -> None:
        """Stop after the picture at hand."""
        self._is_closed.set()
        self.end_of_source()
        if self._thread is not None:
            self._thread.join()
        self._ring.close()

    def _run(self, walk: _Walk) -> None:
        error = ""
        try:
            self._go(walk)
        except SpyoncinoError as failure:
            error = str(failure)
        except (OSError, ValueError) as failure:
            error = f"The burst could not be decoded ({type(failure).__name__}: {failure})."
        self._tell(BurstEnded(walk.request_id, walk.lost, error))

    def _go(self, walk: _Walk) -> None:
        decoder = FrameDecoder(self._video, DECODER_THREADS)
        while not (walk.is_done and not walk.is_decoded) and not self._is_closed.is_set():
            try:
                item = walk.items.get(timeout=max(0.0, walk.deadline_s - time.monotonic()))
            except queue.Empty:
                raise MediaError("The camera sent nothing more for the burst.") from None
            if isinstance(item, DecodedFrame):
                self._show(walk, item)
                continue
            for frame in decoder.flush() if item is None else decoder.decode(item):
                if walk.wants(frame) and not self._is_closed.is_set():
                    self._show(walk, frame)
            if item is None:
                break
        if self._is_closed.is_set() and not walk.is_done:
            raise MediaError("The camera's connection ended during the burst.")

    def _show(self, walk: _Walk, frame: DecodedFrame) -> None:
        picture = frame.picture
        width_px, height_px = analysis_size(picture.width, picture.height, picture.width)
        ring = self._ring.for_bytes(i420_size_bytes(width_px, height_px))
        slot = self._slot_of(ring)
        if slot is None:
            walk.lost += 1
            return
        out = ring.picture(slot, width_px, height_px)
        write_i420(picture, width_px, height_px, out, is_colour_exact=True)
        clock = walk.clock
        self._tell(
            BurstPicture(
                request_id=walk.request_id,
                number=walk.number,
                handle=ring.publish(slot, width_px, height_px),
                pts_s=frame.pts_s,
                monotonic_ns=clock.monotonic_ns + round((frame.pts_s - clock.newest_s) * 1e9),
                utc_epoch_s=clock.utc_origin_s + frame.pts_s,
            )
        )
        walk.number += 1

    def _slot_of(self, ring: FrameRing) -> int | None:
        until_s = time.monotonic() + SLOT_WAIT_S
        while (slot := ring.claim()) is None:
            if time.monotonic() >= until_s or self._is_closed.wait(SLOT_POLL_S):
                return None
        return slot

    def _tell(self, message: BurstPicture | BurstEnded) -> None:
        with contextlib.suppress(PipeClosedError):
            self._tell_main(message)
