"""A stuck sensor: few messages on every channel, a digest, and the bell is heard all the same."""

import sys

import pytest
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from telling_far import CHANNELS
from telling_flood import flood, rows_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.processes,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated"),
]

EVENTS = 150
SIX_A_MINUTE = 6


def test_a_stuck_sensor_is_few_messages_and_a_digest_on_every_channel_and_the_bell_is_heard() -> (
    None
):
    found = flood(EVENTS, presses=1)
    sys.stdout.writelines(f"{row.name}: {row.value:g}\n" for row in rows_of(found, EVENTS))
    assert found.told == dict.fromkeys(CHANNELS, SIX_A_MINUTE)
    held_back = f"{EVENTS - SIX_A_MINUTE} events were not told"
    assert {channel: held_back in said for channel, said in found.digests.items()} == dict.fromkeys(
        CHANNELS, True
    )
    assert {channel: len(each) for channel, each in found.presses_s.items()} == dict.fromkeys(
        CHANNELS, 1
    )
    assert found.owed == 0
