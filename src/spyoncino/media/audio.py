"""Sound to AAC, for sources whose sound a browser cannot play from an MP4 file."""

from collections.abc import Iterator
from fractions import Fraction

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec import CodecContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from spyoncino.errors import MediaError
from spyoncino.media.packets import AudioFormat, MediaPacket

AAC_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Sampling rates of ISO/IEC 14496-3 up to 48 kHz; others are raised to the next one."""

BITS_PER_CHANNEL_S = 48_000
"""AAC bits per second and channel: clear speech."""


class AacEncoder:
    """Decodes packets of any codec and encodes them to AAC in a stream of a container.

    Args:
        audio: What comes in.
        container: Where the AAC stream is added; its header must not be written yet.

    Raises:
        MediaError: There is no decoder for it.
    """

    def __init__(self, audio: AudioFormat, container: OutputContainer) -> None:
        self._decoder = _decoder_of(audio)
        rate = next((r for r in AAC_RATES_HZ if r >= audio.sample_rate_hz), AAC_RATES_HZ[-1])
        layout = "mono" if audio.channels == 1 else "stereo"
        stream = container.add_stream("aac", rate=rate, layout=layout, format="fltp")
        stream.bit_rate = BITS_PER_CHANNEL_S * (1 if layout == "mono" else 2)
        stream.time_base = Fraction(1, rate)
        self.stream: AudioStream = stream
        self._resampler = AudioResampler(format="fltp", layout=layout, rate=rate)
        self._rate = rate
        self._next_sample: int | None = None

    def encode(self, packet: MediaPacket, at_s: float) -> Iterator["Packet[AudioStream]"]:
        """AAC packets that this packet completes; none for one that is corrupt.

        Args:
            packet: Any audio packet of the format.
            at_s: Its time in the clip.
        """
        try:
            frames = self._decoder.decode(packet.data)
        except FFmpegError:
            return
        for frame in frames:
            yield from self._encoded(frame, at_s)

    def flush(self) -> Iterator["Packet[AudioStream]"]:
        """The rest."""
        for frame in self._resampler.resample(None):
            yield from self._sent(frame, 0.0)
        yield from self.stream.encode(None)

    def _encoded(self, frame: AudioFrame, at_s: float) -> Iterator["Packet[AudioStream]"]:
        frame.pts = None
        for resampled in self._resampler.resample(frame):
            yield from self._sent(resampled, at_s)

    def _sent(self, frame: AudioFrame, at_s: float) -> Iterator["Packet[AudioStream]"]:
        if self._next_sample is None:
            self._next_sample = round(at_s * self._rate)
        frame.pts = self._next_sample
        frame.time_base = Fraction(1, self._rate)
        self._next_sample += frame.samples
        yield from self.stream.encode(frame)


def _decoder_of(audio: AudioFormat) -> AudioCodecContext:
    try:
        decoder = CodecContext.create(audio.codec, "r")
    except (FFmpegError, ValueError) as error:
        raise MediaError(f"There is no decoder for sound of the codec {audio.codec}.") from error
    if not isinstance(decoder, AudioCodecContext):
        raise MediaError(f"{audio.codec} is not an audio codec.")
    decoder.sample_rate = audio.sample_rate_hz
    decoder.layout = "mono" if audio.channels == 1 else "stereo"
    decoder.extradata = audio.extradata or None
    return decoder
