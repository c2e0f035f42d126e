"""One subscriber: turns, failures, closing; without a bus around it."""

import asyncio
from functools import partial
from typing import Any

import pytest

from spyoncino.core.handlers import AsyncHandler, is_async
from spyoncino.core.message import CURRENT_MESSAGE, Message
from spyoncino.core.queues import Policy
from spyoncino.core.step_watch import (
    LONG_DELAY_NS,
    LONG_STEP_NS,
    TELL_EVERY_NS,
    WATCHED_MESSAGES,
    LongStep,
)
from spyoncino.core.subscription import (
    BATCH,
    FAILURE_EVERY_NS,
    PRESSURE_EVERY_NS,
    Subscription,
)
from spyoncino.core.thread_times import ThreadTimes


class Desk:
    """Remembers what a subscription tells its owner and its reporter."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def on_closed(self, subscription: Subscription) -> None:
        self.told.append(("closed", subscription.name))

    def on_ended(self, subscription: Subscription) -> None:
        self.told.append(("ended", subscription.counters.delivered))

    def on_failure(
        self, subscription: Subscription, message: Message, error: Exception, repeats: int
    ) -> None:
        self.told.append(("failure", subscription.name, message.payload, str(error), repeats))

    def on_pressure(self, subscription: Subscription, trouble: str, repeats: int) -> None:
        self.told.append(("pressure", subscription.name, trouble, repeats))

    def on_long_step(self, subscription: Subscription, step: LongStep) -> None:
        what = "long step" if step.is_own else "delay"
        self.told.append((what, subscription.name, step.topic, step.took_ms, step.repeats))


class Rig:
    """A subscription with a clock that is set by hand."""

    def __init__(
        self,
        handler: AsyncHandler,
        policy: Policy = Policy.DROP_OLDEST,
        capacity: int = 100,
    ) -> None:
        self.clock_ns = 0
        self.away_ns = 0
        self.desk = Desk()
        self.subscription = Subscription(
            "ear",
            "a.*",
            handler,
            policy=policy,
            capacity=capacity,
            now_ns=lambda: self.clock_ns,
            owner=self.desk,
            reports=self.desk,
        )
        self.subscription._steps._times = lambda: ThreadTimes(
            self.clock_ns - self.away_ns, self.away_ns, 0
        )

    def offer(self, payload: object) -> None:
        self.subscription.queue.offer(Message("a.b", payload, self.clock_ns))

    async def finish(self) -> None:
        self.subscription.close()
        await self.subscription.wait_closed()


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def nothing(_: Message) -> None:
    return


async def fail(message: Message) -> None:
    raise ValueError(message.payload)


class AsyncCallable:
    async def __call__(self, _: Message) -> None:
        return


def test_async_functions_partials_and_callables_are_known_as_async() -> None:
    assert is_async(nothing)
    assert is_async(partial(nothing))
    assert is_async(AsyncCallable())
    assert not is_async(print)
    assert not is_async(lambda message: nothing(message))  # noqa: PLW0108 - hides that it is async


async def test_nothing_is_handed_out_before_the_start() -> None:
    heard: list[object] = []

    async def hear(message: Message) -> None:
        heard.append(message.payload)

    rig = Rig(hear)
    rig.offer(1)
    await turns()
    assert heard == []
    assert rig.subscription.busy
    rig.subscription.start()
    await rig.finish()
    assert heard == []


async def test_idle_after_the_last_message_was_handled() -> None:
    heard: list[object] = []

    async def hear(message: Message) -> None:
        heard.append(message.payload)

    rig = Rig(hear)
    rig.subscription.start()
    rig.offer(1)
    rig.offer(2)
    await rig.subscription.idle()
    assert heard == [1, 2]
    assert not rig.subscription.busy
    await rig.finish()


async def test_the_loop_gets_a_turn_after_a_batch() -> None:
    heard_at_turn: list[int] = []
    heard = 0

    async def hear(_: Message) -> None:
        nonlocal heard
        heard += 1

    rig = Rig(hear, capacity=1000)
    for number in range(BATCH * 3):
        rig.offer(number)
    rig.subscription.start()
    while heard < BATCH * 3:
        await asyncio.sleep(0)
        heard_at_turn.append(heard)
    assert heard_at_turn == [BATCH, BATCH * 2, BATCH * 3]
    await rig.finish()


async def test_the_loop_gets_a_turn_after_a_millisecond_of_handling() -> None:
    heard_at_turn: list[int] = []
    heard = 0

    async def hear(_: Message) -> None:
        nonlocal heard
        heard += 1
        rig.clock_ns += 250_000

    rig = Rig(hear, capacity=1000)
    for number in range(12):
        rig.offer(number)
    rig.subscription.start()
    while heard < 12:
        await asyncio.sleep(0)
        heard_at_turn.append(heard)
    assert heard_at_turn == [5, 10, 12]  # the fifth begins exactly one millisecond later
    await rig.finish()


async def test_waiting_time_runs_from_publish_to_the_start_of_handling() -> None:
    rig = Rig(nothing)
    rig.clock_ns = 20_000_000
    rig.offer(1)
    rig.clock_ns += 3_000_000
    rig.subscription.start()
    await rig.subscription.idle()
    assert rig.subscription.counters.waited_ms(0.5) == (3.0,)
    await rig.finish()


async def test_status_tells_the_usual_waiting_time_and_that_of_the_slowest_in_a_hundred() -> None:
    rig = Rig(nothing)
    rig.subscription.start()
    for waited_ms in [1] * 40 + [3] * 20 + [7] * 38 + [90] * 2:
        rig.subscription.queue.offer(Message("a.b", 0, rig.clock_ns - waited_ms * 1_000_000))
        await rig.subscription.idle()
    status = rig.subscription.status()
    assert (status.latency_p50_ms, status.latency_p99_ms) == (3.0, 90.0)
    await rig.finish()


async def test_one_success_ends_a_row_of_faults() -> None:
    async def hear(message: Message) -> None:
        if message.payload == "bad":
            raise ValueError("bent")

    rig = Rig(hear)
    rig.subscription.start()
    rows = []
    for what in ("bad", "bad", "good", "bad"):
        rig.offer(what)
        await rig.subscription.idle()
        rows.append(rig.subscription.counters.faults_in_a_row)
    assert rows == [1, 2, 0, 1]
    await rig.finish()


async def test_failures_are_told_once_a_second_with_what_was_held_back() -> None:
    rig = Rig(fail)
    rig.subscription.start()
    for number in range(4):
        rig.offer(number)
    await rig.subscription.idle()
    rig.clock_ns = FAILURE_EVERY_NS
    rig.offer(4)
    await rig.subscription.idle()
    assert rig.desk.told == [("failure", "ear", 0, "0", 0), ("failure", "ear", 4, "4", 3)]
    assert rig.subscription.counters.failed == 5
    await rig.finish()


async def test_something_cancelled_inside_the_handler_is_a_failure_not_the_end() -> None:
    heard: list[object] = []

    async def hear(message: Message) -> None:
        if message.payload == 0:
            waiting = asyncio.get_running_loop().create_future()
            waiting.cancel()
            await waiting
        heard.append(message.payload)

    rig = Rig(hear)
    rig.subscription.start()
    rig.offer(0)
    rig.offer(1)
    await rig.subscription.idle()
    assert heard == [1]
    assert rig.desk.told == [("failure", "ear", 0, "what it waited for was cancelled", 0)]
    await rig.finish()


async def test_losses_are_told_once_in_five_seconds() -> None:
    rig = Rig(nothing, capacity=1)
    for number in range(4):
        rig.offer(number)
    rig.clock_ns = PRESSURE_EVERY_NS
    rig.offer(4)
    assert rig.desk.told == [
        ("pressure", "ear", "loses messages", 0),
        ("pressure", "ear", "loses messages", 2),
    ]
    assert rig.subscription.counters.dropped == 4


@pytest.mark.parametrize("policy", [Policy.DROP_OLDEST, Policy.DROP_NEWEST])
async def test_a_queue_that_is_nearly_full_is_told(policy: Policy) -> None:
    rig = Rig(nothing, policy, capacity=10)
    for number in range(8):
        rig.offer(number)
    assert rig.desk.told == [("pressure", "ear", "is nearly full", 0)]


async def test_a_full_queue_that_holds_publishers_back_is_no_trouble() -> None:
    rig = Rig(nothing, Policy.BLOCK, capacity=10)
    for number in range(20):
        rig.offer(number)
    assert rig.desk.told == []
    assert rig.subscription.counters.dropped == 0


async def test_replacing_by_the_latest_is_counted_but_no_trouble() -> None:
    rig = Rig(nothing, Policy.LATEST, capacity=2)
    for number in range(5):
        rig.offer(number)
    assert rig.desk.told == []
    assert rig.subscription.counters.dropped == 4


async def test_closing_before_the_start_ends_at_once() -> None:
    rig = Rig(nothing)
    rig.offer(1)
    rig.subscription.close()
    rig.subscription.close()
    await rig.subscription.wait_closed()
    assert rig.desk.told == [("closed", "ear"), ("ended", 0)]
    assert rig.subscription.counters.dropped == 1


async def test_its_task_is_named_after_it() -> None:
    rig = Rig(nothing)
    rig.subscription.start()
    assert "bus:ear" in {task.get_name() for task in asyncio.all_tasks()}
    await rig.finish()


async def test_closing_while_idle_ends_the_task() -> None:
    rig = Rig(nothing)
    rig.subscription.start()
    await turns()
    await rig.finish()
    assert rig.desk.told == [("closed", "ear"), ("ended", 0)]


async def test_closing_while_handling_lets_the_handler_finish() -> None:
    gate = asyncio.Event()

    async def hear(_: Message) -> None:
        await gate.wait()

    rig = Rig(hear)
    rig.subscription.start()
    rig.offer(1)
    rig.offer(2)
    await turns()
    rig.subscription.close()
    waiting = asyncio.create_task(rig.subscription.wait_closed())
    idling = asyncio.create_task(rig.subscription.idle())
    await turns()
    assert not waiting.done()
    assert not idling.done()
    gate.set()
    await waiting
    await idling
    assert rig.desk.told == [("closed", "ear"), ("ended", 1)]
    assert (rig.subscription.counters.delivered, rig.subscription.counters.dropped) == (1, 1)


async def test_wait_closed_interrupts_the_handler_after_its_time() -> None:
    async def hear(_: Message) -> None:
        await asyncio.Event().wait()

    rig = Rig(hear)
    rig.subscription.start()
    rig.offer(1)
    await turns()
    rig.subscription.close()
    await rig.subscription.wait_closed(0)
    assert rig.desk.told == [("closed", "ear"), ("ended", 0)]
    assert rig.subscription.counters.dropped == 1


async def test_everybody_who_waits_for_idleness_is_told_even_after_one_gave_up() -> None:
    gate = asyncio.Event()

    async def hear(_: Message) -> None:
        await gate.wait()

    rig = Rig(hear)
    rig.subscription.start()
    rig.offer(1)
    waiters = [asyncio.create_task(rig.subscription.idle()) for _ in range(3)]
    await turns()
    waiters[0].cancel()
    await turns()
    gate.set()
    await asyncio.gather(*waiters[1:])
    await rig.finish()


async def test_the_current_message_is_known_while_it_is_handled() -> None:
    seen: list[Message | None] = []

    async def hear(_: Message) -> None:
        seen.append(CURRENT_MESSAGE.get())

    rig = Rig(hear)
    rig.subscription.start()
    rig.offer("this one")
    await rig.subscription.idle()
    assert seen[0] is not None
    assert seen[0].payload == "this one"
    assert CURRENT_MESSAGE.get() is None
    await rig.finish()


async def test_only_the_handler_is_the_current_task() -> None:
    answers: list[bool] = []

    async def hear(_: Message) -> None:
        answers.append(rig.subscription.is_current_task())

    rig = Rig(hear)
    assert not rig.subscription.is_current_task()
    rig.subscription.start()
    rig.offer(1)
    await rig.subscription.idle()
    assert answers == [True]
    assert not rig.subscription.is_current_task()
    await rig.finish()


@pytest.mark.parametrize("lag_s", [0.0, 2.5])
async def test_lag_is_the_age_of_the_oldest_that_waits(lag_s: float) -> None:
    rig = Rig(nothing)
    rig.clock_ns = 7_000_000_000
    rig.offer(1)
    rig.clock_ns += int(lag_s * 1e9)
    rig.offer(2)
    assert rig.subscription.status().lag_s == lag_s


async def test_a_handler_that_keeps_the_loop_is_named_from_the_second_time_on_once_a_minute() -> (
    None
):
    async def slow(_: Message) -> None:
        rig.clock_ns += LONG_STEP_NS
        await asyncio.sleep(0)
        rig.clock_ns += LONG_STEP_NS // 5

    rig = Rig(slow)
    rig.subscription.start()
    for _ in range(4):
        rig.offer(1)
        await rig.subscription.idle()
    assert rig.desk.told == [("long step", "ear", "a.b", 50.0, 0)]
    rig.clock_ns += TELL_EVERY_NS
    rig.offer(1)
    await rig.subscription.idle()
    assert rig.desk.told[1:] == [("long step", "ear", "a.b", 50.0, 2)]
    assert rig.subscription.counters.delivered == 5


@pytest.mark.parametrize(
    ("took_ns", "away_ns", "told"),
    [
        (117_000_000, 117_000_000, []),
        (117_000_000, 117_000_001 - LONG_STEP_NS, []),
        (117_000_000, 117_000_000 - LONG_STEP_NS, ["long step"] * 2),
        (LONG_DELAY_NS, LONG_DELAY_NS, ["delay"] * 3),
        (LONG_DELAY_NS - 1, LONG_DELAY_NS - 1, []),
    ],
    ids=["starved", "starved and computes", "computes and starved", "starved for long", "nearly"],
)
async def test_a_handler_answers_for_what_it_took_itself_and_not_for_a_busy_computer(
    took_ns: int, away_ns: int, told: list[str]
) -> None:
    async def slow(_: Message) -> None:
        rig.clock_ns += took_ns
        rig.away_ns += away_ns

    rig = Rig(slow)
    rig.subscription.start()
    for pause_ns in (0, 0, 0, TELL_EVERY_NS):  # the first is not watched yet
        rig.clock_ns += pause_ns
        rig.offer(1)
        await rig.subscription.idle()
    assert [what for what, *_ in rig.desk.told] == told


async def test_a_handler_that_takes_long_while_it_awaits_is_nobodys_trouble() -> None:
    async def patient(_: Message) -> None:
        for _turn in range(10):
            await asyncio.sleep(0)
            rig.clock_ns += LONG_STEP_NS // 5

    rig = Rig(patient)
    rig.subscription.start()
    for _ in range(3):
        rig.offer(1)
        await rig.subscription.idle()
    assert rig.desk.told == []


async def test_a_handler_that_was_quick_again_for_long_is_watched_no_more() -> None:
    async def slow_once(message: Message) -> None:
        rig.clock_ns += LONG_STEP_NS * (message.payload == "slow")

    rig = Rig(slow_once, capacity=2 * WATCHED_MESSAGES)
    rig.subscription.start()
    plain = rig.subscription._handler
    rig.offer("slow")
    await rig.subscription.idle()
    assert rig.subscription._handler is not plain
    for _ in range(WATCHED_MESSAGES):
        rig.offer("quick")
    await rig.subscription.idle()
    assert rig.subscription._handler is plain
    assert rig.desk.told == []
    for _ in range(2):
        rig.offer("slow")
        await rig.subscription.idle()
    assert [told[0] for told in rig.desk.told] == ["long step"]


async def test_a_watched_handler_raises_is_cancelled_and_returns_as_before() -> None:
    done: list[str] = []

    async def odd(message: Message) -> None:
        rig.clock_ns += LONG_STEP_NS
        try:
            await asyncio.wait_for(asyncio.sleep(0 if message.payload == "fine" else 60), 0.001)
        except TimeoutError:
            done.append("timed out")
            if message.payload == "raise":
                raise ValueError("bent") from None
        except asyncio.CancelledError:
            done.append("cancelled")
            raise
        else:
            done.append("fine")

    rig = Rig(odd)
    rig.subscription.start()
    for what in ("fine", "fine", "wait", "raise"):
        rig.offer(what)
        await rig.subscription.idle()
    assert done == ["fine", "fine", "timed out", "timed out"]
    assert rig.subscription.counters.failed == 1
    assert ("failure", "ear", "raise", "bent", 0) in rig.desk.told
    rig.offer("forever")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rig.subscription.close()
    await rig.subscription.wait_closed(0.0)
    assert len(done) == 5
