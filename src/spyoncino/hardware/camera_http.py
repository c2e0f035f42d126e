"""A camera that sends MJPEG, or any other stream, as the answer to one HTTP request."""

from dataclasses import replace
from fractions import Fraction

from spyoncino.hardware.camera_rtsp import address_of
from spyoncino.hardware.connecting import connected
from spyoncino.hardware.live_camera import ArrivalClock, LiveCamera
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket, VideoFormat

PROTOCOLS = "http,https,tcp,tls,crypto"
"""All that FFmpeg may open on behalf of the camera: never a file."""

CLOCKLESS = frozenset({"mjpeg"})
"""Codecs that travel over HTTP without times; FFmpeg would pretend 25 pictures a second."""

MILLISECOND = Fraction(1, 1000)


class HttpCamera(LiveCamera):
    """Packets of one stream over HTTP. Pictures of MJPEG get the time at which they arrive.

    Args:
        spec: ``path`` is the address, ``secrets`` may have ``username`` and ``password``.

    Raises:
        SourceError: The address is wrong.
    """

    def __init__(self, spec: SourceSpec) -> None:
        super().__init__(spec)
        self._address = address_of(spec, ("http://", "https://"))
        self._clock: ArrivalClock | None = None

    @property
    def name(self) -> str:
        """The address without secrets."""
        return self._address.shown

    def _connected(self) -> Demuxer:
        options = {"protocol_whitelist": PROTOCOLS}
        container = connected(self._address, options, silence_s=self.silence_s)
        return Demuxer(self.name, container)

    def _video_of(self, demuxer: Demuxer) -> VideoFormat:
        if demuxer.video.codec not in CLOCKLESS:
            return demuxer.video
        self._clock = ArrivalClock()
        return replace(demuxer.video, time_base=MILLISECOND, fps=None)

    def _timed(self, packet: MediaPacket) -> MediaPacket:
        if self._clock is None or packet.kind != "video":
            return packet
        at_ms = self._clock.now_ms()
        packet.data.time_base = MILLISECOND
        packet.data.pts = packet.data.dts = at_ms
        return replace(packet, pts_s=at_ms / 1000, dts_s=at_ms / 1000)
