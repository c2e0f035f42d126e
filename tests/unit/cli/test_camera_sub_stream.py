"""What is said about a second stream."""

from dataclasses import replace

import pytest

from spyoncino.cli.camera_sub_stream import (
    SubStreamFacts,
    _moved_s,
    sub_rows,
    sub_wishes,
    try_sub_stream,
)
from spyoncino.hardware.source_types import SourceSpec
from spyoncino.media.stream_facts import StreamFacts

RTSP = SourceSpec("rtsp", "rtsp://cam/1")
MAIN = StreamFacts("h264", 1920, 1080, 12.0, 25.0, 2.0, False, 4e6, "", 0)
SMALL = replace(MAIN, width_px=640, height_px=360, fps=10.0)
GOOD = SubStreamFacts(SMALL, "the same", 0.3, 0.002)


def wishes(main: StreamFacts = MAIN, sub: SubStreamFacts | None = GOOD) -> str:
    return " ".join(sub_wishes(RTSP, main, sub, 5.0))


def test_a_good_sub_stream_has_nothing_to_change() -> None:
    assert wishes() == ""
    assert dict(sub_rows(GOOD)) == {
        "sub stream": "h264, 640x360, 10.0 a second",
        "its picture": "the same",
        "its clock": "+0.30 s, moved by +2 ms",
    }


def test_one_is_recommended_where_it_saves_something() -> None:
    assert "set its address as source.sub" in wishes(sub=None)
    assert wishes(replace(MAIN, width_px=1280), None) == ""
    assert sub_wishes(SourceSpec("usb", "0"), MAIN, None, 5.0) == []
    assert sub_rows(None) == ()


@pytest.mark.parametrize(
    ("sub", "sentence"),
    [
        (SubStreamFacts(None, "unknown", trouble="It is off."), "It is off."),
        (SubStreamFacts(None, "unknown"), "No video came from the sub stream."),
        (replace(GOOD, view="another part"), "shows another part of the scene"),
        (replace(GOOD, stream=replace(SMALL, width_px=1920)), "1920 wide, which saves little"),
        (replace(GOOD, stream=replace(SMALL, width_px=320)), "only 320 wide"),
        (replace(GOOD, stream=replace(SMALL, fps=3.0)), "sends 3.0 pictures a second, and 5 are"),
        (replace(GOOD, stream=replace(SMALL, fps=25.0)), "10 are enough"),
        (replace(GOOD, drift_s=-0.2), "moved against each other by -200 ms in 12 s"),
    ],
)
def test_each_fault_has_its_own_sentence(sub: SubStreamFacts, sentence: str) -> None:
    assert sentence in wishes(sub=sub)


def test_a_missing_sub_stream_is_in_the_table() -> None:
    assert sub_rows(SubStreamFacts(None, "unknown")) == (("sub stream", "missing"),)


def test_a_source_without_a_sub_stream_is_not_watched_again() -> None:
    assert try_sub_stream(RTSP, 1.0) is None


def test_lateness_is_compared_between_the_middle_and_the_end() -> None:
    assert _moved_s([9.0] * 10 + [1.0] * 10 + [1.1] * 10) == pytest.approx(0.1)
    assert _moved_s([1.0]) == 0
