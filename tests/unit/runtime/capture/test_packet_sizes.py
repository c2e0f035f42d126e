"""What counts as a growth of packets, and what does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.runtime.capture.packet_sizes import LIMIT, MAX_LIMIT, MIN_KNOWN, PacketSizes


def taught(sizes: list[int]) -> PacketSizes:
    packets = PacketSizes()
    for size in sizes:
        packets.learn(size)
    return packets


def noise(count: int, middle: int, spread: float, seed: int = 1) -> list[int]:
    factors = np.random.default_rng(seed).lognormal(0, spread, count)
    return [round(middle * float(factor)) for factor in factors]


def alarms(packets: PacketSizes, sizes: list[int]) -> list[int]:
    found = []
    for number, size in enumerate(sizes):
        if packets.is_jump(size):
            found.append(number)
            packets.restart()
        else:
            packets.learn(size)
    return found


def test_before_the_usual_is_known_everything_is_an_alarm() -> None:
    assert taught([1000] * (MIN_KNOWN - 1)).is_jump(1000)
    assert not taught([1000] * (MIN_KNOWN - 1)).is_known
    assert not taught([1000] * MIN_KNOWN).is_jump(1000)
    assert taught([1000] * MIN_KNOWN).is_known


@pytest.mark.parametrize(("middle", "spread"), [(200, 0.1), (15_000, 0.15), (40_000, 0.3)])
def test_noise_alone_is_no_alarm_for_minutes(middle: int, spread: float) -> None:
    packets = taught(noise(250, middle, spread))
    assert alarms(packets, noise(5000, middle, spread, seed=2)) == []


@pytest.mark.parametrize("spread", [0.05, 0.15, 0.3])
def test_packets_of_twice_the_size_are_an_alarm_within_a_second(spread: float) -> None:
    packets = taught(noise(250, 15_000, spread))
    found = alarms(packets, noise(25, 30_000, spread, seed=2))
    assert found


def test_one_fat_packet_a_second_is_no_alarm() -> None:
    second = [*noise(24, 5000, 0.1), 60_000]
    packets = taught(second * 10)
    assert alarms(packets, second * 60) == []


def test_a_slow_change_of_the_light_is_followed() -> None:
    packets = taught(noise(250, 5000, 0.1))
    night = [round(size * (1 + 3 * n / 5000)) for n, size in enumerate(noise(5000, 5000, 0.1, 2))]
    assert alarms(packets, night) == []
    assert alarms(packets, noise(25, 60_000, 0.1, 3))


def test_a_few_bytes_more_of_nearly_nothing_are_no_alarm() -> None:
    packets = taught([60] * 250)
    assert alarms(packets, [90] * 50) == []
    assert alarms(packets, [900] * 5)


def test_a_false_alarm_raises_the_limit_for_a_while_only() -> None:
    packets = taught(noise(250, 5000, 0.1))
    packets.blame()
    assert LIMIT < packets.limit < MAX_LIMIT
    for _ in range(20):
        packets.blame()
    assert packets.limit == MAX_LIMIT
    for size in noise(30_000, 5000, 0.1):
        packets.learn(size)
    assert packets.limit == LIMIT


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40), st.integers(1, 15))
def test_any_sizes_can_be_learned_and_asked_about(some: list[int], times: int) -> None:
    """Few are drawn and come again: long lists fail hypothesis' check of speed when it is busy."""
    packets, sizes = PacketSizes(), some * times
    for size in sizes:
        packets.is_jump(size)
        packets.learn(size)
    assert packets.is_known == (len(sizes) >= MIN_KNOWN)
    assert packets.is_jump(10**9) or packets.is_known
