"""Each fault of a stream has its sentence, and a good stream has none."""

from dataclasses import replace

import pytest

from spyoncino.media.stream_advice import advice
from spyoncino.media.stream_facts import StreamFacts

GOOD = StreamFacts(
    codec="h264",
    width_px=1920,
    height_px=1080,
    watched_s=12,
    fps=15,
    gop_s=2,
    is_gop_open=False,
    bits_s=2e6,
    audio="aac",
    audio_rate_hz=16_000,
    stated_fps=15,
    gop_least_s=2,
    key_bytes=60_000,
    step_ms=66.7,
    long_step_ms=70,
    jitter_ms=20,
    drift_ppm=40,
    drift_error_ppm=30,
    clock_offset_s=-0.2,
)


def test_a_good_stream_needs_nothing() -> None:
    assert advice(GOOD, analysis_fps=5) == []
    unknown = replace(GOOD, stated_fps=0, jitter_ms=None, drift_ppm=None, clock_offset_s=None)
    assert advice(unknown, analysis_fps=5) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"gop_s": 25.0, "gop_least_s": 25.0}, "25.0 s apart. Set the key frame interval"),
        ({"gop_s": 35.0, "is_gop_open": True}, "No second key frame came in 35 s"),
        ({"gop_s": 35.0, "is_gop_open": True}, "2 s, 30 pictures, and switch off smart coding"),
        ({"gop_s": 3.5, "gop_least_s": 1.0}, "1.0 to 3.5 s apart: the camera chooses by itself"),
        ({"codec": "hevc"}, "many browsers do not play"),
        ({"codec": "mjpeg"}, "MJPEG, a photograph each"),
        ({"codec": "mpeg4"}, "The video is mpeg4, so every picture is encoded again"),
        ({"has_b_frames": True}, "Set the H.264 profile to Baseline"),
        ({"audio": "pcm_mulaw"}, "Set the camera's sound to AAC"),
        ({"fps": 30.0, "stated_fps": 30.0}, "30 pictures a second, and 5 are analysed"),
        ({"long_step_ms": 200.0}, "some after 200 ms. Set a constant frame rate"),
        ({"fps": 7.5}, "states 15 pictures a second and sends 7.5"),
        ({"bits_s": 12e6}, "12.0 Mbit/s, 130 GB a day"),
        ({"bits_s": 2e5, "key_bytes": 9_000}, "only 9 kB: faces are smeared. Set the bit rate to"),
        ({"drift_ppm": 8_000.0}, "run 8.0 ms a second too fast"),
        ({"drift_ppm": -8_000.0}, "too slow, so events seem to last too short"),
        ({"clock_offset_s": -7200.0}, "clock is 2 h behind"),
        ({"clock_offset_s": 300_000.0}, "clock is 3 days ahead"),
        ({"clock_offset_s": 8.0}, "clock is 8 s ahead"),
        ({"jitter_ms": 900.0}, "come up to 900 ms late"),
    ],
)
def test_each_fault_has_its_sentence(changed: dict[str, object], words: str) -> None:
    (sentence,) = advice(replace(GOOD, **changed), analysis_fps=5)  # type: ignore[arg-type]
    assert words in sentence


def test_a_drift_that_is_not_sure_is_not_told() -> None:
    assert not advice(replace(GOOD, drift_ppm=8_000.0, drift_error_ppm=6_000.0), 5)


def test_small_pictures_and_mjpeg_may_have_few_bits() -> None:
    assert not advice(replace(GOOD, width_px=320, height_px=180, key_bytes=200), 5)
