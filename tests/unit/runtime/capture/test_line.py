"""The size of the analysis pictures with and without a second stream."""

from fractions import Fraction
from pathlib import Path

import pytest

from spyoncino.hardware.source_types import SourceFormat, SourceSpec
from spyoncino.media.packets import VideoFormat
from spyoncino.runtime.capture.line import build_line
from spyoncino.runtime.capture.spec import CaptureSpec


def format_of(width_px: int, height_px: int) -> VideoFormat:
    return VideoFormat("h264", width_px, height_px, 10.0, Fraction(1, 90_000), b"", "yuv420p")


@pytest.mark.parametrize(
    ("sub_px", "is_configured", "size_px"),
    [
        (None, False, (1280, 720)),
        (None, True, (640, 360)),
        ((640, 360), True, (640, 360)),
        ((704, 576), True, (704, 396)),
        ((320, 240), True, (320, 180)),
        ((1600, 900), True, (1280, 720)),
    ],
)
def test_analysis_pictures_have_the_sub_streams_width_and_the_main_streams_shape(
    tmp_path: Path,
    sub_px: tuple[int, int] | None,
    is_configured: bool,
    size_px: tuple[int, int],
) -> None:
    sub = SourceSpec("rtsp", "rtsp://cam/2") if is_configured else None
    spec = CaptureSpec("door", SourceSpec("rtsp", "rtsp://cam/1", sub=sub), motion=None)
    source = SourceFormat(format_of(1920, 1080), 1920, 1080, 10.0, None)
    if sub_px is not None:
        source = SourceFormat(source.video, 1920, 1080, 10.0, None, format_of(*sub_px))
    line = build_line(spec, source, tmp_path, "door.1", lambda _: None)
    try:
        assert (line.opened.analysis_width_px, line.opened.analysis_height_px) == size_px
        assert (line.opened.width_px, line.opened.height_px) == (1920, 1080)
        assert (line.sub is not None) == (sub_px is not None)
    finally:
        line.close()
