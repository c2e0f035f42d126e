import fractions
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from spyoncino.errors import ConfigError, MediaError, StaleFrameError
from spyoncino.media.clip_writer import ClipWriter
from spyoncino.media.encode import H264Encoder
from spyoncino.runtime.frame_ring import FrameHandle, FrameRing
from spyoncino.runtime.media_tasks import (
    build_finish_clip_task,
    build_picture_task,
    build_preview_task,
    build_snapshot_task,
)
from spyoncino.runtime.tasks import FinishClipJob, PictureJob, PreviewJob, SnapshotJob

WIDTH, HEIGHT, FPS, FRAMES = 64, 48, 10, 30


@pytest.fixture
def frame(tmp_path: Path) -> Iterator[FrameHandle]:
    """One blue picture in a ring."""
    ring = FrameRing.create(tmp_path, "door", 1, WIDTH * HEIGHT * 3 // 2)
    slot = ring.claim()
    assert slot is not None
    blue = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    blue[..., 0] = 255
    ring.picture(slot, WIDTH, HEIGHT)[:] = cv2.cvtColor(blue, cv2.COLOR_BGR2YUV_I420)
    yield ring.publish(slot, WIDTH, HEIGHT)
    ring.close()


@pytest.fixture
def growing_clip(tmp_path: Path) -> Path:
    """Three seconds of a square that moves, as capture leaves them."""
    encoder = H264Encoder(WIDTH, HEIGHT, FPS)
    packets = []
    for number in range(FRAMES):
        picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
        picture[10:30, number : number + 20] = 230
        shown = av.VideoFrame.from_ndarray(picture, format="bgr24")
        shown.pts, shown.time_base = number, fractions.Fraction(1, FPS)
        packets += encoder.encode(shown, number / FPS)
    packets += encoder.flush()
    path = tmp_path / "clip.part.mp4"
    writer = ClipWriter(path, encoder.video, None)
    for packet in packets:
        writer.write(packet)
    writer.close()
    return path


def test_a_live_picture_is_the_bytes_of_a_jpeg(frame: FrameHandle) -> None:
    content = build_picture_task({})(PictureJob(frame))
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(ConfigError):
        build_picture_task({"quality": 3})


def test_snapshot_is_a_jpeg_of_the_frame(frame: FrameHandle, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.jpg"
    result = build_snapshot_task({})(SnapshotJob(frame, str(path)))
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture[24, 32, 0] > 200
    assert picture[24, 32, 2] < 60
    assert (result.width_px, result.height_px) == (WIDTH, HEIGHT)
    assert result.size_bytes == path.stat().st_size


def test_snapshot_replaces_an_older_one(frame: FrameHandle, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.jpg"
    path.write_bytes(b"old")
    build_snapshot_task({})(SnapshotJob(frame, str(path)))
    assert path.read_bytes()[:2] == b"\xff\xd8"
    assert [item.name for item in tmp_path.glob("snapshot*")] == ["snapshot.jpg"]


def test_snapshot_of_a_lost_frame_leaves_no_file(tmp_path: Path) -> None:
    lost = FrameHandle(str(tmp_path / "gone.ring"), 0, 1, WIDTH, HEIGHT)
    with pytest.raises(StaleFrameError):
        build_snapshot_task({})(SnapshotJob(lost, str(tmp_path / "snapshot.jpg")))
    assert list(tmp_path.iterdir()) == []


def test_finished_clip_has_the_growing_ones_time(growing_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    result = build_finish_clip_task({})(FinishClipJob(str(growing_clip), str(path), start_s=7.5))
    assert result.path == str(path)
    assert result.start_s == 7.5
    assert result.duration_s == pytest.approx(FRAMES / FPS, abs=0.15)
    assert result.size_bytes == path.stat().st_size
    assert not growing_clip.exists()
    with av.open(str(path)) as clip:
        assert sum(1 for _ in clip.decode(video=0)) == FRAMES


def test_clip_ends_where_it_is_cut(growing_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    result = build_finish_clip_task({})(
        FinishClipJob(str(growing_clip), str(path), start_s=7.5, end_s=9.0)
    )
    assert result.duration_s == pytest.approx(1.5, abs=0.25)


def test_clip_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        build_finish_clip_task({})(
            FinishClipJob(str(tmp_path / "none.mp4"), str(tmp_path / "clip.mp4"))
        )


def test_previews_show_the_clip_moving(growing_clip: Path, tmp_path: Path) -> None:
    gif, webp = tmp_path / "preview.gif", tmp_path / "preview.webp"
    result = build_preview_task({})(
        PreviewJob(str(growing_clip), str(gif), str(webp), width_px=32, max_frames=5)
    )
    assert gif.read_bytes()[:3] == b"GIF"
    assert webp.read_bytes()[8:12] == b"WEBP"
    assert result.gif_size_bytes == gif.stat().st_size
    assert result.webp_size_bytes == webp.stat().st_size
    assert (result.width_px, result.height_px) == (32, 24)
    assert 2 <= result.frame_count <= 5
    assert result.duration_s > 0


@pytest.mark.parametrize("build", [build_snapshot_task, build_finish_clip_task, build_preview_task])
def test_settings_are_refused_as_there_are_none(build: object) -> None:
    assert callable(build)
    with pytest.raises(ConfigError, match="known: none"):
        build({"quality": 3})
