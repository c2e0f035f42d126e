"""The one loop of a capture process: main's commands, the source's items, heartbeats.

It serves commands wherever it waits, so that a clip can be ended while the ring is full, and a file
that is over still gives clips and pictures.
"""

import time
from collections.abc import Callable

from spyoncino.errors import SourceEndedError
from spyoncino.hardware.source_types import (
    PressCue,
    RawPicture,
    Source,
    SourceItem,
    SubStreamChanged,
)
from spyoncino.hardware.two_streams import SubFacts, TwoStreams
from spyoncino.media.decode import DecodedFrame
from spyoncino.media.packets import MediaPacket
from spyoncino.runtime.capture.burst import BurstClock
from spyoncino.runtime.capture.catch_up import CatchUp
from spyoncino.runtime.capture.feed import Taken
from spyoncino.runtime.capture.idle_gate import GateCounters
from spyoncino.runtime.capture.line import CaptureLine
from spyoncino.runtime.capture.messages import (
    Attend,
    CaptureCounters,
    EndClip,
    EndOfStream,
    Heartbeat,
    Pressed,
    RequestBurst,
    RequestFrame,
    SourceStateChanged,
    StartClip,
    ToChild,
    UnwatchLive,
    WatchLive,
)
from spyoncino.runtime.capture.stall import StallWatch
from spyoncino.runtime.message_pipe import ChildPipe

HEARTBEAT_S = 1.0
SLOT_POLL_S = 0.002
"""How often a lossless run looks for a free slot: far below the 30 ms that a model takes."""

READ_WAIT_S = 0.02
"""Longest wait for the source before main's commands are looked at again: a press asks for pictures
and may take 100 ms in all."""

IDLE_POLL_S = 0.25
"""How long the loop sleeps on the pipe after the end of a file; a command wakes it at once."""


class CaptureLoop:
    """Runs one opened source until main says it is enough.

    Args:
        pipe: The way to main.
        source: Open.
        line: Where its items go.
        is_lossless: Wait for a free slot rather than skip a picture.
        must_leave: Whether to end without main's order.
        utc_origin_s: Wall time of camera time 0, in seconds since 1970; ``None``: taken from the
            clock with the first item, and for a live source with the one that came quickest.
        watch: Tells when a live source stalls; ``None`` for sources that cannot.
    """

    def __init__(
        self,
        pipe: ChildPipe,
        source: Source,
        line: CaptureLine,
        *,
        is_lossless: bool,
        must_leave: Callable[[], bool],
        utc_origin_s: float | None = None,
        watch: StallWatch | None = None,
    ) -> None:
        self._pipe = pipe
        self._source = source
        self._line = line
        self._is_lossless = is_lossless
        self._must_leave = must_leave
        self._is_over = False
        self._beat_due_s = 0.0
        self._utc_origin_s = utc_origin_s
        self._watch = watch
        self._arrival_ns = 0
        self._told_note = ""
        self._catch_up = CatchUp(line.feed.gated, line.publisher) if line.feed.gated else None

    def run(self) -> None:
        """Read and serve until main's order to end.

        Raises:
            SourceError: The source broke, stalled for too long, or changed its size.
            MediaError: A picture could not be converted or encoded.
            PipeClosedError: Main is gone.
        """
        has_ended = False
        while not self._is_over:
            self._tick(IDLE_POLL_S if has_ended else 0.0)
            if has_ended or self._is_over:
                continue
            try:
                item = self._read()
            except SourceEndedError:
                has_ended = True
                self._end_of_source()
            else:
                if isinstance(item, SubStreamChanged):
                    self._change_sub(item)
                elif item is not None:
                    self._take(item)
                self._make_up_for()
                self._look_for_stall()

    def _read(self) -> SourceItem | None:
        """The next item; without waiting while pictures are to be made up for."""
        gated = self._line.feed.gated
        if gated is None or not gated.is_behind:
            return self._source.read(READ_WAIT_S)
        return None if gated.is_full else self._source.read(0.0)

    def _make_up_for(self, *, is_all: bool = False) -> None:
        """Decode and publish what was slept through, for a moment or to its end."""
        if self._catch_up is None:
            return
        for frame, arrival_ns in self._catch_up.frames(self._arrival_ns, is_all=is_all):
            if self._is_over:
                return
            if self._watch:
                self._watch.note([frame])
            if self._line.publisher.chooses(frame):
                while self._catch_up.must_wait and not self._is_over:
                    self._tick(SLOT_POLL_S)
                self._publish(frame, arrival_ns)

    def _look_for_stall(self) -> None:
        change = self._watch.change() if self._watch else None
        if change is not None:
            self._pipe.send(change)

    def _tick(self, wait_s: float) -> None:
        """Serve commands, waiting up to ``wait_s`` for one, and beat when it is time."""
        for command in self._pipe.receive(wait_s):
            self._obey(command)
        now_s = time.monotonic()
        if now_s >= self._beat_due_s:
            self._beat_due_s = now_s + HEARTBEAT_S
            self._pipe.send(Heartbeat(self._counters(), self._line.store.progress()))
        if self._must_leave():
            self._is_over = True

    def _obey(self, command: ToChild) -> None:
        if isinstance(command, StartClip):
            self._line.store.start_clip(command)
        elif isinstance(command, EndClip):
            self._line.store.end_clip(command)
        elif isinstance(command, RequestFrame):
            packets = self._line.store.video_around(command.pts_s)
            self._line.on_demand.request(command.request_id, command.pts_s, packets)
        elif isinstance(command, RequestBurst):
            self._begin_burst(command)
        elif isinstance(command, WatchLive):
            self._line.live.watch()
        elif isinstance(command, UnwatchLive):
            self._line.live.unwatch()
        elif isinstance(command, Attend):
            if self._line.feed.gated:
                self._line.feed.gated.attend(command.for_s)
        else:
            self._is_over = True

    def _begin_burst(self, command: RequestBurst) -> None:
        """A press: what is kept now and what comes next belong to it."""
        ring = self._line.store.ring
        clock = BurstClock(
            ring.newest_s or 0.0, self._arrival_ns or time.monotonic_ns(), self._utc_origin_s or 0.0
        )
        self._line.burst.request(command.request_id, command.order, ring.since, clock)

    def _change_sub(self, change: SubStreamChanged) -> None:
        """Another stream is analysed from now on; main is told why, and when all is well again."""
        self._line.feed.change_sub(change)
        news = self._watch.note_trouble(change.detail) if self._watch else None
        if news is not None:
            self._pipe.send(news)

    def _take(self, item: MediaPacket | RawPicture | PressCue) -> None:
        self._arrival_ns = time.monotonic_ns()
        if self._utc_origin_s is None:
            self._utc_origin_s = time.time() - item.pts_s
        elif self._watch and isinstance(item, MediaPacket) and item.role == "main":
            # What a camera sent while it was looked at arrives late; the quickest packet is right.
            self._utc_origin_s = min(self._utc_origin_s, time.time() - item.pts_s)
        if isinstance(item, PressCue):
            utc_epoch_s = self._utc_origin_s + item.pts_s
            self._pipe.send(Pressed(item.doorbell, item.pts_s, self._arrival_ns, utc_epoch_s))
        else:
            self._pass_on(self._line.feed.take(item))
            self._note_asleep(item)

    def _note_asleep(self, item: SourceItem) -> None:
        """A camera that sleeps has not stalled while its packets come."""
        gated = self._line.feed.gated
        if gated is None or not isinstance(item, MediaPacket) or item.kind != "video":
            return
        if self._catch_up:
            self._catch_up.newest_s = item.pts_s
        if self._watch and gated.gate.is_asleep:
            self._watch.note_asleep()

    def _pass_on(self, taken: Taken) -> None:
        """Keep first, then announce: who asks for an announced picture finds its packets."""
        packets, frames = taken
        if self._line.feed.note != self._told_note:
            self._told_note = self._line.feed.note
            self._pipe.send(SourceStateChanged("live", self._told_note))
        if self._watch:
            self._watch.note(frames, packets)
        for packet in packets:
            self._line.store.keep(packet)
            self._line.live.take(packet)
            self._line.burst.take(packet)
        for frame in frames:
            self._line.burst.see(frame)
            if self._line.publisher.chooses(frame):
                self._publish(frame, self._arrival_ns)

    def _publish(self, frame: DecodedFrame, arrival_ns: int) -> None:
        publisher = self._line.publisher
        while not publisher.publish(frame, arrival_ns, self._utc_origin_s or 0.0):
            if not self._is_lossless or self._is_over:
                publisher.skip()
                return
            self._tick(SLOT_POLL_S)

    def _end_of_source(self) -> None:
        self._make_up_for(is_all=True)
        self._pass_on(self._line.feed.flush())
        self._line.store.end_of_source()
        self._line.burst.end_of_source()
        publisher = self._line.publisher
        self._pipe.send(EndOfStream(publisher.last_pts_s, publisher.decoded))
        self._pipe.send(SourceStateChanged("ended"))

    def _counters(self) -> CaptureCounters:
        line = self._line
        sub = SubFacts()
        if isinstance(self._source, TwoStreams):
            sub = self._source.sub_facts
        return CaptureCounters(
            frames_decoded=line.publisher.decoded,
            frames_published=line.publisher.published,
            frames_skipped=line.publisher.skipped,
            slots_held=line.publisher.ring.held,
            corrupt_packets=line.feed.corrupt_packets,
            packet_ring_bytes=line.store.ring.size_bytes,
            packet_ring_span_s=line.store.ring.span_s,
            cpu_s=time.process_time(),
            live_sent=line.live.sent,
            live_dropped=line.live.dropped,
            gate=line.feed.gated.gate.counters if line.feed.gated else GateCounters(),
            sub_losses=sub.losses,
            sub_drift_s=sub.drift_s,
        )
