from fractions import Fraction

import pytest
from av.packet import Packet

from spyoncino.media.packets import AudioFormat, MediaPacket, VideoFormat
from spyoncino.media.stream_facts import StreamFacts, StreamMeter, advice

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
    assert advice(facts, analysis_fps=5) == []


def test_a_stream_of_one_key_frame_is_at_least_as_far_apart_as_it_was_watched() -> None:
    facts = measured(seconds=10, fps=20, gop=1000)
    assert facts.is_gop_open
    assert facts.gop_s == 10
    assert "at least 10.0 s apart" in advice(facts, 5)[0]
    assert "40 pictures" in advice(facts, 5)[0]


def test_nothing_counted_is_no_division_by_zero() -> None:
    facts = StreamMeter(VIDEO, None).facts
    assert (facts.fps, facts.bits_s, facts.audio) == (0, 0, "")


def facts_of(codec: str = "h264", fps: float = 15, bits_s: float = 1e6) -> StreamFacts:
    return StreamFacts(codec, 1920, 1080, 10, fps, 2, False, bits_s, "", 0)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (facts_of("hevc"), "many browsers do not play"),
        (facts_of("mjpeg"), "every picture is encoded again"),
        (facts_of(fps=30), "30 pictures a second, and 5 are analysed"),
        (facts_of(bits_s=12e6), "12.0 Mbit/s, 130 GB a day"),
    ],
)
def test_each_fault_has_its_sentence(facts: StreamFacts, words: str) -> None:
    (sentence,) = advice(facts, analysis_fps=5)
    assert words in sentence
