"""Picture files of strangers: one sentence for a bad one, bounded memory, the right way up."""

import os
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spyoncino.errors import MediaError
from spyoncino.media import picture_files
from spyoncino.media.picture_files import decode_picture, read_picture

RED, BLUE = (0, 0, 255), (255, 0, 0)
ORIENTATIONS = {1: (60, 40), 3: (60, 40), 6: (40, 60), 8: (40, 60)}
"""EXIF value to (width, height) of the upright picture."""


def scene(width: int = 60, height: int = 40) -> NDArray[np.uint8]:
    """Left half red, the rest blue."""
    image = np.empty((height, width, 3), np.uint8)
    image[:, : width // 2], image[:, width // 2 :] = RED, BLUE
    return image


def encoded(extension: str, image: NDArray[np.integer[Any]] | None = None) -> bytes:
    done, data = cv2.imencode(extension, scene() if image is None else image)
    assert done
    return bytes(data)


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + b"\0\0\0\0"
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    sum_ = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + sum_


def flat_png(width: int, height: int, *, bits: int = 8) -> bytes:
    """A true PNG of one colour: a hundred million pixels are a hundred kilobytes."""
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    packer = zlib.compressobj(1)
    row = b"\0" * (1 + width * bits // 8)
    data = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in chunks)


def resized_jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size; the decoder fills what is missing."""
    jpeg = bytearray(encoded(".jpg"))
    at = jpeg.index(b"\xff\xc0")
    struct.pack_into(">HH", jpeg, at + 5, height, width)
    return bytes(jpeg)


def animated(extension: str) -> bytes:
    animation = cv2.Animation()
    animation.frames = [scene(), np.full((40, 60, 3), 200, np.uint8)]
    animation.durations = [100, 100]
    done, data = cv2.imencodeanimation(extension, animation)
    assert done
    return bytes(data)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".gif", ".bmp"])
def test_formats_that_people_have_are_read(extension: str) -> None:
    picture = decode_picture(encoded(extension))
    assert (picture.width_px, picture.height_px) == (60, 40)
    assert picture.image.shape == (40, 60, 3)
    left, right = picture.image[20, 10].astype(int), picture.image[20, 50].astype(int)
    assert left[2] - left[0] > 150
    assert right[0] - right[2] > 150


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_picture_is_turned_as_its_camera_was_held(orientation: int) -> None:
    picture = decode_picture(with_exif(encoded(".jpg"), orientation))
    assert (picture.width_px, picture.height_px) == ORIENTATIONS[orientation]
    assert picture.image.shape[:2] == (picture.height_px, picture.width_px)


def test_sixteen_bits_and_grey_become_eight_bits_in_colour() -> None:
    deep = scene().astype(np.uint16) * 257
    assert decode_picture(encoded(".png", deep)).image.dtype == np.uint8
    grey = decode_picture(encoded(".png", scene()[:, :, 0])).image
    assert grey.shape == (40, 60, 3)


def test_a_transparent_picture_has_three_colours() -> None:
    clear = np.dstack([scene(), np.full((40, 60), 128, np.uint8)])
    assert decode_picture(encoded(".png", clear)).image.shape == (40, 60, 3)


@pytest.mark.parametrize("extension", [".gif", ".webp", ".png"])
def test_of_an_animation_the_first_picture_counts(extension: str) -> None:
    picture = decode_picture(animated(extension))
    assert picture.image[20, 10].astype(int)[2] > 200
    assert picture.image[20, 10].astype(int)[0] < 60


def test_a_jpeg_in_printing_colours_is_read() -> None:
    """CMYK as printers and old editors write it: four components, with Adobe's mark."""
    jpeg = Path(__file__).parents[2] / "fixtures" / "cmyk.jpg"
    picture = decode_picture(jpeg.read_bytes())
    assert picture.image.shape[2] == 3
    assert picture.image[:, :8].mean() > picture.image[:, -8:].mean() + 60


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"Dear diary", "it is not a picture"),
        (b"RIFF\0\0\0\0WAVE", "it is not a picture"),
        (b"RIFF\0\0\0\0WEBPjunk" + bytes(20), "its header is broken"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "it is a HEIC file; save it as JPEG or PNG first"),
        (b"II*\0" + bytes(20), "it is a TIFF file"),
        (b"\xff\xd8\xff", "its header is cut off"),
        (b"\xff\xd8\xff\xd9\0\0", "there is no picture in it"),
        (b"\x89PNG\r\n\x1a\n", "its header is cut off"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "the picture has no size"),
        (encoded(".png")[:60], "the PNG data is damaged"),
        (encoded(".webp")[:40], "the WebP data is damaged"),
        (encoded(".jpg")[:100], "its header is cut off"),
        (encoded(".jpg")[:-2], "its last part is missing"),
        (flat_png(10_000, 10_000), "its 10000×10000 pixels are more than 25 million"),
        (resized_jpeg(60_000, 60_000), "more than 400 million"),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else None,
)
def test_each_bad_file_has_its_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=sentence) as raised:
        read_picture(path)
    assert str(raised.value).startswith(f"{path} cannot be used: ")
    assert "\n" not in str(raised.value)


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a folder"):
        read_picture(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(MediaError, match="device or pipe"):
        read_picture(pipe)
    with pytest.raises(MediaError, match="cannot be read: No such file"):
        read_picture(tmp_path / "nothing.jpg")


def test_a_file_of_many_megabytes_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_files, "MAX_FILE_BYTES", 100)
    path = tmp_path / "p.jpg"
    path.write_bytes(encoded(".jpg"))
    with pytest.raises(MediaError, match="more than 0 MB"):
        read_picture(path)


def test_a_huge_jpeg_is_decoded_small_and_keeps_its_true_size() -> None:
    picture = decode_picture(encoded(".jpg", scene(6400, 4800)))
    assert (picture.width_px, picture.height_px) == (6400, 4800)
    assert picture.image.shape == (2400, 3200, 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jpeg", "png", "deep"])
def test_a_hundred_megapixels_stay_within_bounds(tmp_path: Path, kind: str) -> None:
    """In a process of its own, which tells by how much it grew."""
    content = {
        "jpeg": lambda: encoded(".jpg", np.zeros((9_000, 12_000), np.uint8)),
        "png": lambda: flat_png(5_000, 4_999),
        "deep": lambda: flat_png(5_000, 4_999, bits=16),
    }[kind]()
    path = tmp_path / "huge"
    path.write_bytes(content)
    code = f"""
        import resource
        from pathlib import Path
        from spyoncino.media.picture_files import read_picture
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            print(read_picture(Path({str(path)!r})).image.shape)
        except Exception as error:
            print(type(error).__name__)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    told, grown_mb = done.stdout.splitlines()
    assert told in ("(2250, 3000, 3)", "(4999, 5000, 3)", "MediaError")
    assert int(grown_mb) < 300
    assert done.stderr == ""


SMALL = {each: encoded(each) for each in (".jpg", ".png", ".webp", ".gif", ".bmp")}


@settings(max_examples=150, deadline=None)
@given(
    extension=st.sampled_from(sorted(SMALL)),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=12),
    length=st.floats(0.05, 1.0),
)
def test_damaged_files_never_do_worse_than_a_sentence(
    extension: str, flips: list[tuple[int, int]], length: float
) -> None:
    content = bytearray(SMALL[extension])
    for at, bits in flips:
        content[at % len(content)] ^= bits
    try:
        picture = decode_picture(bytes(content[: max(1, int(len(content) * length))]))
    except MediaError as error:
        told = str(error)
    else:
        told = "fine"
        assert picture.image.ndim == 3
        assert picture.image.shape[0] * picture.image.shape[1] <= picture_files.MAX_PX
    assert told
    assert "\n" not in told
