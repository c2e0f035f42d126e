"""What a capture process and main say to each other; small picklable values, never pixels."""

from dataclasses import dataclass, field
from typing import Literal

from spyoncino.detectors.motion_spec import MotionFacts
from spyoncino.detectors.picture_facts import PictureFacts
from spyoncino.media.clip_writer import ClipFacts
from spyoncino.runtime.capture.idle_gate import GateCounters
from spyoncino.runtime.frame_ring import FrameHandle

SourceState = Literal["connecting", "live", "stalled", "retrying", "ended", "off"]


@dataclass(frozen=True, slots=True)
class SourceOpened:
    """The source delivers, and this is what.

    Args:
        width_px: Width of the full-size picture.
        height_px: Height of the full-size picture.
        fps: Nominal frames per second; ``None`` where the source does not say.
        codec: FFmpeg's name of the source's codec; ``raw`` for a source without packets.
        is_encoded: Its packets are encoded to H.264 here, for they cannot be kept as they are.
        has_audio: It has sound.
        analysis_width_px: Width of the pictures in the ring.
        analysis_height_px: Height of the pictures in the ring.
        ring: Path of the ring file.
        slots: Its slots.
    """

    width_px: int
    height_px: int
    fps: float | None
    codec: str
    is_encoded: bool
    has_audio: bool
    analysis_width_px: int
    analysis_height_px: int
    ring: str
    slots: int


@dataclass(frozen=True, slots=True)
class FrameReady:
    """A picture lies in the ring, held for main, who must release it.

    Args:
        handle: Where.
        frame_index: Number of the decoded frame since the source was opened, from 0.
        sequence: Number of this analysed frame, from 0.
        pts_s: Seconds since the source's first frame.
        monotonic_ns: Monotonic time at which its last packet arrived.
        utc_epoch_s: Wall time of the first packet plus ``pts_s``, in seconds since 1970.
        motion: What moved; ``None`` without a motion detector.
    """

    handle: FrameHandle
    frame_index: int
    sequence: int
    pts_s: float
    monotonic_ns: int
    utc_epoch_s: float
    motion: MotionFacts | None


@dataclass(frozen=True, slots=True)
class PictureLooked:
    """The whole of one published picture was measured; it comes before its ``FrameReady``.

    Args:
        facts: What was found.
        pts_s: Camera time of the picture.
        utc_epoch_s: Its wall time, in seconds since 1970.
    """

    facts: PictureFacts
    pts_s: float
    utc_epoch_s: float


@dataclass(frozen=True, slots=True)
class Pressed:
    """The source itself reports a press of a doorbell, as a simulator does."""

    doorbell: str
    pts_s: float
    monotonic_ns: int
    utc_epoch_s: float


@dataclass(frozen=True, slots=True)
class SourceStateChanged:
    """The source's state; ``detail`` is a sentence for a person where there is something to say.

    ``gap_s``: seconds without pictures that end with it; main fills it in.
    """

    state: SourceState
    detail: str = ""
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """No frame follows.

    Args:
        pts_s: Time of the last decoded frame; 0 without any.
        frame_count: Frames decoded, analysed or not.
        error: Why it ended early; empty at a proper end.
    """

    pts_s: float
    frame_count: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class ClipProgress:
    """How far an open clip is written; the first one says that it was accepted.

    Args:
        clip_id: The id it was started with.
        start_s: Camera time of its first picture; the wished time before there is one.
        end_s: Camera time of its newest picture.
        size_bytes: Compressed bytes handed to the file.
    """

    clip_id: str
    start_s: float
    end_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ClipClosed:
    """A clip is complete on disk, or could not be written.

    Args:
        clip_id: The id it was started with.
        facts: What it turned out to be; ``None`` when there is nothing to keep.
        error: Why it is missing or short; a sentence.
    """

    clip_id: str
    facts: ClipFacts | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class FrameAt:
    """Answer to ``RequestFrame``: a full-size picture held for main, or a sentence."""

    request_id: int
    handle: FrameHandle | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class BurstPicture:
    """One full-size picture of a burst, held for main.

    Args:
        request_id: Of the ``RequestBurst``.
        number: Within the burst, from 0, in the order of time.
        handle: Where it lies.
        pts_s: Seconds since the source's first frame.
        monotonic_ns: Monotonic time at which its packet arrived, as far as the stream tells.
        utc_epoch_s: Wall time of the connection's first packet plus ``pts_s``.
    """

    request_id: int
    number: int
    handle: FrameHandle
    pts_s: float
    monotonic_ns: int
    utc_epoch_s: float


@dataclass(frozen=True, slots=True)
class BurstEnded:
    """No picture of this burst follows.

    Args:
        request_id: Of the ``RequestBurst``.
        lost: Pictures for which no place became free.
        error: Why there are fewer than asked for; a sentence, empty when all is well.
    """

    request_id: int
    lost: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class CaptureCounters:
    """What a capture process did since it was started, and what it holds now.

    Args:
        frames_decoded: Pictures decoded.
        frames_published: Pictures announced to main.
        frames_skipped: Pictures chosen for analysis for which no slot was free.
        slots_held: Slots that main or its jobs hold.
        corrupt_packets: Packets that could not be decoded.
        packet_ring_bytes: Compressed bytes kept.
        packet_ring_span_s: Seconds of video kept.
        cpu_s: Processor time of the process.
        live_sent: Pictures of the live view given to main.
        live_dropped: Pictures of the live view left out because main was behind.
        gate: What the idle gate did since the source was opened.
        sub_losses: Times that the second stream of this connection was live and then lost.
        sub_drift_s: How far its times have drifted against the main stream's and were corrected.
    """

    frames_decoded: int = 0
    frames_published: int = 0
    frames_skipped: int = 0
    slots_held: int = 0
    corrupt_packets: int = 0
    packet_ring_bytes: int = 0
    packet_ring_span_s: float = 0.0
    cpu_s: float = 0.0
    live_sent: int = 0
    live_dropped: int = 0
    gate: GateCounters = field(default_factory=GateCounters)
    sub_losses: int = 0
    sub_drift_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The process is alive; sent about once a second."""

    counters: CaptureCounters
    clips: tuple[ClipProgress, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """The process gives up and ends; main decides whether it is started again.

    Args:
        detail: A sentence for a person.
        traceback: For the log, when the program itself is at fault.
    """

    detail: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class StartClip:
    """Write a clip from the key frame at or before ``from_pts_s`` on, as fragmented MP4."""

    clip_id: str
    path: str
    from_pts_s: float


@dataclass(frozen=True, slots=True)
class EndClip:
    """Close a clip as soon as everything shown before ``to_pts_s`` is in it."""

    clip_id: str
    to_pts_s: float


@dataclass(frozen=True, slots=True)
class RequestFrame:
    """Decode the full-size picture shown at ``pts_s`` from the kept packets."""

    request_id: int
    pts_s: float


@dataclass(frozen=True, slots=True)
class BurstOrder:
    """Which pictures a burst has.

    Args:
        pts_s: The moment of the press in camera time; ``None``: the newest picture's.
        before_s: The first picture is shown so long before it.
        count: Pictures from the moment on.
        interval_s: Seconds from one picture to the next, before and after.
    """

    pts_s: float | None = None
    before_s: float = 0.6
    count: int = 5
    interval_s: float = 0.2


@dataclass(frozen=True, slots=True)
class RequestBurst:
    """Decode full-size pictures from before a moment until after it, all in one walk."""

    request_id: int
    order: BurstOrder


@dataclass(frozen=True, slots=True)
class Attend:
    """Decode every picture for a while, and those since the last key frame."""

    for_s: float


@dataclass(frozen=True, slots=True)
class LiveBegun:
    """A live view begins: another connection, or main has asked for it.

    Args:
        connection: Number of the live view within the process; its fragments have the same.
        mime: Media type with the codec as RFC 6381 writes it.
        width_px: Width of the picture.
        height_px: Height of the picture.
        init: Initialization segment of fragmented MP4.
    """

    connection: int
    mime: str
    width_px: int
    height_px: int
    init: bytes


@dataclass(frozen=True, slots=True)
class LiveFragment:
    """One picture of the live view; the first one, and the next after any loss, is a key frame.

    Args:
        connection: Of its ``LiveBegun``.
        data: A fragment of MP4.
        is_key: Decoding may begin here.
        pts_s: Seconds since the source's first frame.
    """

    connection: int
    data: bytes
    is_key: bool
    pts_s: float


@dataclass(frozen=True, slots=True)
class LiveUnavailable:
    """The video of this connection cannot be shown as it is; a sentence says why."""

    detail: str


@dataclass(frozen=True, slots=True)
class WatchLive:
    """Send the live view from the last key frame on until ``UnwatchLive``, over reconnects too."""


@dataclass(frozen=True, slots=True)
class UnwatchLive:
    """Nobody watches any more."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Close everything in order and end."""


CaptureMessage = (
    SourceOpened | FrameReady | PictureLooked | Pressed | SourceStateChanged | EndOfStream
)
"""What ``CaptureHandle.messages`` yields, in the order in which it happened."""

FromChild = (
    CaptureMessage
    | ClipProgress
    | ClipClosed
    | FrameAt
    | BurstPicture
    | BurstEnded
    | Heartbeat
    | SourceFailed
)
ToChild = (
    StartClip | EndClip | RequestFrame | RequestBurst | Attend | WatchLive | UnwatchLive | Shutdown
)
LiveMessage = LiveBegun | LiveFragment | LiveUnavailable
"""What comes on the live view's own way, beside the messages."""
