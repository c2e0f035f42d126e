"""Main is killed and far sides fail: every visit is told to its end at every channel."""

import sys

import pytest
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from telling_far import CHANNELS  # noqa: E402 - the path comes first
from telling_faults import drill, rows_of  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.processes,
    pytest.mark.alone,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated"),
]

EVENTS = 40


def test_no_visit_is_without_its_last_message_although_main_is_killed_and_far_sides_fail() -> None:
    outcome = drill(EVENTS, kills=3, phase_s=0.5)
    for row in rows_of(outcome, EVENTS):
        print(f"{row.name}: {row.value:g} {row.unit}")
    assert {channel: outcome.missing(channel, EVENTS) for channel in CHANNELS} == dict.fromkeys(
        CHANNELS, set()
    )
    assert outcome.given_up == 0
    assert {channel: outcome.verdicts[channel].doubled for channel in ("webhook", "mqtt")} == {
        "webhook": 0,
        "mqtt": 0,
    }
