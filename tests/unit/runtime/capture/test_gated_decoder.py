"""Real packets through a decoder that sleeps: nothing is lost, nothing comes twice."""

from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from tests.fixtures.idle_clips import FPS, write_idle_clip

from spyoncino.detectors.motion_average import AverageMotionDetector
from spyoncino.detectors.motion_spec import MotionFacts, MotionSpec
from spyoncino.media.decode import DecodedFrame, FrameDecoder
from spyoncino.media.demux import Demuxer
from spyoncino.media.packets import MediaPacket, VideoFormat
from spyoncino.runtime.capture.gate_watch import GateWatch
from spyoncino.runtime.capture.gated_decoder import GatedDecoder
from spyoncino.runtime.capture.idle_gate import IdleGate, IdleGateSpec

SIZE = (320, 192)
SPEC = IdleGateSpec(quiet_s=3, look_s=1)


class Journal(FrameDecoder):
    """A decoder that writes down what it was given."""

    def __init__(self, video: VideoFormat) -> None:
        super().__init__(video)
        self.runs: list[list[MediaPacket]] = [[]]

    def decode(self, packet: MediaPacket) -> list[DecodedFrame]:
        self.runs[-1].append(packet)
        return super().decode(packet)

    def decode_alone(self, packet: MediaPacket) -> list[DecodedFrame]:
        self.runs[-1].append(packet)
        return super().decode_alone(packet)

    def restart(self) -> None:
        self.runs.append([])
        super().restart()


class Line:
    """Demuxer, gated decoder and motion detector, as a capture process puts them together."""

    def __init__(self, path: Path, *, is_gated: bool = True) -> None:
        demuxer = Demuxer(str(path))
        self.packets = [p for p in demuxer.packets() if p.kind == "video"]
        self.journal = Journal(demuxer.video)
        demuxer.close()
        self.gate = IdleGate(SPEC)
        motion = AverageMotionDetector(MotionSpec())
        self.watch = GateWatch(motion, self.gate, SIZE)
        self.gated = GatedDecoder(self.journal, self.gate, self.watch.sees_change)
        self.is_gated = is_gated
        self.frames: list[DecodedFrame] = []
        self.facts: list[tuple[float, MotionFacts]] = []

    def take(self, packet: MediaPacket) -> None:
        frames = (self.gated if self.is_gated else self.journal).decode(packet)
        self._measure(frames)

    def catch_up(self) -> None:
        while self.gated.is_behind:
            self._measure(self.gated.catch_up())

    def run(self) -> None:
        for packet in self.packets:
            self.take(packet)
            self.catch_up()
        self._measure((self.gated if self.is_gated else self.journal).flush())

    def _measure(self, frames: list[DecodedFrame]) -> None:
        for frame in frames:
            self.frames.append(frame)
            rows = frame.picture.reformat(*SIZE, format="yuv420p").to_ndarray()
            luma = np.asarray(rows[: SIZE[1]], np.uint8)
            self.facts.append((frame.pts_s, self.watch.measure(luma, frame.pts_s)))

    @property
    def times(self) -> list[float]:
        return [frame.pts_s for frame in self.frames]

    def first_motion_s(self) -> float:
        return next(pts for pts, facts in self.facts if facts.regions)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_idle_clip(tmp_path_factory.mktemp("idle") / "a.mp4", seconds=20, walks_at_s=13.0)


def test_a_walker_is_seen_at_the_same_moment_with_and_without_the_gate(clip: Path) -> None:
    gated, plain = Line(clip), Line(clip, is_gated=False)
    gated.run()
    plain.run()
    assert gated.gate.counters.packets_skipped > 3 * FPS
    assert gated.first_motion_s() == pytest.approx(plain.first_motion_s(), abs=1.5 / FPS)
    assert [t for t in gated.times if t > 14] == [t for t in plain.times if t > 14]


def test_times_rise_and_each_run_of_packets_begins_with_a_key_frame_without_a_gap(
    clip: Path,
) -> None:
    line = Line(clip)
    line.run()
    assert all(a < b for a, b in zip(line.times, line.times[1:], strict=False))
    number = {id(packet): n for n, packet in enumerate(line.packets)}
    for run in filter(None, line.journal.runs):
        assert run[0].is_key
        numbers = [number[id(packet)] for packet in run]
        assert numbers == list(range(numbers[0], numbers[0] + len(run)))
    assert line.gated.corrupt_count == 0


def test_pictures_stored_out_of_order_come_at_once_and_in_order(tmp_path: Path) -> None:
    path = write_idle_clip(tmp_path / "b.mp4", seconds=20, walks_at_s=13.0, b_frames=2)
    line = Line(path)
    line.run()
    assert line.gate.counters.packets_skipped > 2 * FPS
    assert all(a < b for a, b in zip(line.times, line.times[1:], strict=False))
    keys = [p.pts_s for p in line.packets if p.is_key]
    assert set(keys) <= set(line.times)


def test_a_change_that_packets_do_not_betray_is_decoded_from_the_key_frame_before(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "spyoncino.runtime.capture.packet_sizes.PacketSizes.is_jump", lambda *_given: False
    )
    gated, plain = Line(clip), Line(clip, is_gated=False)
    gated.run()
    plain.run()
    counters = gated.gate.counters
    assert (counters.wakes_sizes, counters.wakes_change) == (0, 1)
    assert gated.first_motion_s() == pytest.approx(plain.first_motion_s(), abs=1.5 / FPS)


def asleep(clip: Path) -> tuple[Line, list[MediaPacket]]:
    line = Line(clip)
    packets = iter(line.packets)
    for packet in packets:
        line.take(packet)
        if line.gate.counters.packets_skipped > FPS // 2:
            break
    return line, list(packets)


def test_who_asks_gets_what_was_skipped_before_what_arrives(clip: Path) -> None:
    line, packets = asleep(clip)
    before = line.times[-1]
    line.gated.attend(2.0)
    line.take(packets[0])
    assert line.gated.is_behind
    line.catch_up()
    assert line.times[-1] == packets[0].pts_s
    since = [p.pts_s for p in line.packets if before < p.pts_s <= packets[0].pts_s]
    assert [t for t in line.times if t > before] == since
    line.gated.attend(2.0)
    assert not line.gated.is_behind


def test_what_arrives_while_it_is_behind_waits_up_to_a_limit(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spyoncino.runtime.capture.gated_decoder.MAX_BEHIND", 3)
    line, packets = asleep(clip)
    line.gated.attend(2.0)
    full = [line.gated.is_full]
    for packet in packets[:3]:
        line.take(packet)
        full.append(line.gated.is_full)
    line.catch_up()
    full.append(line.gated.is_full)
    assert full == [False, False, False, True, False]
    assert line.gated.catch_up() == []


def test_a_damaged_key_frame_wakes_it(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, packets = asleep(clip)
    monkeypatch.setattr(line.journal, "decode_alone", lambda _packet: [])
    for packet in packets[: 3 * FPS]:
        line.take(packet)
    assert line.gate.counters.wakes_fault == 1
    assert line.gated.is_behind


def test_a_camera_that_sees_a_change_in_every_key_frame_never_sleeps_for_long(clip: Path) -> None:
    line = Line(clip)
    line.gated = GatedDecoder(line.journal, line.gate, lambda _picture: True)
    line.run()
    assert line.times == [p.pts_s for p in line.packets]


def test_a_glance_learns_nothing() -> None:
    gate = IdleGate(SPEC)
    motion = AverageMotionDetector(MotionSpec())
    watch = GateWatch(motion, gate, SIZE)
    calm = np.random.default_rng(1).integers(90, 110, (SIZE[1], SIZE[0])).astype(np.uint8)
    changed = calm.copy()
    changed[60:120, 100:140] = 220
    for number in range(20):
        assert not watch.measure(calm, number / 10).regions
    shown = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8)
    shown[: SIZE[1]] = changed
    for _ in range(50):
        assert watch.sees_change(VideoFrame.from_ndarray(shown, "yuv420p"))
        assert watch.glance(changed)
    assert not watch.glance(calm)
    assert watch.measure(changed, 2.1).regions
