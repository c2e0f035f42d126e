"""The number in the corner of a picture."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.hardware.counter import MODULUS, draw_counter, read_counter
from spyoncino.hardware.front_door import FrontDoor, Script

VALUES = st.integers(min_value=0, max_value=MODULUS - 1)
SIZES = st.sampled_from([(160, 96), (214, 120), (320, 180), (640, 360), (654, 370), (1280, 720)])


def picture(width_px: int, height_px: int, value: int) -> NDArray[np.uint8]:
    luma = np.random.default_rng(3).integers(0, 256, (height_px, width_px)).astype(np.uint8)
    draw_counter(luma, value)
    return luma


@settings(max_examples=50, deadline=None)
@given(VALUES, SIZES)
def test_what_is_drawn_is_read_at_every_size(value: int, size: tuple[int, int]) -> None:
    assert read_counter(picture(*size, value)) == value


@settings(max_examples=30, deadline=None)
@given(VALUES)
def test_it_survives_jpeg_and_halving(value: int) -> None:
    luma = picture(640, 360, value)
    packed = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    unpacked = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    halved = cv2.resize(unpacked, (320, 180), interpolation=cv2.INTER_AREA).astype(np.uint8)
    assert read_counter(unpacked) == value
    assert read_counter(halved) == value


def test_it_survives_h264_as_the_capture_process_makes_it() -> None:
    door = FrontDoor(640, 360, 1, Script())
    coder = av.CodecContext.create("libx264", "w")
    coder.width, coder.height, coder.pix_fmt = 640, 360, "yuv420p"
    coder.time_base = Fraction(1, 1000)
    coder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "30"}
    decoder = av.CodecContext.create("h264", "r")
    values = [1_234_567 + 97 * number for number in range(12)]
    packets = []
    for number, value in enumerate(values):
        i420 = door.draw(number / 10)
        draw_counter(i420[:360], value)
        frame = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        frame.pts = number * 100
        packets += coder.encode(frame)
    packets += coder.encode(None)
    pictures = [shown for packet in packets for shown in decoder.decode(packet)]
    pictures += decoder.decode(None)
    read = [read_counter(shown.to_ndarray(format="gray").astype(np.uint8)) for shown in pictures]
    assert read == values


def test_values_begin_again_at_the_modulus() -> None:
    assert read_counter(picture(640, 360, MODULUS + 5)) == 5


@pytest.mark.parametrize("level", [0, 16, 127, 235, 255])
def test_a_picture_without_it_has_no_value(level: int) -> None:
    assert read_counter(np.full((360, 640), level, np.uint8)) is None


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(min_value=0, max_value=39))
def test_one_wrong_block_is_noticed(value: int, place: int) -> None:
    luma = picture(640, 360, value)
    row, column = divmod(place, 8)
    block = luma[15 * row : 15 * row + 15, 16 * column : 16 * column + 16]
    block[:] = 251 - block
    assert read_counter(luma) is None
