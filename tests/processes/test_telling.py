"""Main is killed and far sides fail: every visit is told to its end at every channel."""

import sys

import pytest
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from telling_far import EVERY_CHANNEL
from telling_faults import drill, rows_of

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
    sys.stdout.writelines(f"{row.name}: {row.value:g}\n" for row in rows_of(outcome, EVENTS))
    missing = {channel: outcome.missing(channel, EVENTS) for channel in EVERY_CHANNEL}
    assert missing == {channel: set() for channel in EVERY_CHANNEL}
    assert outcome.given_up == 0
    shown_once = ("webhook", "mqtt", "web_push")
    assert [outcome.verdicts[channel].doubled for channel in shown_once] == [0, 0, 0]
