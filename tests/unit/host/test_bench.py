import asyncio

import numpy as np
from tests.fixtures.bench_scene import drawn_once

from spyoncino.host import bench

BRIEFLY_S = 0.01


def test_the_scene_is_a_second_of_noisy_pictures_that_differ() -> None:
    pictures = drawn_once()
    assert len(pictures) == bench.SCENE_PICTURES
    assert {picture.shape for picture in pictures} == {(1080, 1280)}
    assert {picture.dtype for picture in pictures} == {np.dtype(np.uint8)}
    first, second = (picture[:720].astype(int) for picture in pictures[:2])
    assert 1.0 < np.abs(first - second).mean() < 20.0


def test_every_part_of_the_picture_line_takes_time() -> None:
    pictures = drawn_once()
    for measure in (bench.motion_ms, bench.decode_ms, bench.encode_ms, bench.jpeg_ms):
        assert 0.0 < measure(pictures, BRIEFLY_S) < 1000.0


def test_the_bus_delivers_what_was_published() -> None:
    assert asyncio.run(bench.bus_per_second(0.05)) > 100


def test_a_call_is_measured_a_few_times_at_least() -> None:
    calls: list[int] = []
    assert bench.median_ms(lambda: calls.append(1), 0.0) >= 0.0
    assert len(calls) == bench.MIN_RUNS + 1
