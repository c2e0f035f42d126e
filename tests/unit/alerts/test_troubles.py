"""A trouble is one message, however often it comes and goes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.alerts.troubles import News, Pace, Trouble, TroubleWatch
from spyoncino.schemas.alerts import AlertPriority

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GONE = Trouble("door is offline", "Door shows nothing", "Door is back", after_s=60.0)


class Story:
    """Looks every ten seconds."""

    def __init__(self) -> None:
        self.watch = TroubleWatch(Pace(back_after_s=30.0, calm_s=600.0))
        self.now_s = 0.0

    def goes_on(self, for_s: float, trouble: Trouble | None = None) -> list[News]:
        told = []
        for _ in range(round(for_s / 10)):
            local = NOON + timedelta(seconds=self.now_s)
            wrong = {} if trouble is None else {"camera-door-offline": trouble}
            told += self.watch.look(wrong, local, self.now_s)
            self.now_s += 10.0
        return told


def test_a_short_trouble_is_no_news() -> None:
    story = Story()
    assert story.goes_on(60, GONE) == []
    assert story.goes_on(3600) == []
    assert story.watch.told == ()


def test_a_trouble_is_told_and_its_end_edits_the_same_message() -> None:
    story = Story()
    (began,) = story.goes_on(600, GONE)
    assert (began.ref, began.revision) == ("camera-door-offline-20260301T120000Z", 1)
    assert began.text == "Door shows nothing since 12:00."
    assert story.watch.told == ("camera-door-offline",)
    back, final = story.goes_on(3600)
    assert back.text == "Door is back; it was so from 12:00 to 12:10."
    assert [(each.revision, each.is_final) for each in (back, final)] == [(2, False), (3, True)]
    assert (final.text, final.priority) == (back.text, AlertPriority.LOW)
    assert {each.ref for each in (began, back, final)} == {began.ref}
    (anew,) = story.goes_on(600, GONE)
    assert anew.ref != began.ref
    assert anew.revision == 1


def test_a_camera_that_is_well_for_moments_only_counts_as_gone_all_the_time() -> None:
    story = Story()
    told = []
    for _ in range(20):
        told += story.goes_on(40, GONE) + story.goes_on(20)
    assert [each.revision for each in told] == [1]


def test_what_comes_again_soon_is_the_same_message_and_says_how_often() -> None:
    story = Story()
    told = []
    for _ in range(3):
        told += story.goes_on(120, GONE) + story.goes_on(120)
    assert [each.revision for each in told] == [1, 2, 3, 4, 5, 6]
    assert len({each.ref for each in told}) == 1
    assert told[-2].text == "Door shows nothing since 12:08. That was 3 times since 12:00."


def test_only_what_is_news_edits_a_message() -> None:
    story = Story()
    first = Trouble("part", "A part is ill", "It is well", why="a", news="a")
    (told,) = story.goes_on(60, first)
    assert told.text == "A part is ill since 12:00: a."
    assert story.goes_on(60, Trouble("part", "A part is ill", "It is well", "other", "a")) == []
    (edit,) = story.goes_on(60, Trouble("part", "A part is ill", "It is well", "a, b", "a, b"))
    assert (edit.revision, edit.text) == (2, "A part is ill since 12:00: a, b.")


def test_a_message_of_a_former_run_is_gone_on_with() -> None:
    story = Story()
    yesterday = "camera-door-offline-20260228T120000Z"
    story.watch.resume(yesterday, 4, "door is offline", NOON, 0.0)
    story.watch.resume("no-time", 1, "", NOON, 0.0)
    assert story.goes_on(600, GONE) == []
    (back,) = story.goes_on(60)
    assert (back.ref, back.revision) == (yesterday, 5)
    assert back.text == "Door is back; it was so from 2026-02-28 12:00 to 12:10."


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=20))
def test_revisions_grow_by_one_and_one_message_is_open_at_a_time(
    phases: list[tuple[bool, int]],
) -> None:
    story = Story()
    told = []
    for is_ill, ticks in phases:
        told += story.goes_on(ticks * 10, GONE if is_ill else None)
    told += story.goes_on(3600)
    revisions: dict[str, int] = {}
    for news in told:
        assert news.revision == revisions.get(news.ref, 0) + 1
        revisions[news.ref] = news.revision
    finals = [each for each in told if each.is_final]
    assert len(finals) == len(revisions)
