from typing import Any

import pytest
from tests.fixtures.payloads import MIDDLE, track

from spyoncino.events.news import NewsFilter, NewsSpec
from spyoncino.geometry.boxes import Box
from spyoncino.schemas.detections import TrackState


def told_filter(**changes: Any) -> NewsFilter:
    news = NewsFilter(NewsSpec())
    news.tell(track(1, **changes), 0.0)
    return news


def test_a_confirmed_track_is_news_once() -> None:
    news = NewsFilter(NewsSpec())
    assert news.news(track(1), 0.0) == "it is new"
    news.tell(track(1), 0.0)
    assert news.news(track(1), 0.5) == ""


def test_a_tentative_track_is_never_news() -> None:
    assert NewsFilter(NewsSpec()).news(track(1, state=TrackState.TENTATIVE), 0.0) == ""


@pytest.mark.parametrize(
    "changes",
    [{"label": "dog"}, {"state": TrackState.COASTING}, {"moved": False}, {"stationary": True}],
)
def test_a_changed_state_is_news(changes: dict[str, Any]) -> None:
    assert told_filter().news(track(1, **changes), 0.1) == "its state changed"


def test_a_grown_score_is_news_but_not_a_hair() -> None:
    news = told_filter()
    assert news.news(track(1, best_score=0.83), 0.1) == ""
    assert news.news(track(1, best_score=0.86), 0.1) == "its score grew"


def test_a_new_place_is_news_but_not_a_wobble() -> None:
    news = told_filter()
    wobble = Box(MIDDLE.left + 0.001, MIDDLE.top, MIDDLE.right + 0.001, MIDDLE.bottom)
    step = Box(MIDDLE.left + 0.05, MIDDLE.top, MIDDLE.right + 0.05, MIDDLE.bottom)
    assert news.news(track(1, box=wobble), 0.1) == ""
    assert news.news(track(1, box=step), 0.1) == "it changed its place"


def test_an_unchanged_track_is_told_again_after_a_while() -> None:
    news = told_filter()
    assert news.news(track(1), 0.9) == ""
    assert news.news(track(1), 0.9999999) == "it was not told for a while"


def test_frames_that_were_left_out_are_counted() -> None:
    news = told_filter()
    news.leave_out(track(1))
    news.leave_out(track(1))
    news.leave_out(track(7))
    assert news.tell(track(1), 1.0) == 2
    assert news.tell(track(1), 2.0) == 0


def test_an_ended_track_is_told_and_forgotten() -> None:
    news = told_filter()
    ended = track(1, state=TrackState.ENDED)
    assert news.news(ended, 0.1) == "its state changed"
    news.tell(ended, 0.1)
    assert news.news(ended, 0.2) == "it ended"
    assert news.news(track(1), 0.2) == "it is new"


def test_after_clearing_everything_is_news() -> None:
    news = told_filter()
    news.clear()
    assert news.news(track(1), 0.1) == "it is new"
