"""Requests to a capture process: answers, refusals, time-outs, the death of the writer."""

import asyncio
from pathlib import Path

import pytest

from spyoncino.errors import MediaError, UsageError
from spyoncino.media.clip_writer import ClipFacts
from spyoncino.runtime.capture.messages import (
    BurstEnded,
    BurstPicture,
    ClipClosed,
    ClipProgress,
    FrameAt,
)
from spyoncino.runtime.capture_requests import BurstRequests, ClipRequests, FrameRequests
from spyoncino.runtime.frame_ring import FrameHandle, FrameRing
from spyoncino.runtime.leases import LeaseBook

FACTS = ClipFacts("/clip.mp4", 1.0, 4.0, 1000, ("a note",))


@pytest.fixture
def ring(tmp_path: Path) -> FrameRing:
    return FrameRing.create(tmp_path, "door", 2, 384)


def announce(ring: FrameRing) -> FrameHandle:
    slot = ring.claim()
    assert slot is not None
    return ring.publish(slot, 16, 16)


async def test_a_picture_arrives_with_a_lease(ring: FrameRing) -> None:
    leases = LeaseBook()
    requests = FrameRequests(leases)
    request_id = requests.open()
    handle = announce(ring)

    requests.settle(FrameAt(request_id, handle))

    assert await requests.answer(request_id, 1.0) == handle
    assert leases.outstanding == 1


def pictured(request_id: int, handle: FrameHandle, number: int = 0) -> BurstPicture:
    return BurstPicture(request_id, number, handle, 1.0, 1, 1.0)


async def test_pictures_of_a_burst_arrive_with_a_lease_each(ring: FrameRing) -> None:
    leases = LeaseBook()
    bursts = BurstRequests(leases)
    request_id = bursts.open()
    handles = [announce(ring), announce(ring)]
    for number, handle in enumerate(handles):
        bursts.settle(pictured(request_id, handle, number))
    bursts.settle(BurstEnded(request_id))
    found = [each.handle async for each in bursts.pictures(request_id, 1.0)]
    assert found == handles
    assert leases.outstanding == 2


async def test_a_burst_that_nobody_reads_to_its_end_releases_the_rest(ring: FrameRing) -> None:
    leases = LeaseBook()
    bursts = BurstRequests(leases)
    request_id = bursts.open()
    bursts.settle(pictured(request_id, announce(ring)))
    pictures = bursts.pictures(request_id, 1.0)
    first = await anext(pictures)
    bursts.settle(pictured(request_id, announce(ring), 1))
    await pictures.aclose()
    leases.release(first.handle)
    assert (leases.outstanding, ring.held) == (0, 0)
    bursts.settle(pictured(request_id, announce(ring), 2))
    bursts.settle(BurstEnded(request_id))
    assert (leases.outstanding, ring.held) == (0, 0)


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (BurstEnded(1, error="It stalled."), "It stalled"),
        (BurstEnded(1, lost=2), "2 pictures of the burst found no place"),
    ],
)
async def test_a_burst_with_too_few_pictures_says_why(end: BurstEnded, sentence: str) -> None:
    bursts = BurstRequests(LeaseBook())
    request_id = bursts.open()
    bursts.settle(end)
    with pytest.raises(MediaError, match=sentence):
        await anext(bursts.pictures(request_id, 1.0))


async def test_a_burst_ends_with_its_process_or_its_patience() -> None:
    bursts = BurstRequests(LeaseBook())
    dying, silent = bursts.open(), bursts.open()
    bursts.fail_all("The process was killed.")
    with pytest.raises(MediaError, match="was killed"):
        await anext(bursts.pictures(dying, 1.0))
    bursts = BurstRequests(LeaseBook())
    silent = bursts.open()
    with pytest.raises(MediaError, match=r"came for 0\.01 s"):
        await anext(bursts.pictures(silent, 0.01))


async def test_a_refusal_is_a_sentence() -> None:
    requests = FrameRequests(LeaseBook())
    request_id = requests.open()

    requests.settle(FrameAt(request_id, None, "No video of second 3.00 is kept."))

    with pytest.raises(MediaError, match=r"second 3\.00"):
        await requests.answer(request_id, 1.0)


async def test_a_picture_that_comes_too_late_is_released(ring: FrameRing) -> None:
    leases = LeaseBook()
    requests = FrameRequests(leases)
    request_id = requests.open()

    with pytest.raises(MediaError, match="not decoded within"):
        await requests.answer(request_id, 0.01)
    requests.settle(FrameAt(request_id, announce(ring)))

    assert (leases.outstanding, ring.held) == (0, 0)


async def test_a_picture_whose_asker_was_cancelled_is_released(ring: FrameRing) -> None:
    leases = LeaseBook()
    requests = FrameRequests(leases)
    request_id = requests.open()
    asker = asyncio.create_task(requests.answer(request_id, 10.0))
    await asyncio.sleep(0)

    requests.settle(FrameAt(request_id, announce(ring)))
    asker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asker

    assert (leases.outstanding, ring.held) == (0, 0)


async def test_when_nobody_will_answer_every_asker_is_told() -> None:
    requests = FrameRequests(LeaseBook())
    askers = [asyncio.create_task(requests.answer(requests.open(), 10.0)) for _ in range(2)]
    await asyncio.sleep(0)

    requests.fail_all("The capture process died.")
    requests.fail_all("Again.")

    for asker in askers:
        with pytest.raises(MediaError, match="process died"):
            await asker


async def test_a_clip_is_accepted_grows_and_closes() -> None:
    clips = ClipRequests()
    clips.open("c1", "/clip.mp4", 1.0)
    clips.advance(ClipProgress("c1", 1.0, 2.0, 100))
    await clips.accepted("c1", 1.0)
    assert clips.needs_end("c1")
    assert clips.count == 1

    clips.settle(ClipClosed("c1", FACTS))

    assert not clips.needs_end("c1")
    assert await clips.facts("c1", 1.0) == FACTS
    assert clips.count == 0


async def test_a_clip_that_is_refused_is_a_sentence_and_forgotten() -> None:
    clips = ClipRequests()
    clips.open("c1", "/clip.mp4", 1.0)
    clips.settle(ClipClosed("c1", None, "The disk is full."))

    with pytest.raises(MediaError, match="disk is full"):
        await clips.accepted("c1", 1.0)

    assert clips.count == 0


async def test_a_clip_that_nobody_begins_in_time_is_forgotten() -> None:
    clips = ClipRequests()
    clips.open("c1", "/clip.mp4", 1.0)

    with pytest.raises(MediaError, match="not begun within"):
        await clips.accepted("c1", 0.01)

    assert clips.count == 0


async def test_a_clip_that_is_not_closed_in_time_is_forgotten() -> None:
    clips = ClipRequests()
    clips.open("c1", "/clip.mp4", 1.0)

    with pytest.raises(MediaError, match="not closed within"):
        await clips.facts("c1", 0.01)

    assert clips.count == 0


async def test_a_clip_without_anything_to_keep_is_a_sentence() -> None:
    clips = ClipRequests()
    clips.open("c1", "/clip.mp4", 1.0)
    clips.settle(ClipClosed("c1", None, "No key frame came."))

    with pytest.raises(MediaError, match="No key frame"):
        await clips.facts("c1", 1.0)


async def test_clip_ids_are_unique_and_known() -> None:
    clips = ClipRequests()
    clips.open("c1", "/clip.mp4", 1.0)

    with pytest.raises(UsageError, match="already"):
        clips.open("c1", "/other.mp4", 2.0)
    with pytest.raises(UsageError, match="No clip c2"):
        clips.needs_end("c2")


async def test_when_the_writer_dies_a_clip_keeps_what_was_written() -> None:
    clips = ClipRequests()
    clips.open("c1", "/clip.mp4", 1.0)
    clips.advance(ClipProgress("c1", 0.5, 3.5, 4096))
    clips.open("c2", "/empty.mp4", 1.0)
    clips.open("c3", "/closed.mp4", 1.0)
    clips.settle(ClipClosed("c3", FACTS))

    clips.lose_all("The capture process was killed.")

    facts = await clips.facts("c1", 1.0)
    assert (facts.path, facts.start_s, facts.duration_s) == ("/clip.mp4", 0.5, 3.0)
    assert facts.notes == ("cut short: The capture process was killed.",)
    with pytest.raises(MediaError, match="was killed"):
        await clips.facts("c2", 1.0)
    assert await clips.facts("c3", 1.0) == FACTS


async def test_news_of_forgotten_clips_is_ignored() -> None:
    clips = ClipRequests()

    clips.advance(ClipProgress("c1", 0.0, 1.0, 10))
    clips.settle(ClipClosed("c1", FACTS))

    assert clips.count == 0
