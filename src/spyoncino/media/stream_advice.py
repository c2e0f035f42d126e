"""What would be better in a camera's stream for this program, a sentence each. Pure."""

from collections.abc import Iterator

from spyoncino.media.packets import KEPT_AUDIO, KEPT_CODECS
from spyoncino.media.stream_facts import StreamFacts

LONG_GOP_S = 4.0
"""Seconds between key frames above which clips begin too early and live view starts late."""

UNEVEN_GOP = 2.0
"""Longest over shortest time between key frames above which the camera decides by itself."""

MANY_TIMES_ANALYSIS = 4.0
"""Pictures per second, in those analysed, above which decoding them is mostly waste."""

LARGE_BITS_S = 8_000_000
"""Bits per second above which a day fills 86 GB and Wi-Fi begins to stutter."""

POOR_KEY_BITS_PER_PIXEL = 0.06
"""Of a key frame: 15 kB at 1920x1080. x264 spends three times as much on a quiet scene at its
default quality; the rate of all pictures says less, for it falls with the motion."""

SMALL_WIDTH_PX = 640
"""Narrower pictures are no main streams; nobody reads a face from them."""

PROMISED_SHARE = 0.15
"""A camera may send this share fewer pictures than it states."""

UNEVEN_STEP = 1.8
"""Long steps between pictures, in the median one, above which the rate is not constant."""

LARGE_DRIFT_PPM = 5_000
"""Half a per cent: two clips of a minute are 0.3 s apart, an hour 18 s."""

LARGE_CLOCK_OFFSET_S = 5.0
LARGE_JITTER_MS = 500.0


def advice(facts: StreamFacts, analysis_fps: float) -> list[str]:
    """What to change in the camera, a sentence each; empty when it is fine as it is.

    Args:
        facts: Of its stream.
        analysis_fps: Pictures per second that are analysed.
    """
    return [
        *_of_key_frames(facts),
        *_of_codec(facts),
        *_of_rate(facts, analysis_fps),
        *_of_bits(facts),
        *_of_clock(facts),
    ]


def _of_key_frames(facts: StreamFacts) -> Iterator[str]:
    pictures = round(2 * facts.fps) or 30
    setting = f"Set the key frame interval (I-frame interval, GOP) to 2 s, {pictures} pictures"
    if facts.gop_s > LONG_GOP_S:
        if facts.is_gop_open:
            found = f"No second key frame came in {facts.gop_s:.0f} s: they are at least that far"
        else:
            found = f"Key frames are {facts.gop_s:.1f} s"
        yield (
            f"{found} apart. {setting}, and switch off smart coding (H.264+, Smart Codec, "
            f"Zipstream), which stretches it: clips begin at a key frame, and live view waits "
            f"for one."
        )
    elif 0 < facts.gop_least_s < facts.gop_s / UNEVEN_GOP:
        yield (
            f"Key frames are {facts.gop_least_s:.1f} to {facts.gop_s:.1f} s apart: the camera "
            f"chooses by itself. {setting}, and switch off smart coding (H.264+, Smart Codec, "
            f"Zipstream)."
        )


def _of_codec(facts: StreamFacts) -> Iterator[str]:
    if facts.codec == "hevc":
        yield (
            "The video is H.265. Clips are kept as they are, and many browsers do not play them. "
            "Set the camera to H.264 unless you know that yours does."
        )
    elif facts.codec == "mjpeg":
        yield (
            "The video is MJPEG, a photograph each, so every picture is encoded again, which costs "
            "a good part of a processor core. Use an H.264 stream of the camera (rtsp://) if it "
            "has one."
        )
    elif facts.codec not in KEPT_CODECS:
        yield (
            f"The video is {facts.codec}, so every picture is encoded again, which costs a good "
            f"part of a processor core. Use an H.264 stream of the camera if it has one."
        )
    if facts.has_b_frames:
        yield (
            "The video has B-frames: every picture waits for later ones, and live view comes as "
            "much later. Set the H.264 profile to Baseline, or B-frames to 0."
        )
    if facts.audio and facts.audio != KEPT_AUDIO:
        yield (
            f"The sound is {facts.audio} and is encoded again for clips. Set the camera's sound to "
            f"AAC if it offers that."
        )


def _of_rate(facts: StreamFacts, analysis_fps: float) -> Iterator[str]:
    if facts.fps > MANY_TIMES_ANALYSIS * analysis_fps:
        yield (
            f"The camera sends {facts.fps:.0f} pictures a second, and {analysis_fps:g} are "
            f"analysed. 15 are enough for clips and cost less to decode."
        )
    if facts.step_ms and facts.long_step_ms > UNEVEN_STEP * facts.step_ms:
        yield (
            f"The pictures come unevenly: most after {facts.step_ms:.0f} ms, some after "
            f"{facts.long_step_ms:.0f} ms. Set a constant frame rate, and switch off slow shutter "
            f"(automatic low light exposure): it takes pictures away when it is dark."
        )
    elif facts.fps < (1 - PROMISED_SHARE) * facts.stated_fps:
        yield (
            f"The camera states {facts.stated_fps:g} pictures a second and sends {facts.fps:.1f}. "
            f"Set a rate that it can keep, and switch off slow shutter (automatic low light "
            f"exposure)."
        )


def _of_bits(facts: StreamFacts) -> Iterator[str]:
    key_bits = 8 * facts.key_bytes / max(1, facts.width_px * facts.height_px)
    if facts.bits_s > LARGE_BITS_S:
        yield (
            f"The stream has {facts.bits_s / 1e6:.1f} Mbit/s, {facts.bits_s * 10_800 / 1e9:.0f} GB "
            f"a day. 4 Mbit/s are plenty for 1080p."
        )
    elif (
        facts.codec in KEPT_CODECS
        and facts.width_px >= SMALL_WIDTH_PX
        and 0 < key_bits < POOR_KEY_BITS_PER_PIXEL
    ):
        pixels_s = facts.width_px * facts.height_px * max(5.0, facts.fps)
        yield (
            f"The stream has {facts.bits_s / 1e6:.2f} Mbit/s, and a key frame only "
            f"{facts.key_bytes / 1000:.0f} kB: faces are smeared. Set the bit rate to at least "
            f"{max(0.5, pixels_s * 0.06 / 1e6):.1f} Mbit/s."
        )


def _of_clock(facts: StreamFacts) -> Iterator[str]:
    if facts.drift_ppm is not None and facts.drift_error_ppm is not None:
        surely_ppm = abs(facts.drift_ppm) - facts.drift_error_ppm
        if surely_ppm > LARGE_DRIFT_PPM:
            way, lasts = ("fast", "long") if facts.drift_ppm > 0 else ("slow", "short")
            yield (
                f"The times in the stream run {abs(facts.drift_ppm) / 1000:.1f} ms a second too "
                f"{way}, so events seem to last too {lasts}. Restart the camera, bring its "
                f"firmware up to date, and set a frame rate that it can keep."
            )
    if facts.clock_offset_s is not None and abs(facts.clock_offset_s) > LARGE_CLOCK_OFFSET_S:
        late = "behind" if facts.clock_offset_s < 0 else "ahead"
        yield (
            f"The camera's clock is {_span(abs(facts.clock_offset_s))} {late}, which shows in the "
            f"time that it writes into the picture. Set a time server (NTP) in the camera."
        )
    if facts.jitter_ms is not None and facts.jitter_ms > LARGE_JITTER_MS:
        yield (
            f"Pictures come up to {facts.jitter_ms:.0f} ms late. Wi-Fi is the usual reason: a "
            f"cable, a nearer access point or a lower bit rate helps."
        )


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
