"""It keeps the contract of modules, and writes every event once."""

import asyncio
import csv
from pathlib import Path

import pytest
from spyoncino_event_csv import EventCsv

from spyoncino.clock import FakeClock
from spyoncino.schemas.events import EventCompleted
from spyoncino.schemas.topics import EVENT_COMPLETED
from spyoncino.testing import ModuleContract, ModuleHarness, Rule
from spyoncino.testing.examples import EXAMPLES

CONTRACT = ModuleContract(EventCsv)
COMPLETED = next(each for each in EXAMPLES if isinstance(each, EventCompleted))


@pytest.mark.parametrize("rule", CONTRACT.rules, ids=str)
def test_it_keeps_the_contract(rule: Rule) -> None:
    rule.check()


def test_an_event_is_one_line_however_often_it_comes_and_whatever_restarts(tmp_path: Path) -> None:
    async def live() -> None:
        async with ModuleHarness(tmp_path, FakeClock()) as harness:
            await harness.add(EventCsv)
            await harness.feed(EVENT_COMPLETED, COMPLETED, COMPLETED)

    for _ in range(2):
        asyncio.run(live())
    with (tmp_path / "events.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["event_id"], row["camera"]) for row in rows] == [
        (COMPLETED.event.event_id, COMPLETED.event.camera)
    ]
