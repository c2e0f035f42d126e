"""What one capture process is asked to do; plain values, so that they travel to it."""

from dataclasses import dataclass, field

from spyoncino.detectors.motion_spec import MotionSpec, Polygon
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.hardware_decode import DecoderKind
from spyoncino.runtime.capture.idle_gate import IdleGateSpec

LOSSLESS_FPS = 15.0
"""Analysis rate of ``analyze``: every frame of a slow file, every second one at 25 or 30 fps."""


@dataclass(frozen=True, slots=True)
class CaptureSpec:
    """One camera's capture process.

    Args:
        camera_id: Name of the camera, a word of letters, digits, ``_`` and ``-``.
        source: Where the pictures come from.
        analysis_fps: Pictures analysed per second at most; evenly spaced.
        analysis_max_width_px: Wider pictures are scaled down for analysis.
        ring_slots: Analysis pictures in shared memory; also the most that may be leased at once.
        ring_max_bytes: Fewer slots are taken where they would need more than this.
        pinned_slots: Full-size pictures of ``RequestFrame`` that may be leased at once; their
            shared memory is taken with the first request.
        burst_slots: Full-size pictures of ``RequestBurst`` that may be leased at once, likewise.
        recent_s: So long decoded pictures are kept at hand for a press, 3 MB each at full HD; 0 for
            a camera without a doorbell.
        recent_every_s: Seconds between two of them.
        packet_ring_s: Seconds of compressed video to keep: pre-roll plus decision delay.
        packet_ring_max_bytes: Compressed bytes to keep at most.
        motion: The motion detector's settings; ``None`` runs none.
        masks: Parts of the picture in which no motion is looked for.
        decoder: Where its packets are decoded; software where that does not work.
        idle_gate: When only key frames are decoded; ``None``: never. Without a motion detector, and
            for what is encoded here, never either.
        look_every_s: Seconds between two looks at the whole picture; 0: none.
        is_lossless: Wait for a free slot rather than skip a picture; end rather than start again.
    """

    camera_id: str
    source: SourceSpec
    analysis_fps: float = 5.0
    analysis_max_width_px: int = 1280
    ring_slots: int = 12
    ring_max_bytes: int = 50_000_000
    pinned_slots: int = 4
    burst_slots: int = 6
    recent_s: float = 0.0
    recent_every_s: float = 0.2
    packet_ring_s: float = 30.0
    packet_ring_max_bytes: int = 64_000_000
    motion: MotionSpec | None = field(default_factory=MotionSpec)
    masks: tuple[Polygon, ...] = ()
    decoder: DecoderKind = "software"
    idle_gate: IdleGateSpec | None = None
    look_every_s: float = 0.0
    is_lossless: bool = False

    def __post_init__(self) -> None:
        """Refuse values no process could work with.

        Raises:
            ValueError: One sentence that names the setting and its value.
        """
        if self.analysis_fps <= 0:
            raise ValueError(f"analysis_fps {self.analysis_fps} must be more than 0")
        if self.ring_slots < 2 or self.pinned_slots < 1 or self.burst_slots < 1:
            raise ValueError("a camera needs at least 2 ring slots, 1 pinned slot and 1 burst slot")
