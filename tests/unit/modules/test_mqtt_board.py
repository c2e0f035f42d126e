"""What lies retained is what is wanted; what an earlier run left is emptied."""

import asyncio
import json
from pathlib import Path

import pytest
import structlog

from spyoncino.errors import DeliveryError
from spyoncino.modules.mqtt_board import Board

LOG = structlog.get_logger("tests")
DOCUMENT = {"components": {"person": {"platform": "binary_sensor", "name": "Person"}}}
BELL = {"components": {**DOCUMENT["components"], "ring": {"platform": "event"}}}


class Broker:
    """Takes retained values; ``is_gone`` refuses them."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.is_gone = False

    async def take(self, topic: str, payload: bytes) -> None:
        await asyncio.sleep(0)
        if self.is_gone:
            raise DeliveryError("the broker is gone")
        self.said.append((topic, payload))

    @property
    def retained(self) -> dict[str, bytes]:
        return {topic: payload for topic, payload in dict(self.said).items() if payload}


@pytest.fixture
def broker() -> Broker:
    return Broker()


def board(broker: Broker, folder: Path) -> Board:
    return Board(broker.take, folder / "topics.json", LOG)


async def test_only_the_newest_value_is_told_once_the_broker_is_there(
    broker: Broker, tmp_path: Path
) -> None:
    facts = board(broker, tmp_path)
    facts.put("mode", b"home")
    facts.put("mode", b"away")
    facts.put_first("mode", b"night")
    broker.is_gone = True
    with pytest.raises(DeliveryError):
        await facts.tell_next()
    broker.is_gone = False
    await facts.tell_next()
    assert broker.said == [("mode", b"away")]


async def test_topics_of_an_earlier_run_that_nobody_wants_are_emptied(
    broker: Broker, tmp_path: Path
) -> None:
    earlier = board(broker, tmp_path)
    earlier.put("door/person", b"ON")
    earlier.put("yard/person", b"ON")
    await earlier.adopt({"device/door": DOCUMENT}, frozenset({"door/person", "yard/person"}))
    await earlier.tell_next()
    assert broker.retained.keys() == {"device/door", "door/person", "yard/person"}
    await board(broker, tmp_path).adopt({}, frozenset({"yard/person"}))
    assert broker.retained == {"yard/person": b"ON"}


async def test_a_removed_camera_is_not_told_again_by_the_run_that_knew_it(
    broker: Broker, tmp_path: Path
) -> None:
    facts = board(broker, tmp_path)
    facts.put("door/person", b"ON")
    facts.put("mode", b"home")
    await facts.adopt({}, frozenset({"door/person", "mode"}))
    await facts.tell_next()
    await facts.adopt({}, frozenset({"mode"}))
    facts.tell_again("door/person", "mode")
    await facts.tell_next()
    assert broker.retained == {"mode": b"home"}


async def test_what_could_not_be_emptied_is_emptied_with_the_next_connection(
    broker: Broker, tmp_path: Path
) -> None:
    await board(broker, tmp_path).adopt({"device/door": DOCUMENT}, frozenset())
    broker.is_gone = True
    with pytest.raises(DeliveryError):
        await board(broker, tmp_path).adopt({}, frozenset())
    broker.is_gone = False
    await board(broker, tmp_path).adopt({}, frozenset())
    assert broker.retained == {}


async def test_an_entity_that_is_gone_is_taken_leave_of_before_it_is_left_out(
    broker: Broker, tmp_path: Path
) -> None:
    await board(broker, tmp_path).adopt({"device/door": BELL}, frozenset())
    broker.said.clear()
    await board(broker, tmp_path).adopt({"device/door": DOCUMENT}, frozenset())
    told = [json.loads(payload)["components"] for _, payload in broker.said]
    assert [each.get("ring") for each in told] == [{"platform": "event"}, None]


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}'])
async def test_a_broken_memory_is_replaced(broker: Broker, tmp_path: Path, content: str) -> None:
    (tmp_path / "topics.json").write_text(content)
    await board(broker, tmp_path).adopt({}, frozenset({"mode"}))
    assert json.loads((tmp_path / "topics.json").read_text()) == {"mode": {}}


async def test_a_memory_that_cannot_be_written_stops_nothing(broker: Broker) -> None:
    facts = board(broker, Path("/proc"))
    facts.put("mode", b"home")
    await facts.adopt({}, frozenset({"mode"}))
    await facts.tell_next()
    assert broker.retained == {"mode": b"home"}
