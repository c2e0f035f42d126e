"""The queue in front of the workers: order, bound, who is thrown out, who waits."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spyoncino.errors import JobRejectedError
from spyoncino.runtime.job_queue import OVERTAKEN_AT_MOST, JobQueue, QueuedJob
from spyoncino.runtime.jobs import Job, JobResult, Priority

NUMBERS = itertools.count()
CLOSED_LOOP = asyncio.new_event_loop()  # the queue never looks at a job's future
CLOSED_LOOP.close()


def queued(priority: Priority = Priority.CONTINUOUS, *, expires_ns: int | None = None) -> QueuedJob:
    """A job as the dispatcher would queue it; sequence numbers grow."""
    number = next(NUMBERS)
    future: asyncio.Future[JobResult] = asyncio.Future(loop=CLOSED_LOOP)
    return QueuedJob(
        job_id=f"job-{number}",
        sequence=number,
        job=Job("echo", priority=priority),
        payload=b"",
        future=future,
        accepted_ns=0,
        expires_ns=expires_ns,
    )


def pops(queue: JobQueue) -> Iterator[QueuedJob]:
    """What leaves, until it is empty."""
    while queue.peek() is not None:
        yield queue.pop()


async def settle() -> None:
    """Let everybody who was woken run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_priority_queue_behavior() -> None:
    queue = JobQueue(10)
    background = queued(Priority.BACKGROUND)
    continuous = queued(Priority.CONTINUOUS)
    first_press, second_press = queued(Priority.PRESS), queued(Priority.PRESS)
    for entry in (background, continuous, first_press, second_press):
        assert queue.offer(entry) is None

    assert queue.by_priority == {
        Priority.PRESS: 2,
        Priority.CONTINUOUS: 1,
        Priority.BACKGROUND: 1,
    }
    assert queue.peek() is first_press
    assert [queue.pop() for _ in range(len(queue))] == [
        first_press,
        second_press,
        continuous,
        background,
    ]
    assert queue.peek() is None


@given(st.lists(st.sampled_from(list(Priority)), max_size=OVERTAKEN_AT_MOST))
def test_few_jobs_leave_by_priority_and_then_by_age(priorities: list[Priority]) -> None:
    queue = JobQueue(30)
    entries = [queued(priority) for priority in priorities]
    for entry in entries:
        queue.offer(entry)

    left = [queue.pop() for _ in entries]

    assert left == sorted(entries, key=lambda entry: (entry.job.priority, entry.sequence))


@given(st.lists(st.sampled_from(list(Priority)), max_size=40), st.integers(1, 8))
def test_no_press_is_ever_lost_and_the_rest_never_exceeds_the_bound(
    priorities: list[Priority], max_size: int
) -> None:
    queue = JobQueue(max_size)
    lost = []
    for priority in priorities:
        entry = queued(priority)
        try:
            evicted = queue.offer(entry)
        except JobRejectedError:
            lost.append(entry)
        else:
            lost += [evicted] if evicted else []

    waiting = queue.take_all()
    presses = sum(priority is Priority.PRESS for priority in priorities)
    assert all(not entry.is_press for entry in lost)
    assert sum(entry.is_press for entry in waiting) == presses
    assert len(waiting) <= max(max_size, presses)
    assert len(waiting) + len(lost) == len(priorities)
    assert len(queue) == 0


@given(st.lists(st.sampled_from(list(Priority)), min_size=1, max_size=400))
def test_a_background_job_is_overtaken_by_presses_and_a_bounded_number_of_others(
    later: list[Priority],
) -> None:
    queue = JobQueue(500)
    background = queued(Priority.BACKGROUND)
    for entry in [background, *(queued(priority) for priority in later)]:
        queue.offer(entry)

    before = list(itertools.takewhile(lambda entry: entry is not background, pops(queue)))

    assert sum(not entry.is_press for entry in before) <= OVERTAKEN_AT_MOST
    assert all(entry.job.priority is not Priority.BACKGROUND for entry in before)
    assert not any(entry.is_press for entry in pops(queue))


def test_a_background_job_gets_its_turn_while_continuous_ones_never_end() -> None:
    queue = JobQueue(4)
    background = queued(Priority.BACKGROUND)
    queue.offer(background)
    taken = 0

    while queue.peek() is not background:
        queue.offer(queued())
        queue.pop()
        taken += 1
        queue.offer(queued())
        queue.pop()
        taken += 1
        assert taken <= 2 * OVERTAKEN_AT_MOST

    assert taken <= OVERTAKEN_AT_MOST + 1


def test_who_asks_for_no_background_job_gets_the_next_of_the_others() -> None:
    queue = JobQueue(4)
    queue.offer(queued(Priority.BACKGROUND))
    assert queue.peek(with_background=False) is None

    continuous = queued()
    queue.offer(continuous)

    assert queue.peek(with_background=False) is continuous


def test_an_old_background_job_is_thrown_out_before_a_young_continuous_one() -> None:
    queue = JobQueue(2)
    background = queued(Priority.BACKGROUND)
    queue.offer(background)
    for _ in range(OVERTAKEN_AT_MOST):
        next(NUMBERS)
    queue.offer(queued())
    assert queue.peek() is background

    assert queue.offer(queued()) is background


def test_full_queue_turns_an_equal_job_away_with_a_sentence() -> None:
    queue = JobQueue(1)
    queue.offer(queued())

    with pytest.raises(JobRejectedError, match=r"full \(1 waiting\).*'echo'"):
        queue.offer(queued())

    assert len(queue) == 1


def test_press_throws_out_the_last_in_line() -> None:
    queue = JobQueue(2)
    older, younger = queued(), queued()
    queue.offer(older)
    queue.offer(younger)

    assert queue.offer(queued(Priority.PRESS)) is younger
    assert len(queue) == 2


def test_continuous_job_throws_out_a_background_one() -> None:
    queue = JobQueue(1)
    background = queued(Priority.BACKGROUND)
    queue.offer(background)

    assert queue.offer(queued()) is background


def test_press_exceeds_the_bound_when_only_presses_wait() -> None:
    queue = JobQueue(1)
    queue.offer(queued(Priority.PRESS))

    assert queue.offer(queued(Priority.PRESS)) is None
    assert len(queue) == 2
    assert not queue.has_room


def test_restored_job_stands_in_its_old_place_even_when_full() -> None:
    queue = JobQueue(1)
    lost, later = queued(), queued()
    queue.offer(later)

    queue.restore(lost)

    assert [queue.pop(), queue.pop()] == [lost, later]


def test_pop_of_an_empty_queue_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        JobQueue(1).pop()


def test_job_timeout_handling() -> None:
    queue = JobQueue(10)
    early, late, never = queued(expires_ns=10), queued(expires_ns=20), queued()
    for entry in (early, late, never):
        queue.offer(entry)

    assert queue.take_expired(9) == []
    assert queue.take_expired(10) == [early]
    assert queue.take_expired(10**18) == [late]
    assert queue.take_all() == [never]


def test_remove_takes_one_job_out_once() -> None:
    queue = JobQueue(10)
    entry = queued()
    queue.offer(entry)

    assert queue.remove(entry)
    assert not queue.remove(entry)


async def test_put_waits_until_there_is_room_and_keeps_order() -> None:
    queue = JobQueue(1)
    first, second, third = queued(), queued(), queued()
    await queue.put(first)
    waiting = [asyncio.create_task(queue.put(entry)) for entry in (second, third)]
    await settle()
    assert queue.waiting_for_room == 2

    assert queue.pop() is first
    await settle()
    assert (len(queue), queue.waiting_for_room) == (1, 1)
    assert queue.pop() is second
    await asyncio.gather(*waiting)
    assert queue.pop() is third


async def test_put_of_a_press_never_waits() -> None:
    queue = JobQueue(1)
    await queue.put(queued())
    await queue.put(queued(Priority.PRESS))

    assert len(queue) == 2


async def test_nobody_is_called_while_the_queue_is_over_its_bound() -> None:
    queue = JobQueue(1)
    await queue.put(queued())
    queue.restore(queued())
    waiting = asyncio.create_task(queue.put(queued()))
    await settle()

    queue.pop()
    await settle()
    assert queue.waiting_for_room == 1
    queue.pop()
    await waiting


async def test_late_comer_may_take_the_room_and_the_one_who_was_called_waits_on() -> None:
    queue = JobQueue(1)
    await queue.put(queued())
    waiting = asyncio.create_task(queue.put(queued()))
    await settle()

    queue.pop()
    queue.offer(queued())
    await settle()
    assert not waiting.done()
    queue.pop()
    await waiting


async def test_cancelled_waiter_is_forgotten() -> None:
    queue = JobQueue(1)
    await queue.put(queued())
    waiting = asyncio.create_task(queue.put(queued()))
    await settle()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert queue.waiting_for_room == 0
    assert len(queue) == 1


async def test_waiter_that_is_cancelled_after_it_was_called_passes_the_room_on() -> None:
    queue = JobQueue(1)
    await queue.put(queued())
    called = asyncio.create_task(queue.put(queued()))
    next_one = asyncio.create_task(queue.put(queued()))
    await settle()

    queue.pop()
    called.cancel()
    await asyncio.wait([called, next_one])

    assert called.cancelled()
    assert len(queue) == 1


async def test_waiter_that_was_cancelled_first_is_skipped() -> None:
    queue = JobQueue(1)
    await queue.put(queued())
    cancelled = asyncio.create_task(queue.put(queued()))
    next_one = asyncio.create_task(queue.put(queued()))
    await settle()

    cancelled.cancel()
    queue.pop()
    await asyncio.wait([cancelled, next_one])

    assert cancelled.cancelled()
    assert not next_one.cancelled()
