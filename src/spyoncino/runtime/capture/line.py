"""The parts that an opened source flows through, put together from a camera's settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spyoncino.detectors.motion_factory import build_motion_detector
from spyoncino.detectors.motion_spec import MotionDetector
from spyoncino.errors import RingFullError
from spyoncino.hardware.source_types import SourceFormat
from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.pictures import analysis_size, i420_size_bytes
from spyoncino.runtime.capture.analysed_stream import SubPackets
from spyoncino.runtime.capture.burst import BurstFrames, RecentSpec
from spyoncino.runtime.capture.feed import SourceFeed
from spyoncino.runtime.capture.frame_publisher import EvenPace, FramePublisher
from spyoncino.runtime.capture.gate_watch import GateWatch
from spyoncino.runtime.capture.idle_gate import IdleGate
from spyoncino.runtime.capture.live_view import LiveView
from spyoncino.runtime.capture.looking import PictureLooking
from spyoncino.runtime.capture.messages import FromChild, SourceOpened
from spyoncino.runtime.capture.on_demand import OnDemandFrames
from spyoncino.runtime.capture.packet_store import PacketStore
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.frame_ring import FrameRing

USUAL_SUB_WIDTH_PX = 640
"""Assumed for a second stream that did not answer yet: what most cameras offer as 640x360."""

MIN_SLOTS = 2
"""One picture in main's hands and one being written."""


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """Where packets and pictures of one source go.

    Args:
        feed: Makes packets to keep and pictures of what the source delivers.
        store: Keeps the packets.
        publisher: Announces the pictures chosen for analysis.
        on_demand: Decodes full-size pictures of the last seconds.
        burst: Decodes the full-size pictures of a press.
        opened: What main is told about the source.
        live: The live view, which outlasts the line.
    """

    feed: SourceFeed
    store: PacketStore
    publisher: FramePublisher
    on_demand: OnDemandFrames
    burst: BurstFrames
    opened: SourceOpened
    live: LiveView

    @property
    def sub(self) -> SubPackets | None:
        """The second stream's last packets, while there is one."""
        return self.feed.analysed.sub if self.feed.analysed else None

    def close(self) -> None:
        """Close every clip as far as it is written and let go of the memory."""
        self.live.disconnect()
        self.store.close()
        self.on_demand.close()
        self.burst.close()
        self.publisher.ring.close()


def build_line(
    spec: CaptureSpec,
    source: SourceFormat,
    folder: Path,
    name: str,
    tell: Callable[[FromChild], None],
    live: LiveView | None = None,
) -> CaptureLine:
    """Build the parts for an opened source.

    Args:
        spec: The camera's settings.
        source: What the source delivers.
        folder: The run's folder in shared memory.
        name: Prefix of the ring files, unique within the folder.
        tell: Sends a message to main.
        live: The process's live view; ``None`` where nobody can watch.

    Raises:
        SourceError: There is no decoder for the source's codec.
        MediaError: Its pictures cannot be encoded.
        RingFullError: Shared memory is too small.
    """
    feed = SourceFeed(source, spec.decoder)
    size_px = analysis_size(source.width_px, source.height_px, _analysis_width_px(spec, source))
    frames = FrameRing.create(
        folder, f"{name}-frames", _slots(spec, size_px), i420_size_bytes(*size_px)
    )
    note = f"encoded to H.264 from {feed.codec}" if feed.is_encoded else ""
    ring = PacketRing(spec.packet_ring_s, spec.packet_ring_max_bytes)
    opened = SourceOpened(
        width_px=source.width_px,
        height_px=source.height_px,
        fps=source.fps,
        codec=feed.codec,
        is_encoded=feed.is_encoded,
        has_audio=source.audio is not None,
        analysis_width_px=size_px[0],
        analysis_height_px=size_px[1],
        ring=frames.path,
        slots=frames.slots,
    )
    motion = build_motion_detector(spec.motion, spec.masks) if spec.motion else None
    live = live or LiveView()
    live.connect(feed.video, ring)
    if motion is not None and spec.idle_gate is not None and spec.source.sub is None:
        gate = IdleGate(spec.idle_gate)
        motion = watch = GateWatch(motion, gate, size_px)
        feed.let_sleep(gate, watch.sees_change)
    return CaptureLine(
        feed=feed,
        store=PacketStore(ring, feed.video, source.audio, note, tell),
        publisher=_publisher(spec, frames, size_px, motion, tell),
        on_demand=OnDemandFrames(folder, name, spec.pinned_slots, feed.video, tell),
        burst=BurstFrames(folder, name, spec.burst_slots, feed.video, tell, _recent(spec)),
        opened=opened,
        live=live,
    )


def _publisher(
    spec: CaptureSpec,
    frames: FrameRing,
    size_px: tuple[int, int],
    motion: MotionDetector | None,
    tell: Callable[[FromChild], None],
) -> FramePublisher:
    looking = PictureLooking(spec.look_every_s, tell) if spec.look_every_s > 0 else None
    return FramePublisher(frames, size_px, EvenPace(spec.analysis_fps), motion, tell, looking)


def _analysis_width_px(spec: CaptureSpec, source: SourceFormat) -> int:
    """Width of the analysis pictures; their shape is always the main stream's.

    It is the second stream's width, also while that is missing, and pictures of either stream are
    scaled to it: nothing behind them notices a change of streams, and a picture that the camera
    squeezed into another shape is straight again.
    """
    if source.sub is not None:
        return min(spec.analysis_max_width_px, source.sub.width_px)
    if spec.source.sub is not None:
        return min(spec.analysis_max_width_px, USUAL_SUB_WIDTH_PX)
    return spec.analysis_max_width_px


def _recent(spec: CaptureSpec) -> RecentSpec | None:
    """Pictures kept at hand for a press; none where the pictures of another stream are decoded."""
    if spec.recent_s <= 0 or spec.source.sub is not None:
        return None
    return RecentSpec(spec.recent_s, spec.recent_every_s)


def _slots(spec: CaptureSpec, size_px: tuple[int, int]) -> int:
    """As many slots as asked for and allowed.

    Raises:
        RingFullError: Not even the least number fits into what is allowed.
    """
    slot_bytes = i420_size_bytes(*size_px)
    slots = min(spec.ring_slots, spec.ring_max_bytes // slot_bytes)
    if slots < MIN_SLOTS:
        raise RingFullError(
            f"Camera '{spec.camera_id}' may use {spec.ring_max_bytes / 1e6:.1f} MB of shared "
            f"memory, but {MIN_SLOTS} pictures of {size_px[0]}x{size_px[1]} need "
            f"{MIN_SLOTS * slot_bytes / 1e6:.1f} MB; raise shared_memory.ring_max_bytes."
        )
    return slots
