"""Connecting again and again, with a source and a main made for it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from spyoncino.errors import SourceError, SourceRefusedError
from spyoncino.hardware.backoff import Backoff
from spyoncino.hardware.source_types import (
    RawPicture,
    SourceFormat,
    SourceItem,
    SourceSpec,
    SubStreamChanged,
)
from spyoncino.runtime.capture import reconnect
from spyoncino.runtime.capture.live_view import LiveView
from spyoncino.runtime.capture.messages import (
    ClipClosed,
    EndClip,
    FrameAt,
    FrameReady,
    FromChild,
    RequestFrame,
    Shutdown,
    SourceOpened,
    SourceStateChanged,
    StartClip,
    ToChild,
    UnwatchLive,
    WatchLive,
)
from spyoncino.runtime.capture.reconnect import LiveCapture
from spyoncino.runtime.capture.spec import CaptureSpec
from spyoncino.runtime.message_pipe import ChildPipe

SIZE = (64, 48)


class Moody:
    """A source that shows some pictures and then fails, or fails at once."""

    def __init__(self, story: "Story") -> None:
        self.story = story
        self.moods = story.plan.pop(0) if story.plan else ["end"]
        self.count = 0

    def open(self) -> SourceFormat:
        self.story.opened += 1
        mood = self.moods[0]
        if isinstance(mood, Exception):
            raise mood
        if mood == "hang":
            time.sleep(0.3)
        return SourceFormat(None, *SIZE, 10.0, None)

    def read(self, timeout_s: float | None = None) -> SourceItem | None:
        del timeout_s
        self.count += 1
        mood = self.moods.pop(0) if self.moods else "end"
        if isinstance(mood, Exception):
            raise mood
        if isinstance(mood, SubStreamChanged):
            return mood
        if mood == "end":
            self.story.heard_end = True
            return None
        width, height = (128, 96) if mood == "large" else SIZE
        return RawPicture(np.full((height * 3 // 2, width), 90, np.uint8), self.count / 10)

    def close(self) -> None:
        self.story.closed += 1


class Story:
    """What happens in a test, and what main hears of it; ends when the last source is through.

    Args:
        plan: For each connection what its source does.
        orders: What main says when it first hears a state.
    """

    def __init__(
        self, plan: list[list[Any]], orders: dict[str, list[ToChild]] | None = None
    ) -> None:
        self.plan = plan
        self.orders = orders or {}
        self.due: list[ToChild] = []
        self.heard: list[FromChild] = []
        self.opened = self.closed = 0
        self.live = LiveView()
        self.heard_end = False

    def send(self, message: FromChild) -> None:
        self.heard.append(message)
        if isinstance(message, SourceStateChanged):
            self.due += self.orders.pop(message.state, [])

    def receive(self, timeout_s: float) -> list[ToChild]:
        if not self.due and not self.heard_end:
            time.sleep(min(timeout_s, 0.01))
        due, self.due = self.due, []
        return due

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]

    @property
    def states(self) -> list[str]:
        return [message.state for message in self.of(SourceStateChanged)]


Run = Callable[[Story], Story]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def play(story: Story) -> Story:
        monkeypatch.setattr(reconnect, "build_source", lambda _: Moody(story))
        LiveCapture(
            cast("ChildPipe", story),
            CaptureSpec("door", SourceSpec("rtsp", "rtsp://cam"), analysis_fps=10, motion=None),
            tmp_path,
            "door.1",
            lambda: story.heard_end,
            Backoff(first_s=0.02, longest_s=0.05),
            story.live,
        ).run()
        return story

    return play


def test_a_source_that_fails_is_opened_again_with_new_memory(run: Run) -> None:
    story = run(Story([["ok", "ok", SourceError("It broke.")], ["ok", "end"]]))
    assert story.states == ["live", "retrying", "connecting", "live"]
    assert story.of(SourceStateChanged)[1].detail == "It broke. Next try in 0 s."
    assert story.opened == story.closed == 2
    rings = [message.ring for message in story.of(SourceOpened)]
    assert len(set(rings)) == 2
    assert [Path(ring).name for ring in rings] == ["door.1.1-frames.ring", "door.1.2-frames.ring"]
    assert len(story.of(FrameReady)) == 3


@pytest.mark.parametrize(
    ("orders", "is_wanted"), [([WatchLive()], True), ([WatchLive(), UnwatchLive()], False)]
)
def test_orders_about_live_video_are_kept_for_the_next_connection(
    run: Run, orders: list[ToChild], is_wanted: bool
) -> None:
    story = run(Story([[SourceError("Off.")], ["ok", "end"]], {"retrying": orders}))
    assert story.live.is_wanted == is_wanted


def test_what_cannot_be_opened_is_tried_again(run: Run) -> None:
    refused = SourceRefusedError("No.")
    story = run(Story([[SourceError("Off.")], [refused], ["ok", "end"]]))
    assert story.states == ["retrying", "connecting", "retrying", "connecting", "live"]


def test_another_size_begins_anew_at_once(run: Run) -> None:
    story = run(Story([["ok", "large"], ["ok", "end"]]))
    details = [message.detail for message in story.of(SourceStateChanged)]
    assert "The picture changed from 64x48 to 128x96. Beginning anew." in details
    assert story.opened == 2


def test_news_of_a_sub_stream_are_a_live_state_with_words(run: Run) -> None:
    lost, same = SubStreamChanged(None, "No sub stream."), SubStreamChanged(None, "No sub stream.")
    story = run(Story([["ok", lost, same, "ok", SubStreamChanged(None), "end"]]))
    found = [(message.state, message.detail) for message in story.of(SourceStateChanged)]
    assert found == [("live", ""), ("live", "No sub stream."), ("live", "")]
    assert len(story.of(FrameReady)) == 2


@pytest.mark.parametrize(("stable_s", "resets"), [(-1.0, 1), (60.0, 0)])
def test_only_a_connection_that_was_live_for_a_while_makes_the_pauses_short_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, stable_s: float, resets: int
) -> None:
    counted = []
    monkeypatch.setattr(reconnect, "STABLE_S", stable_s)
    monkeypatch.setattr(Backoff, "reset", lambda _: counted.append(1))
    run(Story([["ok", SourceError("Broke.")], [SourceError("Off.")], ["end"]]))
    assert len(counted) == resets


def test_open_clips_are_closed_with_the_connection(run: Run, tmp_path: Path) -> None:
    clip = StartClip("c", str(tmp_path / "c.mp4"), 0.0)
    pictures = ["ok"] * 20
    story = run(Story([[*pictures, SourceError("Gone.")], ["end"]], {"live": [clip]}))
    (closed,) = story.of(ClipClosed)
    assert closed.facts.duration_s > 1
    assert closed.facts.notes[-1] == "cut short: the source failed"


def test_orders_without_a_connection_are_answered(run: Run) -> None:
    orders: list[ToChild] = [StartClip("c", "/nowhere", 0.0), EndClip("old", 1.0)]
    orders.append(RequestFrame(7, 1.0))
    story = run(Story([[SourceError("Off.")], ["end"]], {"retrying": orders}))
    (closed,) = story.of(ClipClosed)
    assert (closed.clip_id, closed.facts) == ("c", None)
    assert "not connected" in closed.error
    (answer,) = story.of(FrameAt)
    assert (answer.request_id, answer.handle) == (7, None)


def test_the_order_to_end_is_heard_while_connecting(run: Run) -> None:
    orders: dict[str, list[ToChild]] = {"connecting": [Shutdown()]}
    story = run(Story([[SourceError("Off.")], ["hang", "end"]], orders))
    assert story.states == ["retrying", "connecting"]
    assert not story.of(SourceOpened)


def test_a_fault_of_the_program_is_not_retried(run: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run(Story([[ZeroDivisionError()]]))
