"""Small moving pictures."""

from pathlib import Path

import av
import pytest
from tests.fixtures.clips import ClipPlan, number_of, played_numbers, write_clip

from spyoncino.errors import MediaError
from spyoncino.media.preview import PreviewFacts, make_preview, sampled_pictures


def preview(
    tmp_path: Path, plan: ClipPlan, *, width_px: int = 320, frames: int = 24
) -> PreviewFacts:
    return make_preview(
        write_clip(tmp_path / "clip.mp4", plan),
        tmp_path / "preview.gif",
        tmp_path / "preview.webp",
        width_px=width_px,
        max_frames=frames,
    )


def test_both_previews_hold_the_same_evenly_spread_pictures(tmp_path: Path) -> None:
    facts = preview(tmp_path, ClipPlan(), frames=8)
    assert (facts.frame_count, facts.width_px, facts.height_px) == (8, 64, 48)
    assert facts.duration_s == pytest.approx(8 / 6)
    with av.open(facts.gif_path) as container:
        numbers = [number_of(picture) for picture in container.decode(video=0)]
    assert numbers == [0, 4, 8, 12, 17, 21, 25, 29]
    assert facts.gif_size_bytes == Path(facts.gif_path).stat().st_size
    assert facts.webp_size_bytes == Path(facts.webp_path).stat().st_size
    data = Path(facts.webp_path).read_bytes()
    assert data[:4] == b"RIFF"
    assert data.count(b"ANMF") == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "clip.mp4",
        "preview.gif",
        "preview.webp",
    ]


def test_key_frames_alone_are_taken_where_there_are_enough(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", ClipPlan(gop=5))
    numbers = [number_of(picture) for picture in sampled_pictures(path, 320, 12)]
    assert numbers == [0, 5, 10, 15, 20, 25]


@pytest.mark.parametrize("gop", [1, 12, 300])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_pictures_come_in_order_whatever_the_groups(
    tmp_path: Path, gop: int, b_frames: int
) -> None:
    plan = ClipPlan(gop=gop, b_frames=b_frames, options={"preset": "medium", "qp": "12"})
    pictures = sampled_pictures(write_clip(tmp_path / "clip.mp4", plan), 320, 10)
    numbers = [number_of(picture) for picture in pictures]
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 10


def test_wide_clips_are_made_small_and_keep_their_shape(tmp_path: Path) -> None:
    facts = preview(tmp_path, ClipPlan(size=(640, 360), times=[0.0, 0.1]))
    assert (facts.width_px, facts.height_px, facts.frame_count) == (320, 180, 2)


@pytest.mark.parametrize("size", [(2, 2), (322, 242), (16, 640)])
def test_strange_sizes_work(tmp_path: Path, size: tuple[int, int]) -> None:
    facts = preview(tmp_path, ClipPlan(size=size, times=[0.0, 0.1, 0.2]))
    assert facts.frame_count == 3


def test_one_picture_is_a_preview_too(tmp_path: Path) -> None:
    facts = preview(tmp_path, ClipPlan(times=[0.0]))
    assert facts.frame_count == 1
    assert played_numbers(Path(facts.gif_path)) == [0]


def test_what_is_no_clip_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("not a clip")
    with pytest.raises(MediaError, match="No preview can be made"):
        make_preview(tmp_path / "clip.mp4", tmp_path / "p.gif", tmp_path / "p.webp")
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    clip = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match=r"p\.gif cannot be written"):
        make_preview(clip, tmp_path / "file" / "p.gif", tmp_path / "p.webp")
