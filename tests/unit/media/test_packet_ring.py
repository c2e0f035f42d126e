"""The last seconds, compressed, by whole groups of pictures."""

from typing import Any, Literal

from av.packet import Packet
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.media.packet_ring import PacketRing
from spyoncino.media.packets import MediaPacket

DATA: "Packet[Any]" = Packet(b"x")
SIZE = 100


def packet(
    pts_s: float,
    *,
    is_key: bool = False,
    kind: Literal["video", "audio"] = "video",
    size: int = SIZE,
    dts_s: float | None = None,
) -> MediaPacket:
    return MediaPacket(kind, DATA, pts_s, pts_s if dts_s is None else dts_s, is_key, size)


def filled(max_s: float, max_bytes: int, seconds: int, per_second: int = 10) -> PacketRing:
    """A ring after so many seconds of video with a key frame a second."""
    ring = PacketRing(max_s, max_bytes)
    for index in range(seconds * per_second):
        ring.push(packet(index / per_second, is_key=index % per_second == 0))
    return ring


def test_an_empty_ring_has_nothing() -> None:
    ring = PacketRing(5, 1000)
    assert (ring.size_bytes, ring.span_s, ring.oldest_s, ring.newest_s) == (0, 0.0, None, None)
    assert ring.since(0) == []
    assert ring.gop_at(0) == []


def test_time_is_kept_in_whole_groups_and_never_less_than_asked() -> None:
    ring = filled(max_s=3, max_bytes=10**9, seconds=20)
    assert ring.oldest_s == 16.0
    assert ring.newest_s == 19.9
    assert 3 <= ring.span_s < 4
    assert ring.counters.pushed == 200
    assert ring.counters.dropped == 160


def test_bytes_are_a_hard_limit() -> None:
    ring = filled(max_s=100, max_bytes=25 * SIZE, seconds=20)
    assert ring.size_bytes <= 25 * SIZE
    assert ring.oldest_s == 18.0


def test_the_current_group_stays_whatever_the_seconds() -> None:
    ring = PacketRing(1, 10**9)
    for index in range(300):
        ring.push(packet(index / 10, is_key=index == 0))
    assert ring.oldest_s == 0.0
    assert len(ring.since(0)) == 300


def test_a_group_larger_than_the_ring_is_given_up_and_counted() -> None:
    ring = PacketRing(10, 5 * SIZE)
    for index in range(9):
        ring.push(packet(index / 10, is_key=index == 0))
    assert ring.counters.oversized == 1
    assert ring.counters.orphans == 3
    assert ring.size_bytes == 0
    ring.push(packet(1.0, is_key=True))
    assert ring.oldest_s == ring.newest_s == 1.0


def test_packets_before_the_first_key_frame_are_refused_and_counted() -> None:
    ring = PacketRing(10, 1000)
    ring.push(packet(0.0))
    ring.push(packet(0.0, kind="audio", is_key=True))
    assert ring.counters.orphans == 2
    assert ring.oldest_s is None


def test_since_begins_at_the_key_frame_before_the_moment() -> None:
    ring = filled(max_s=10, max_bytes=10**9, seconds=5)
    assert [p.pts_s for p in ring.since(2.55)][:2] == [2.0, 2.1]
    assert ring.since(2.0)[0].pts_s == 2.0
    assert ring.since(2.0)[-1].pts_s == 4.9
    assert ring.since(-1.0)[0].pts_s == 0.0
    assert ring.since(99.0)[0].pts_s == 4.0


def test_since_brings_the_sound_that_arrived_before_its_key_frame() -> None:
    ring = PacketRing(10, 10**9)
    sound = [packet(at, kind="audio", is_key=True) for at in (0.9, 1.0, 1.1)]
    for item in [packet(0.0, is_key=True), *sound, packet(1.0, is_key=True), packet(1.1)]:
        ring.push(item)
    assert [(p.kind, p.pts_s) for p in ring.since(1.0)] == [
        ("video", 1.0),
        ("audio", 1.0),
        ("audio", 1.1),
        ("video", 1.1),
    ]


def test_sound_is_no_part_of_what_a_picture_needs() -> None:
    ring = PacketRing(10, 10**9)
    for item in [packet(0.0, is_key=True), packet(0.05, kind="audio", is_key=True), packet(0.1)]:
        ring.push(item)
    assert [p.pts_s for p in ring.gop_at(0.1)] == [0.0, 0.1]


def test_leading_pictures_of_the_next_open_group_are_brought_along() -> None:
    ring = PacketRing(10, 10**9)
    for pts_s, is_key in [(0.0, True), (0.1, False), (0.4, True), (0.2, False), (0.3, False)]:
        ring.push(packet(pts_s, is_key=is_key))
    ring.push(packet(0.5))
    assert [p.pts_s for p in ring.gop_at(0.2)] == [0.0, 0.1, 0.4, 0.2, 0.3]
    assert [p.pts_s for p in ring.gop_at(0.45)] == [0.4, 0.2, 0.3, 0.5]


def test_clearing_forgets_everything_and_counts_it() -> None:
    ring = filled(max_s=10, max_bytes=10**9, seconds=2)
    ring.clear()
    assert (ring.size_bytes, ring.oldest_s) == (0, None)
    assert ring.counters.dropped == 20


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["video", "audio"]), st.integers(1, 500))),
    st.floats(0.1, 5),
    st.integers(500, 5000),
)
def test_whatever_comes_the_ring_is_bounded_and_begins_with_a_key_frame(
    items: list[tuple[bool, Literal["video", "audio"], int]], max_s: float, max_bytes: int
) -> None:
    ring = PacketRing(max_s, max_bytes)
    for index, (is_key, kind, size) in enumerate(items):
        ring.push(packet(index / 10, is_key=is_key, kind=kind, size=size))
        held = ring.since(-1)
        assert sum(p.size_bytes for p in held) == ring.size_bytes <= max_bytes
        assert not held or (held[0].is_key and held[0].kind == "video")
    lost = ring.counters.dropped + ring.counters.orphans
    assert ring.counters.pushed + ring.counters.orphans == len(items)
    assert len(ring.since(-1)) + lost == len(items)
