"""Sound to AAC."""

from dataclasses import replace
from pathlib import Path

import av
import pytest
from tests.fixtures.clips import ClipPlan, write_clip

from spyoncino.errors import MediaError
from spyoncino.media.audio import AacEncoder
from spyoncino.media.demux import Demuxer


@pytest.mark.parametrize(("rate", "wanted"), [(16_000, 16_000), (22_051, 24_000), (96_000, 48_000)])
def test_strange_rates_become_ones_that_aac_knows(tmp_path: Path, rate: int, wanted: int) -> None:
    plan = ClipPlan(audio="pcm_s16le", audio_rate_hz=rate)
    demuxer = Demuxer(str(write_clip(tmp_path / "s.mkv", plan)))
    assert demuxer.audio is not None
    with av.open(str(tmp_path / "out.mp4"), mode="w") as container:
        encoder = AacEncoder(demuxer.audio, container)
        packets = []
        for packet in demuxer.packets():
            if packet.kind == "audio":
                packets += list(encoder.encode(packet, packet.pts_s))
        packets += list(encoder.flush())
        container.mux(packets)
    demuxer.close()
    assert encoder.stream.codec_context.sample_rate == wanted
    times = [packet.pts for packet in packets if packet.pts is not None]
    assert times == sorted(set(times))
    assert times[-1] / wanted == pytest.approx(3.0, abs=0.2)


def test_a_picture_codec_is_no_sound(tmp_path: Path) -> None:
    demuxer = Demuxer(str(write_clip(tmp_path / "s.mkv", ClipPlan(audio="pcm_s16le"))))
    assert demuxer.audio is not None
    with (
        av.open(str(tmp_path / "out.mp4"), mode="w") as container,
        pytest.raises(MediaError, match="not an audio codec"),
    ):
        AacEncoder(replace(demuxer.audio, codec="h264"), container)
    demuxer.close()
