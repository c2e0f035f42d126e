"""Bounded queues: what waits, what is lost, who is told, for each policy."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.core.message import Message
from spyoncino.core.queues import BoundedQueue, Policy, build_queue

LOSSY = [Policy.DROP_OLDEST, Policy.DROP_NEWEST, Policy.LATEST]


class Rig:
    """A queue, and what it lost."""

    def __init__(self, policy: Policy, capacity: int) -> None:
        self.lost: list[object] = []
        self.queue: BoundedQueue = build_queue(
            policy, capacity, lambda message: self.lost.append(message.payload)
        )

    def offer(self, payload: object, topic: str = "t") -> asyncio.Future[None] | None:
        return self.queue.offer(Message(topic, payload, 0))

    def take_all(self) -> list[object]:
        taken = []
        while len(self.queue):
            taken.append(self.queue.take().payload)
        return taken


@pytest.mark.parametrize("policy", list(Policy))
def test_messages_come_out_in_the_order_they_went_in(policy: Policy) -> None:
    rig = Rig(policy, 3)
    for number in range(3):
        assert rig.offer(number, f"topic.{number}") is None
    assert len(rig.queue) == 3
    assert rig.take_all() == [0, 1, 2]
    assert rig.lost == []


@pytest.mark.parametrize("policy", list(Policy))
def test_a_capacity_below_one_is_refused(policy: Policy) -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        Rig(policy, 0)
    assert Rig(policy, 1).queue.capacity == 1


@pytest.mark.parametrize("policy", list(Policy))
def test_taking_from_an_empty_queue_is_an_index_error(policy: Policy) -> None:
    rig = Rig(policy, 2)
    assert rig.queue.oldest() is None
    with pytest.raises(IndexError, match=r"from an empty (queue|deque)$"):
        rig.queue.take()


@pytest.mark.parametrize("policy", list(Policy))
def test_the_oldest_is_what_take_returns_next(policy: Policy) -> None:
    rig = Rig(policy, 3)
    rig.offer("a", "topic.a")
    rig.offer("b", "topic.b")
    oldest = rig.queue.oldest()
    assert oldest is not None
    assert oldest.payload == "a"
    assert rig.queue.take() is oldest


@pytest.mark.parametrize("policy", list(Policy))
def test_clearing_loses_everything_that_waits_once(policy: Policy) -> None:
    rig = Rig(policy, 3)
    rig.offer("a", "topic.a")
    rig.offer("b", "topic.b")
    rig.queue.clear()
    rig.queue.clear()
    assert rig.lost == ["a", "b"]
    assert len(rig.queue) == 0


@pytest.mark.parametrize("policy", LOSSY)
def test_withdrawing_does_nothing_where_publishers_never_wait(policy: Policy) -> None:
    rig = Rig(policy, 2)
    message = Message("t", "a", 0)
    rig.queue.offer(message)
    rig.queue.withdraw(message)
    assert rig.take_all() == ["a"]
    assert rig.lost == []


def test_full_queue_drops_oldest_and_tells_it() -> None:
    rig = Rig(Policy.DROP_OLDEST, 2)
    for number in range(4):
        assert rig.offer(number) is None
        assert len(rig.queue) <= 2
    assert rig.lost == [0, 1]
    assert rig.take_all() == [2, 3]


def test_full_queue_drops_newest_and_tells_it() -> None:
    rig = Rig(Policy.DROP_NEWEST, 2)
    for number in range(4):
        assert rig.offer(number) is None
    assert rig.lost == [2, 3]
    assert rig.take_all() == [0, 1]


def test_latest_keeps_one_message_for_each_topic_in_its_place_in_the_line() -> None:
    rig = Rig(Policy.LATEST, 8)
    rig.offer("door 1", "door")
    rig.offer("garden 1", "garden")
    rig.offer("door 2", "door")
    rig.offer("door 3", "door")
    assert rig.lost == ["door 1", "door 2"]
    assert rig.take_all() == ["door 3", "garden 1"]


def test_latest_with_more_topics_than_room_loses_the_one_that_waited_longest() -> None:
    rig = Rig(Policy.LATEST, 2)
    for topic in ("a", "b", "c"):
        rig.offer(topic, topic)
    assert rig.lost == ["a"]
    assert rig.take_all() == ["b", "c"]


async def test_blocking_queue_lets_the_publisher_wait_and_admits_in_order() -> None:
    rig = Rig(Policy.BLOCK, 2)
    assert rig.offer(0) is None
    assert rig.offer(1) is None
    first, second = rig.offer(2), rig.offer(3)
    assert first is not None
    assert second is not None
    assert len(rig.queue) == 2
    assert rig.queue.take().payload == 0
    assert first.done()
    assert not second.done()
    assert rig.take_all() == [1, 2, 3]
    assert second.done()
    assert rig.lost == []


async def test_withdrawn_message_is_lost_unless_it_was_admitted() -> None:
    rig = Rig(Policy.BLOCK, 1)
    rig.offer(0)
    late, later = Message("t", 1, 0), Message("t", 2, 0)
    rig.queue.offer(late)
    rig.queue.offer(later)
    rig.queue.withdraw(late)
    assert rig.lost == [1]
    assert rig.queue.take().payload == 0
    rig.queue.withdraw(later)
    assert rig.lost == [1]
    assert rig.take_all() == [2]


async def test_admitting_for_a_publisher_that_was_cancelled_is_harmless() -> None:
    rig = Rig(Policy.BLOCK, 1)
    rig.offer(0)
    room = rig.offer(1)
    assert room is not None
    room.cancel()
    assert rig.take_all() == [0, 1]


async def test_clearing_a_blocking_queue_frees_waiting_publishers() -> None:
    rig = Rig(Policy.BLOCK, 1)
    rig.offer(0)
    room = rig.offer(1)
    rig.queue.clear()
    assert room is not None
    assert room.done()
    assert rig.lost == [0, 1]


@pytest.mark.parametrize("policy", list(Policy))
async def test_consumer_wakes_at_the_first_message(policy: Policy) -> None:
    rig = Rig(policy, 2)
    waiting = asyncio.create_task(rig.queue.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    rig.offer("a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert waiting.done()
    await rig.queue.wait()


async def test_consumer_that_was_woken_for_nothing_waits_on() -> None:
    rig = Rig(Policy.DROP_OLDEST, 2)
    waiting = asyncio.create_task(rig.queue.wait())
    await asyncio.sleep(0)
    rig.offer("a")
    rig.queue.clear()
    rig.offer("b")
    rig.queue.clear()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    rig.offer("c")
    await waiting


async def test_offer_after_the_consumer_was_cancelled_is_harmless() -> None:
    rig = Rig(Policy.DROP_OLDEST, 2)
    waiting = asyncio.create_task(rig.queue.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    rig.offer("a")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    rig.queue.clear()
    rig.offer("b")
    assert rig.take_all() == ["b"]


@pytest.mark.parametrize(
    ("capacity", "high_mark"), [(1, 2), (2, 2), (3, 2), (10, 8), (64, 51), (256, 205)]
)
def test_high_mark_is_four_fifths_of_the_capacity(capacity: int, high_mark: int) -> None:
    assert Rig(Policy.DROP_OLDEST, capacity).queue.high_mark == high_mark


@pytest.mark.parametrize("policy", list(Policy))
def test_rising_to_the_high_mark_is_told_each_time(policy: Policy) -> None:
    rig = Rig(policy, 10)
    told: list[int] = []
    for number in range(8):
        rig.offer(number, f"early.{number}")
    rig.take_all()
    rig.queue.on_high = lambda: told.append(len(rig.queue))
    for number in range(10):
        rig.offer(number, f"topic.{number}")
    assert told == [8]
    for _ in range(5):
        rig.queue.take()
    for number in range(10, 14):
        rig.offer(number, f"topic.{number}")
    assert told == [8, 8]


def test_replacing_a_message_is_no_rise() -> None:
    rig = Rig(Policy.LATEST, 2)
    told: list[int] = []
    rig.offer("a", "a")
    rig.offer("b", "b")
    rig.queue.on_high = lambda: told.append(1)
    rig.offer("b", "b")
    rig.offer("c", "c")
    assert told == []


Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(st.tuples(st.just("offer"), st.integers(0, 2)), st.just(("take", 0))), max_size=60
)


def run_steps(policy: Policy, capacity: int, steps: list[Step]) -> tuple[Rig, list[object], int]:
    rig = Rig(policy, capacity)
    taken: list[object] = []
    offered = 0
    for step, topic in steps:
        if step == "offer":
            rig.offer((topic, offered), str(topic))
            offered += 1
        elif len(rig.queue):
            taken.append(rig.queue.take().payload)
        assert len(rig.queue) <= capacity
    return rig, taken, offered


def in_order_for_each_topic(payloads: list[object]) -> bool:
    numbers: dict[int, int] = {}
    for payload in payloads:
        assert isinstance(payload, tuple)
        topic, number = payload
        if numbers.get(topic, -1) >= number:
            return False
        numbers[topic] = number
    return True


@given(st.sampled_from(LOSSY), st.integers(1, 5), STEPS)
def test_every_message_is_taken_or_lost_once_and_order_holds(
    policy: Policy, capacity: int, steps: list[Step]
) -> None:
    rig, taken, offered = run_steps(policy, capacity, steps)
    taken += rig.take_all()
    assert in_order_for_each_topic(taken)
    numbers = [payload[1] for payload in [*taken, *rig.lost] if isinstance(payload, tuple)]
    assert sorted(numbers) == list(range(offered))


@given(st.integers(1, 5), STEPS)
def test_blocking_queue_loses_nothing_and_keeps_the_whole_order(
    capacity: int, steps: list[Step]
) -> None:
    async def scenario() -> tuple[Rig, list[object], int]:
        return run_steps(Policy.BLOCK, capacity, steps)

    rig, taken, offered = asyncio.run(scenario())
    taken += rig.take_all()
    assert rig.lost == []
    assert [payload[1] for payload in taken if isinstance(payload, tuple)] == list(range(offered))


@given(st.integers(1, 5), STEPS)
def test_drop_oldest_hands_out_a_suffix_and_drop_newest_a_prefix_of_a_burst(
    capacity: int, steps: list[Step]
) -> None:
    burst = [step for step in steps if step[0] == "offer"]
    keep: dict[Policy, Callable[[list[int]], list[int]]] = {
        Policy.DROP_OLDEST: lambda numbers: numbers[-capacity:],
        Policy.DROP_NEWEST: lambda numbers: numbers[:capacity],
    }
    for policy, rule in keep.items():
        rig, _, offered = run_steps(policy, capacity, burst)
        kept = [payload[1] for payload in rig.take_all() if isinstance(payload, tuple)]
        assert kept == rule(list(range(offered)))


class Urgent:
    """A payload with a priority."""

    def __init__(self, priority: int, name: str = "") -> None:
        self.priority = priority
        self.name = name


@given(st.lists(st.integers(1, 9), max_size=40), st.integers(1, 12))
def test_the_most_urgent_come_first_in_their_order_and_the_newest_least_urgent_is_lost(
    priorities: list[int], capacity: int
) -> None:
    rig = Rig(Policy.PRIORITY, capacity)
    kept: list[tuple[int, int]] = []
    for number, priority in enumerate(priorities):
        rig.offer(Urgent(priority, str(number)))
        kept = sorted([*kept, (priority, number)])[:capacity]
    taken = [(each.priority, int(each.name)) for each in rig.take_all() if isinstance(each, Urgent)]
    assert taken == kept
    assert len(rig.lost) == max(0, len(priorities) - capacity)


def test_losing_one_leaves_the_others_in_the_order_of_their_urgency() -> None:
    rig = Rig(Policy.PRIORITY, 7)
    for priority in (1, 4, 2, 5, 8, 3, 6, 7):  # the one that is lost lies in the midst of the heap
        rig.offer(Urgent(priority))
    assert [each.priority for each in rig.lost if isinstance(each, Urgent)] == [8]
    taken = [each.priority for each in rig.take_all() if isinstance(each, Urgent)]
    assert taken == [1, 2, 3, 4, 5, 6, 7]


def test_a_payload_without_priority_is_of_the_usual_one() -> None:
    rig = Rig(Policy.PRIORITY, 4)
    for payload in (Urgent(9), "usual", Urgent(1)):
        rig.offer(payload)
    taken = rig.take_all()
    assert taken[1] == "usual"


def test_the_high_mark_can_be_chosen() -> None:
    queue = build_queue(Policy.BLOCK, 100, lambda _: None)
    queue.mark(0.5)
    assert queue.high_mark == 50
