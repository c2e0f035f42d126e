"""Real recordings of several codecs, from file to clip and preview."""

import csv
import os
from pathlib import Path

import pytest
from tests.fixtures.clips import played_times

from spyoncino.media.clip_writer import ClipWriter, finish_clip
from spyoncino.media.decode import FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.encode import H264Encoder
from spyoncino.media.preview import make_preview

DATA = Path(os.environ.get("SPYONCINO_TESTDATA", "/nonexistent"))

pytestmark = [
    pytest.mark.accuracy,
    pytest.mark.skipif(not DATA.is_dir(), reason="SPYONCINO_TESTDATA is not set"),
]

CLIPS = (
    "TUD-Campus.mp4",
    "motorway-cyclist.avi",
    "people-walking.mp4",
    "person-bicycle-car-detection.mp4",
    "tree.avi",
    "vtest.avi",
    "visitors/again.mkv",
)


def stated(name: str) -> dict[str, str]:
    with (DATA / "groundtruth" / "clips.csv").open(newline="") as opened:
        return next(row for row in csv.DictReader(opened) if row["file"] == f"clips/{name}")


@pytest.mark.parametrize("name", CLIPS)
def test_a_recording_becomes_frames_a_clip_and_a_preview(tmp_path: Path, name: str) -> None:
    demuxer = Demuxer(str(DATA / "clips" / name))
    video = demuxer.video
    decoder = FrameDecoder(video)
    encoder = None if video.is_kept else H264Encoder(video.width_px, video.height_px, video.fps)
    part = tmp_path / "clip.part"
    writer = ClipWriter(part, encoder.video if encoder else video, demuxer.audio)
    times: list[float] = []
    for packet in demuxer.packets():
        frames = decoder.decode(packet) if packet.kind == "video" else []
        times += [frame.pts_s for frame in frames]
        kept = [packet] if encoder is None else []
        if encoder is not None:
            kept = [p for f in frames for p in encoder.encode(f.picture, f.pts_s)]
        for item in kept:
            writer.write(item)
    demuxer.close()
    tail = decoder.flush()
    times += [frame.pts_s for frame in tail]
    if encoder is not None:
        for frame in tail:
            for item in encoder.encode(frame.picture, frame.pts_s):
                writer.write(item)
    facts = writer.close()
    assert len(times) == int(stated(name)["frames"])
    assert times == sorted(set(times))
    assert demuxer.counters.corrupt == decoder.corrupt_count == 0
    final = tmp_path / "clip.mp4"
    finished = finish_clip(part, final, start_s=facts.start_s)
    played = played_times(final)
    assert len(played) >= len(times)
    assert played[0] == 0.0
    assert finished.duration_s == pytest.approx(played[-1], abs=0.5)
    preview = make_preview(final, tmp_path / "p.gif", tmp_path / "p.webp")
    assert 12 <= preview.frame_count <= 24
    assert preview.gif_size_bytes > preview.webp_size_bytes > 0
