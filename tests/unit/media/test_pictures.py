"""Sizes, I420 and JPEG."""

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.errors import MediaError
from spyoncino.media.colour import bgr_to_i420, i420_planes, i420_to_bgr
from spyoncino.media.pictures import (
    BT709,
    I420Converter,
    analysis_size,
    encode_jpeg,
    encode_jpeg_bgr,
    i420_size_bytes,
    picture_from_i420,
    write_i420,
)


def chequered(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rows, columns = np.mgrid[:height, :width]
    blue = 60 + 120 * (columns * 4 // width % 2)
    red = 60 + 120 * (rows * 4 // height % 2)
    return np.dstack([blue, np.full_like(blue, 90), red]).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1920, 1080), (1280, 720)),
        ((3840, 2160), (1280, 720)),
        ((1280, 720), (1280, 720)),
        ((321, 241), (320, 240)),
        ((1, 1), (16, 16)),
        ((768, 432), (768, 432)),
        ((1080, 1920), (1080, 1920)),
    ],
)
def test_analysis_sizes(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert analysis_size(*size) == wanted


@given(st.integers(1, 8192), st.integers(1, 8192), st.integers(16, 4096))
def test_analysis_sizes_are_even_and_bounded(width: int, height: int, limit: int) -> None:
    small_width, small_height = analysis_size(width, height, limit)
    assert small_width % 2 == small_height % 2 == 0
    assert 16 <= small_width <= max(16, limit + 1)
    assert small_height >= 16


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "rgb24", "gray", "nv12", "yuv444p"])
@pytest.mark.parametrize("size", [(64, 48), (65, 49), (128, 96)])
def test_any_picture_becomes_i420_of_the_wanted_size(pix_fmt: str, size: tuple[int, int]) -> None:
    bgr = chequered(*size)
    picture = VideoFrame.from_ndarray(bgr, format="bgr24").reformat(format=pix_fmt)
    out = np.zeros((48 * 3 // 2, 64), np.uint8)
    write_i420(picture, 64, 48, out)
    found = i420_to_bgr(out)
    wanted = cv2.resize(bgr, (64, 48), interpolation=cv2.INTER_AREA)
    if pix_fmt == "gray":
        found, wanted = found.mean(axis=2), wanted @ (0.114, 0.587, 0.299)
    assert np.abs(found.astype(float) - wanted).mean() < 9


def test_shared_memory_larger_than_the_picture_is_left_alone_behind_it() -> None:
    memory = bytearray(b"\x07" * 10_000)
    picture = VideoFrame.from_ndarray(chequered(64, 48), format="bgr24")
    I420Converter(64, 48).write(picture, memoryview(memory))
    size = i420_size_bytes(64, 48)
    assert size == 4608
    assert memory[size:] == b"\x07" * (10_000 - size)
    assert memory[:size] != b"\x07" * size


def test_full_range_becomes_limited_range() -> None:
    white = VideoFrame.from_ndarray(np.full((48, 64, 3), 255, np.uint8), format="bgr24")
    out = np.zeros((72, 64), np.uint8)
    write_i420(white.reformat(format="yuvj420p"), 64, 48, out)
    assert abs(int(out[:48].mean()) - 235) <= 1


def test_exact_colour_undoes_the_matrix_of_hd_video() -> None:
    bgr = np.full((720, 1280, 3), (40, 60, 200), np.uint8)
    hd = VideoFrame.from_ndarray(bgr, format="bgr24").reformat(
        format="yuv420p", dst_colorspace="ITU709"
    )
    hd.colorspace = BT709
    errors = {}
    for is_exact in (False, True):
        out = np.zeros((1080, 1280), np.uint8)
        write_i420(hd, 1280, 720, out, is_colour_exact=is_exact)
        errors[is_exact] = float(np.abs(i420_to_bgr(out).astype(float) - bgr).mean())
    assert errors[True] < 4
    assert errors[False] > 2 * errors[True]


def test_odd_sides_are_refused() -> None:
    with pytest.raises(MediaError, match="65x48"):
        I420Converter(65, 48)


def test_a_picture_without_a_conversion_is_a_sentence() -> None:
    with pytest.raises(MediaError, match="cannot be converted"):
        I420Converter(64, 48).convert(VideoFrame(64, 48, "x2rgb10be"))


def test_i420_arrays_become_pictures_and_come_back() -> None:
    i420 = bgr_to_i420(chequered(64, 48))
    out = np.zeros_like(i420)
    write_i420(picture_from_i420(i420), 64, 48, out)
    np.testing.assert_array_equal(out, i420)


def test_jpegs_look_like_the_picture() -> None:
    bgr = chequered(64, 48)
    for data in (encode_jpeg(bgr_to_i420(bgr), 95), encode_jpeg_bgr(bgr, 95)):
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert found is not None
        assert np.abs(found.astype(float) - bgr).mean() < 6


def test_lower_quality_is_smaller() -> None:
    noise = np.random.default_rng(1).integers(16, 235, (360, 320), dtype=np.uint8)
    assert len(encode_jpeg(noise, 30)) < len(encode_jpeg(noise, 95)) / 2


def test_an_empty_picture_is_no_jpeg() -> None:
    with pytest.raises(MediaError, match="JPEG"):
        encode_jpeg_bgr(np.zeros((0, 0, 3), np.uint8))


def test_planes_are_views() -> None:
    i420 = bgr_to_i420(chequered(64, 48))
    luma, blue, red = i420_planes(i420)
    assert (luma.shape, blue.shape, red.shape) == ((48, 64), (24, 32), (24, 32))
    assert all(np.shares_memory(plane, i420) for plane in (luma, blue, red))
