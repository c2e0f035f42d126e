"""One camera as main sees it: frames, presses and states in; clips and pictures on demand.

A capture process that dies, hangs or gives up is replaced with growing pauses; what it had written
of open clips is kept. A lossless run is not continued by another process, which would begin at the
first frame again: it ends with a reason.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from spyoncino.clock import Clock
from spyoncino.errors import MediaError
from spyoncino.media.clip_writer import ClipFacts
from spyoncino.runtime.capture.messages import (
    Attend,
    BurstEnded,
    BurstOrder,
    BurstPicture,
    CaptureCounters,
    CaptureMessage,
    ClipClosed,
    ClipProgress,
    EndClip,
    EndOfStream,
    FrameAt,
    FrameReady,
    FromChild,
    Heartbeat,
    RequestBurst,
    RequestFrame,
    Shutdown,
    SourceFailed,
    SourceOpened,
    SourceState,
    SourceStateChanged,
    StartClip,
)
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.capture_gaps import GapMeter
from spyoncino.runtime.capture_limits import CaptureLimits, CaptureStats
from spyoncino.runtime.capture_link import CaptureLink
from spyoncino.runtime.capture_requests import BurstRequests, ClipRequests, FrameRequests, Pictures
from spyoncino.runtime.capture_rings import CaptureRings
from spyoncino.runtime.children import ChildStarter
from spyoncino.runtime.frame_ring import FrameHandle, SlotRef
from spyoncino.runtime.inbox import Inbox
from spyoncino.runtime.leases import LeaseBook
from spyoncino.runtime.live_watch import LiveWatch
from spyoncino.runtime.silence import Patience, SilenceMeter, is_working

_LOG = logging.getLogger(__name__)


class CaptureHandle:
    """Runs and serves the capture process of one camera; used from the event loop alone.

    Args:
        spec: The camera.
        folder: The run's folder in shared memory.
        starter: Starts the process.
        leases: Counts who holds which picture.
        clock: Source of time for pauses.
        limits: How patient to be.
    """

    def __init__(
        self,
        spec: CaptureSpec,
        folder: Path,
        starter: ChildStarter,
        leases: LeaseBook,
        clock: Clock,
        limits: CaptureLimits,
    ) -> None:
        self.spec = spec
        self.live = LiveWatch()
        self._folder = folder
        self._starter = starter
        self._leases = leases
        self._clock = clock
        self._limits = limits
        self._inbox: Inbox[CaptureMessage] = Inbox(limits.inbox, self._on_full, self._on_room)
        self._frames = FrameRequests(leases)
        self._bursts = BurstRequests(leases)
        self._clips = ClipRequests()
        self._link: CaptureLink | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop_wanted = asyncio.Event()
        self._is_over = False
        self._failure = ""
        self._lives = 0
        self._rings = CaptureRings(folder, spec.camera_id, leases)
        self._last_frame: FrameReady | None = None
        self._state: SourceState = "off"
        self._last_error = ""
        self._counters = CaptureCounters()
        self._gaps = GapMeter(spec.source.stall_s)
        self._attends_until_ns = 0

    @property
    def camera_id(self) -> str:
        """Name of the camera."""
        return self.spec.camera_id

    async def start(self) -> None:
        """Start the process and watch over it; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(
                self._supervise(), name=f"supervise capture {self.camera_id}"
            )

    async def stop(self) -> None:
        """Close open clips, end the process and let ``messages`` end; may be called twice."""
        self._stop_wanted.set()
        if self._link is not None:
            self._link.send(Shutdown())
            self._link.resume()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._limits.stop_s)
            if self._link is not None:
                self._link.kill()
            await self._task
            await asyncio.to_thread(self._rings.remove)
        for message in self._inbox.close():
            if isinstance(message, FrameReady):
                self.release(message.handle)

    async def messages(self) -> AsyncIterator[CaptureMessage]:
        """Everything the camera tells, in order, until ``stop``; for one consumer.

        Every ``FrameReady`` carries one lease: ``release`` its handle when done with it. A consumer
        that does not keep up makes a live camera skip frames, and a lossless one wait.
        """
        while (message := await self._inbox.get()) is not None:
            yield message

    def hold(self, ref: SlotRef) -> None:
        """Add a lease to a picture that is held; see ``LeaseBook.hold``."""
        self._leases.hold(ref)

    def release(self, ref: SlotRef) -> None:
        """End a lease; see ``LeaseBook.release``."""
        self._leases.release(ref)

    def attend(self, for_s: float) -> None:
        """Let a camera that sleeps decode every picture for a while, and those just before.

        May be called with every frame: the process is told again when half of the time is over.
        """
        now_ns = self._clock.monotonic_ns()
        if self._link is None or self._attends_until_ns - now_ns > for_s * 1e9 / 2:
            return
        self._attends_until_ns = now_ns + round(for_s * 1e9)
        self._link.send(Attend(for_s))

    async def frame_at(self, pts_s: float, timeout_s: float = 5.0) -> FrameHandle:
        """The full-size picture shown at a moment of the last seconds; the caller releases it.

        Raises:
            MediaError: Its packets are gone, it cannot be decoded, or not in time.
        """
        link = self._running_link()
        request_id = self._frames.open()
        link.send(RequestFrame(request_id, pts_s))
        return await self._frames.answer(request_id, timeout_s)

    def burst(self, order: BurstOrder, timeout_s: float = 10.0) -> Pictures:
        """Full-size pictures around a press, in the order of time, as soon as each is there.

        Close the iterator, or read it to its end; the caller releases each picture's handle.

        Args:
            order: Which pictures.
            timeout_s: How long to wait for each.

        Raises:
            MediaError: The camera does not run; while iterating: some are missing, and why.
        """
        link = self._running_link()
        request_id = self._bursts.open()
        link.send(RequestBurst(request_id, order))
        return self._bursts.pictures(request_id, timeout_s)

    async def start_clip(self, clip_id: str, path: str, from_pts_s: float) -> None:
        """Write a clip that begins at the last key frame at or before a moment.

        Args:
            clip_id: Names it in ``end_clip``.
            path: Absolute path of the growing file.
            from_pts_s: The moment; earlier than what is kept begins with what is kept.

        Raises:
            MediaError: The disk refused, or the camera is not running.
            UsageError: A clip of that id is being written.
        """
        link = self._running_link()
        self._clips.open(clip_id, path, from_pts_s)
        link.send(StartClip(clip_id, path, from_pts_s))
        await self._clips.accepted(clip_id, self._limits.answer_s)

    async def end_clip(self, clip_id: str, to_pts_s: float, timeout_s: float = 30.0) -> ClipFacts:
        """Close a clip when everything shown before a moment is in it, and say what it became.

        Args:
            clip_id: The id it was started with.
            to_pts_s: The moment; the clip may hold more, cut it with ``finish_clip``.
            timeout_s: How long to wait for the moment and for the disk.

        Raises:
            MediaError: Nothing was written, or it was not closed in time.
            UsageError: No clip of that id was begun.
        """
        if self._clips.needs_end(clip_id) and self._link is not None:
            self._link.send(EndClip(clip_id, to_pts_s))
        return await self._clips.facts(clip_id, timeout_s)

    def stats(self) -> CaptureStats:
        """The camera in numbers; counters are at most a heartbeat old."""
        return CaptureStats(
            state=self._state,
            pid=self._link.pid if self._link else None,
            restarts=max(0, self._lives - 1),
            open_clips=self._clips.count,
            last_error=self._last_error,
            counters=self._counters,
            gaps=self._gaps.count,
            lost_s=self._gaps.lost_s(self._clock.monotonic_ns()),
        )

    def _running_link(self) -> CaptureLink:
        if self._link is None:
            raise MediaError(f"Camera '{self.camera_id}' is not running at the moment.")
        return self._link

    async def _supervise(self) -> None:
        """One life after the other until the camera is over or stopped."""
        pause_s = self._limits.first_pause_s
        while not self._stop_wanted.is_set():
            began_ns = self._clock.monotonic_ns()
            ending = await self._live()
            if self._stop_wanted.is_set():
                break
            self._last_error = ending
            _LOG.warning("%s", ending)
            if self._is_over:
                break
            if self.spec.is_lossless:
                self._end_early(ending)
                break
            if self._clock.monotonic_ns() - began_ns > self._limits.stable_s * 1e9:
                pause_s = self._limits.first_pause_s
            self._change_state("retrying", f"{ending} Next try in {pause_s:g} s.")
            await self._pause(pause_s)
            await asyncio.to_thread(self._rings.remove)
            pause_s = min(2 * pause_s, self._limits.longest_pause_s)
        self._state = "off"

    async def _live(self) -> str:
        """One life of the process, from its start until it is gone; how it ended, in a sentence."""
        self._failure = ""
        self._lives += 1
        whose = f"The capture process of camera '{self.camera_id}'"
        try:
            self._link = await CaptureLink.open(
                self.spec, self._folder, self._starter, self.live.take, self._on_message
            )
        except OSError as error:
            return f"{whose} cannot be started: {error.strerror}."
        link = self._link
        self.live.join(link.send)
        if self._stop_wanted.is_set():
            link.send(Shutdown())
        silent_for_s = await self._watch(link)
        self.live.leave()
        ending = await link.reap(self._limits.stop_s)
        self._link = None
        if silent_for_s is not None:
            ending = f"said nothing for {silent_for_s:g} s and was killed"
        sentence = self._failure or f"{whose} {ending}."
        self._after_life(sentence)
        return sentence

    async def _watch(self, link: CaptureLink) -> float | None:
        """Wait until the process is gone; after how long a silence it had to be killed for that."""
        limits, meter = self._limits, SilenceMeter()
        usual = Patience(limits.silence_s, max(limits.silence_s, limits.busy_silence_s))
        first = Patience(limits.start_s, limits.start_s)
        while not link.gone.done():
            patience = usual if link.has_spoken else first
            await asyncio.wait({link.gone}, timeout=patience.look_s)
            was_heard = link.take_heard()
            busy = not was_heard and await asyncio.to_thread(is_working, link.pid)
            silent_for_s = meter.look(patience, was_heard=was_heard, is_working=busy)
            if silent_for_s is not None and not link.gone.done():
                link.kill()
                await link.gone
                return silent_for_s
        return None

    def _after_life(self, reason: str) -> None:
        """Nobody answers any more: tell those who wait, let leases run out."""
        self._clips.lose_all(reason)
        self._after_connection(reason)

    def _after_connection(self, reason: str) -> None:
        """The pictures so far will not be asked for again: clips were closed by the process."""
        self._frames.fail_all(reason)
        self._bursts.fail_all(reason)
        self._rings.retire()

    def _end_early(self, reason: str) -> None:
        last = self._last_frame
        pts_s, count = (last.pts_s, last.frame_index + 1) if last else (0.0, 0)
        self._is_over = True
        self._inbox.put(EndOfStream(pts_s, count, reason))
        self._change_state("off", reason)

    def _change_state(self, state: SourceState, detail: str) -> None:
        self._state = state
        change = SourceStateChanged(state, detail)
        self._inbox.put(self._gaps.told(change, self._clock.monotonic_ns()))

    async def _pause(self, pause_s: float) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep(pause_s))
        stop = asyncio.ensure_future(self._stop_wanted.wait())
        await asyncio.wait({sleep, stop}, return_when=asyncio.FIRST_COMPLETED)
        sleep.cancel()
        stop.cancel()

    def _take_frame(self, frame: FrameReady) -> None:
        self._rings.note(frame.handle.ring)
        self._leases.adopt(frame.handle)
        self._last_frame = frame
        self._gaps.note_picture(self._clock.monotonic_ns())
        self._inbox.put(frame)

    def _take_answer(self, answer: FrameAt) -> None:
        if answer.handle is not None:
            self._rings.note(answer.handle.ring)
        self._frames.settle(answer)

    def _on_full(self) -> None:
        if self._link is not None:
            self._link.pause()

    def _on_room(self) -> None:
        if self._link is not None:
            self._link.resume()

    def _on_message(self, message: FromChild) -> None:
        match message:
            case FrameReady():
                self._take_frame(message)
            case FrameAt():
                self._take_answer(message)
            case BurstPicture() | BurstEnded():
                self._rings.note(*self._bursts.settle(message))
            case Heartbeat() | ClipProgress() | ClipClosed():
                self._note(message)
            case SourceFailed():
                self._failure = message.detail
                if message.traceback:
                    _LOG.error("%s\n%s", message.detail, message.traceback)
            case _:
                if isinstance(message, SourceStateChanged):
                    self._take_state(message)
                    message = self._gaps.told(message, self._clock.monotonic_ns())
                elif isinstance(message, SourceOpened):
                    self._rings.opened(message.ring)
                self._is_over = self._is_over or isinstance(message, EndOfStream)
                self._inbox.put(message)

    def _take_state(self, message: SourceStateChanged) -> None:
        """Note a state that the process tells; after a lost connection its memory is given back."""
        self._state = message.state
        if message.state != "retrying":
            return
        self._last_error = message.detail
        self._after_connection(message.detail)
        lost = self._rings.take_lost_connection()
        if lost:
            asyncio.get_running_loop().run_in_executor(None, self._rings.remove, lost)

    def _note(self, message: Heartbeat | ClipProgress | ClipClosed) -> None:
        if isinstance(message, Heartbeat):
            self._counters = message.counters
            for progress in message.clips:
                self._clips.advance(progress)
        elif isinstance(message, ClipProgress):
            self._clips.advance(message)
        else:
            self._clips.settle(message)
