"""What a look at the whole picture costs, as a share of a core and of decoding the same stream.

One thread; a textured picture with noise. Decoding is that of H.264 made here by x264 (ultrafast)
at 15 pictures a second; a look is taken every ``--every`` seconds.
"""

import argparse
import statistics
import time
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from spyoncino.detectors.picture_look import PictureLooker
from spyoncino.detectors.picture_views import found_elsewhere, match, sketch_of

FPS = 15
FRAMES = 60


def pictures(width_px: int, height_px: int) -> list[NDArray[np.uint8]]:
    """I420 pictures of one scene with fresh noise."""
    rng = np.random.default_rng(1)
    base = cv2.resize(rng.integers(0, 256, (36, 64), np.uint8), (width_px, height_px))
    found = []
    for _ in range(8):
        picture = np.full((height_px * 3 // 2, width_px), 140, np.uint8)
        noise = rng.integers(0, 8, base.shape, np.uint8)
        picture[:height_px] = np.clip(base.astype(np.int16) + noise, 16, 235)
        found.append(picture)
    return found


def decode_ms(found: list[NDArray[np.uint8]]) -> float:
    """Milliseconds of processor time to decode one picture."""
    height_px, width_px = found[0].shape[0] * 2 // 3, found[0].shape[1]
    encoder = av.CodecContext.create("libx264", "w")
    if not isinstance(encoder, av.VideoCodecContext):
        raise TypeError("libx264 makes no video")
    encoder.width, encoder.height, encoder.pix_fmt = width_px, height_px, "yuv420p"
    encoder.time_base = Fraction(1, FPS)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    packets = []
    for index in range(FRAMES):
        frame = av.VideoFrame.from_ndarray(found[index % len(found)], format="yuv420p")
        frame.pts = index
        packets += encoder.encode(frame)
    decoder = av.CodecContext.create("h264", "r")
    if not isinstance(decoder, av.VideoCodecContext):
        raise TypeError("h264 is no video")
    decoder.thread_count = 1
    began = time.process_time()
    for packet in packets:
        decoder.decode(packet)
    return (time.process_time() - began) * 1e3 / FRAMES


def median_ms(times: list[float]) -> float:
    """Median in milliseconds."""
    return statistics.median(times) * 1e3


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two looks")
    parser.add_argument("--looks", type=int, default=100)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for size in ((640, 360), (1280, 720)):
        found, looker, looks, likes = pictures(*size), PictureLooker(), [], []
        view = sketch_of(looker.look(found[0]).sketch)
        for index in range(options.looks):
            began = time.process_time()
            facts = looker.look(found[index % len(found)])
            looks.append(time.process_time() - began)
            began = time.process_time()
            match(view, sketch_of(facts.sketch))
            likes.append(time.process_time() - began)
        began = time.process_time()
        found_elsewhere(view, np.ascontiguousarray(view[:, ::-1]))
        search_ms = (time.process_time() - began) * 1e3
        look_ms, like_ms, one_ms = median_ms(looks), median_ms(likes), decode_ms(found)
        core = look_ms / 1e3 / options.every
        line = (
            f"{size[0]}x{size[1]}: look {look_ms:.2f} ms = {core:.4%} of a core, "
            f"{look_ms / options.every / (one_ms * FPS):.3%} of decoding ({one_ms:.2f} ms a "
            f"picture, {FPS}/s); in main one view {like_ms:.2f} ms, search {search_ms:.1f} ms"
        )
        print(line, flush=True)


if __name__ == "__main__":
    main()
