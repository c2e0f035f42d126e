"""A camera that speaks RTSP, as nearly all network cameras do."""

from spyoncino.errors import SourceError
from spyoncino.hardware.connecting import connected
from spyoncino.hardware.live_camera import LiveCamera
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.hardware.stream_address import StreamAddress
from spyoncino.media.demux import Demuxer

PROTOCOLS = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto"
"""All that FFmpeg may open on behalf of the camera."""

QUICK_US = 1_000_000
PATIENT_US = 8_000_000
"""How much of the stream FFmpeg looks at before it is open. A second is enough where the camera
describes itself or begins with a key frame, and connecting then takes 1.1 s instead of 2 to 5 s
(GStreamer's server, 10 pictures a second); only where the size is missing, more is looked at."""

RATE_PICTURES = "4"
"""Pictures that FFmpeg looks at for the frame rate; its own 20 are what makes connecting wait when
all else is known, or the next key frame has come."""

MAX_DELAY_US = 500_000
"""Over UDP: how long FFmpeg waits for a packet that others have overtaken."""


class RtspCamera(LiveCamera):
    """Packets of one RTSP stream, H.264, H.265 or anything FFmpeg decodes, with its sound.

    Args:
        spec: ``path`` is the address, ``secrets`` may have ``username`` and ``password``; option
            ``transport`` is ``tcp`` (default) or ``udp``.

    Raises:
        SourceError: The address or an option is wrong.
    """

    def __init__(self, spec: SourceSpec) -> None:
        super().__init__(spec)
        self._address = address_of(spec, ("rtsp://", "rtsps://"))
        self._transport = spec.options.get("transport", "tcp")
        if self._transport not in ("tcp", "udp"):
            raise SourceError(f"The transport must be tcp or udp, not {self._transport}.")

    @property
    def name(self) -> str:
        """The address without secrets."""
        return self._address.shown

    def _connected(self) -> Demuxer:
        options = {
            "rtsp_transport": str(self._transport),
            "protocol_whitelist": PROTOCOLS,
            "max_delay": str(MAX_DELAY_US),
            "analyzeduration": str(QUICK_US),
            "fpsprobesize": RATE_PICTURES,
        }
        container = connected(self._address, options, silence_s=self.silence_s)
        if any(video.codec_context.width == 0 for video in container.streams.video):
            container.close()
            options["analyzeduration"] = str(PATIENT_US)
            container = connected(self._address, options, silence_s=self.silence_s)
        return Demuxer(self.name, container)


def address_of(spec: SourceSpec, schemes: tuple[str, ...]) -> StreamAddress:
    """The address that a spec names.

    Args:
        spec: With ``path`` and perhaps ``secrets``.
        schemes: Beginnings that the address may have.

    Raises:
        SourceError: It is no such address.
    """
    try:
        address = StreamAddress.parse(
            spec.path, spec.secrets.get("username", ""), spec.secrets.get("password", "")
        )
    except ValueError as error:
        raise SourceError(f"This cannot be a camera's address: {error}.") from None
    if not address.shown.startswith(schemes):
        raise SourceError(f"The address of an {spec.kind} source begins with {schemes[0]}.")
    return address
