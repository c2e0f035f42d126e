from dataclasses import replace
from fractions import Fraction

import pytest
from av.packet import Packet

from spyoncino.media.packets import AudioFormat, MediaPacket, VideoFormat
from spyoncino.media.stream_facts import StreamFacts, StreamMeter

VIDEO = VideoFormat("h264", 1920, 1080, 20.0, Fraction(1, 90_000), b"", "yuv420p")
AUDIO = AudioFormat("aac", 16_000, 1, Fraction(1, 16_000), b"")


def packet(at_s: float, *, is_key: bool = False, kind: str = "video") -> MediaPacket:
    name: str = kind
    return MediaPacket(name, Packet(1000), at_s, at_s, is_key, 1000)  # type: ignore[arg-type]


def measured(seconds: int, fps: int, gop: int) -> StreamFacts:
    meter = StreamMeter(VIDEO, AUDIO)
    for number in range(seconds * fps + 1):
        meter.count(packet(number / fps, is_key=number % gop == 0))
        meter.count(packet(number / fps, kind="audio"))
    return meter.facts


def test_a_stream_is_counted() -> None:
    facts = measured(seconds=10, fps=20, gop=40)
    assert (facts.fps, facts.gop_s, facts.watched_s) == (20, 2, 10)
    assert not facts.is_gop_open
    assert facts.bits_s == pytest.approx(8 * 1000 * 40, rel=0.01)
    assert (facts.audio, facts.audio_rate_hz) == ("aac", 16_000)


def test_a_stream_of_one_key_frame_is_at_least_as_far_apart_as_it_was_watched() -> None:
    facts = measured(seconds=10, fps=20, gop=1000)
    assert facts.is_gop_open
    assert facts.gop_s == 10
    assert facts.gop_least_s == 0


def test_nothing_counted_is_no_division_by_zero() -> None:
    facts = StreamMeter(VIDEO, None).facts
    assert (facts.fps, facts.bits_s, facts.audio) == (0, 0, "")


def test_b_frames_uneven_steps_and_key_frames_are_seen() -> None:
    meter = StreamMeter(VIDEO, None)
    shown = (0.0, 0.3, 0.1, 0.2, 0.6, 0.4, 0.5, 1.5)
    for number, pts_s in enumerate(shown):
        each = replace(packet(number / 10, is_key=number in (0, 1, 6)), pts_s=pts_s)
        meter.count(each, 100 + number / 10, -7.0)
    facts = meter.facts
    assert facts.has_b_frames
    assert (facts.step_ms, facts.long_step_ms) == (100, 100)
    assert (facts.gop_least_s, facts.gop_s, facts.key_bytes) == (0.1, 0.5, 1000)
    assert (facts.stated_fps, facts.clock_offset_s) == (20, -7)
    assert facts.drift_ppm is None


def test_arrivals_give_drift_and_jitter() -> None:
    meter = StreamMeter(VIDEO, None)
    for number in range(240):
        meter.count(packet(number / 20 * 1.01, is_key=number % 40 == 0), number / 20)
    assert meter.facts.drift_ppm == pytest.approx(10_000)
    assert meter.facts.drift_error_ppm == pytest.approx(0, abs=1)
    assert meter.facts.jitter_ms == pytest.approx(0, abs=0.1)
