from datetime import datetime

import pytest
from tests.fixtures.payloads import CAMERA, frame_ref, track, utc_at

from spyoncino.events.follows import FORGET_S
from spyoncino.events.grouping import EventBuilder, GroupingSpec
from spyoncino.events.outcome import ChangeKind, EventChange, Outcome
from spyoncino.events.remarks import Remark
from spyoncino.geometry.boxes import FULL_PICTURE
from spyoncino.schemas.detections import Track, TrackState
from spyoncino.schemas.events import Event, EventState


def make_id(start_s: float, started_at: datetime) -> str:
    assert started_at == utc_at(start_s)
    return f"event at {start_s:.1f}"


class Story:
    """Feeds a builder and keeps what it told."""

    def __init__(self, **rules: object) -> None:
        self.builder = EventBuilder(CAMERA, GroupingSpec(**rules), make_id)  # type: ignore[arg-type]
        self.changes: list[EventChange] = []
        self.remarks: list[Remark] = []

    def _keep(self, outcome: Outcome) -> None:
        self.changes += outcome.changes
        self.remarks += outcome.remarks

    def see(self, pts_s: float, *found: Track) -> None:
        self._keep(self.builder.observe(found, frame_ref(pts_s)))

    def walk(self, start_s: float, end_s: float, track_id: int = 1, **changes: object) -> None:
        """A track that counts, once a second."""
        at_s = start_s
        while at_s <= end_s + 1e-9:
            found = track(track_id, at_s=at_s, **{"start_s": start_s, **changes})
            self.see(at_s, found)
            at_s += 1.0

    def press(self, pts_s: float) -> None:
        self._keep(self.builder.press(pts_s, utc_at(pts_s)))

    def move(self, pts_s: float, score: float = 0.05) -> None:
        self._keep(self.builder.motion(score, frame_ref(pts_s)))

    def pass_time(self, pts_s: float) -> None:
        self._keep(self.builder.advance(pts_s, utc_at(pts_s)))

    def finish(self, reason: str = "the video ended") -> None:
        self._keep(self.builder.finish(reason))

    def told(self, kind: ChangeKind) -> list[Event]:
        return [change.event for change in self.changes if change.kind is kind]

    @property
    def created(self) -> list[Event]:
        return self.told(ChangeKind.CREATED)

    @property
    def updated(self) -> list[Event]:
        return self.told(ChangeKind.UPDATED)

    @property
    def completed(self) -> list[Event]:
        return self.told(ChangeKind.COMPLETED)

    def reasons(self, subject: str) -> list[str]:
        return [remark.reason for remark in self.remarks if remark.subject == subject]


def test_a_moving_person_makes_an_event_that_ends_after_lingering() -> None:
    story = Story()
    story.walk(2.0, 8.0)
    story.see(17.9)
    assert not story.completed
    story.see(18.0)
    (event,) = story.completed
    assert (event.type, event.labels) == ("person", ("person",))
    assert (event.start_s, event.end_s) == (2.0, 8.0)
    assert (event.started_at, event.ended_at) == (utc_at(2.0), utc_at(8.0))
    assert event.reason == "nothing more for 10 s"
    assert [(each.track_id, each.start_s, each.end_s) for each in event.tracks] == [(1, 2.0, 8.0)]


def test_an_event_passes_through_every_state_and_keeps_the_times() -> None:
    story = Story()
    story.walk(0.0, 3.0)
    story.see(3.5, track(2, at_s=3.5, start_s=3.0))
    story.walk(5.0, 5.0, track_id=2)
    story.finish()
    assert next(change.kind for change in story.changes) is ChangeKind.CREATED
    assert story.created[0].state is EventState.CREATED
    assert {event.state for event in story.updated} == {EventState.PROCESSING}
    assert story.completed[0].state is EventState.COMPLETED
    times = story.completed[0].transitions
    assert list(times) == ["created", "processing", "completed"]
    assert times["created"] < times["processing"] <= times["completed"]
    assert len({change.event.event_id for change in story.changes}) == 1


def test_an_event_that_was_never_updated_passes_through_processing_when_it_ends() -> None:
    story = Story()
    story.see(1.0, track(1, at_s=1.0, start_s=1.0))
    story.see(12.0)
    assert not story.updated
    times = story.completed[0].transitions
    assert times["processing"] == times["completed"] == utc_at(12.0)


def test_the_start_is_the_first_detection_of_the_track_before_it_counted() -> None:
    story = Story()
    story.see(3.0, track(1, at_s=3.0, start_s=2.0, moved=False))
    story.see(4.0, track(1, at_s=4.0, start_s=2.0))
    assert story.created[0].start_s == 2.0


def test_a_later_member_that_was_seen_earlier_moves_the_start_back() -> None:
    story = Story()
    story.see(4.0, track(1, at_s=4.0, start_s=3.0))
    story.see(6.0, track(2, at_s=6.0, start_s=1.0))
    story.finish()
    assert story.created[0].start_s == 3.0
    assert story.completed[0].start_s == 1.0
    assert story.completed[0].event_id == story.created[0].event_id


def test_a_track_seen_for_long_before_it_counted_does_not_move_the_start_beyond_lingering() -> None:
    story = Story()
    story.see(60.0, track(1, at_s=60.0, start_s=0.0))
    assert story.created[0].start_s == 50.0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"moved": False}, "it has not moved from where it was first seen"),
        ({"moved": False, "initial": True}, "it stood there when the camera started"),
        ({"stationary": True}, "it stands still and holds nothing open"),
        ({"label": "chair"}, "chair is not among events.labels"),
    ],
)
def test_what_does_not_count_makes_no_event_and_the_reason_is_told(
    changes: dict[str, object], why: str
) -> None:
    story = Story()
    story.see(1.0, track(1, at_s=1.0, **changes))
    story.finish()
    assert not story.changes
    (remark,) = [each for each in story.remarks if each.subject == "track 1"]
    assert not remark.passed
    assert remark.reason.startswith(why)


def test_tentative_and_ended_tracks_open_nothing() -> None:
    story = Story()
    story.see(1.0, track(1, at_s=1.0, state=TrackState.TENTATIVE))
    story.see(2.0, track(2, at_s=1.0, state=TrackState.ENDED))
    assert not story.changes
    assert not story.remarks


def test_what_stood_there_from_the_start_counts_when_it_moves() -> None:
    story = Story()
    story.see(1.0, track(1, at_s=1.0, initial=True, moved=True))
    assert story.created


def test_a_parked_car_that_drives_off_begins_its_event_when_it_moves() -> None:
    story = Story(labels=frozenset({"car"}))
    parked = {"label": "car", "start_s": 0.0}
    for at_s in range(0, 200, 10):
        story.see(at_s, track(1, at_s=at_s, stationary=True, **parked))
    story.see(200.0, track(1, at_s=200.0, **parked))
    story.finish()
    assert story.completed[0].start_s == 200.0
    assert story.completed[0].tracks[0].start_s == 200.0


def test_a_car_that_parks_does_not_hold_the_event() -> None:
    story = Story()
    story.walk(0.0, 5.0, label="car")
    for at_s in range(6, 15):
        story.see(at_s, track(1, at_s=at_s, label="car", start_s=0.0, stationary=True))
    assert not story.completed
    story.see(15.0, track(1, at_s=15.0, label="car", start_s=0.0, stationary=True))
    assert story.completed[0].end_s == 5.0


def test_what_follows_within_the_lingering_time_belongs_to_the_same_event() -> None:
    story = Story()
    story.walk(0.0, 5.0)
    story.walk(14.0, 16.0, track_id=2)
    story.see(30.0)
    (event,) = story.completed
    assert [each.track_id for each in event.tracks] == [1, 2]
    assert event.end_s == 16.0


def test_what_follows_later_is_another_event() -> None:
    story = Story()
    story.walk(0.0, 5.0)
    story.walk(16.0, 17.0, track_id=2)
    story.see(40.0)
    assert [event.start_s for event in story.completed] == [0.0, 16.0]
    assert story.completed[1].successor_of is None


def test_a_track_that_began_in_time_joins_although_it_counts_only_later() -> None:
    story = Story()
    story.walk(0.0, 5.0)
    for at_s in (14.0, 15.0, 16.0):
        story.see(at_s, track(2, at_s=at_s, start_s=14.0, moved=False))
    assert not story.completed
    story.see(17.0, track(2, at_s=17.0, start_s=14.0))
    story.see(40.0)
    (event,) = story.completed
    assert [each.track_id for each in event.tracks] == [1, 2]


def test_an_undecided_track_that_falls_silent_holds_nothing_for_ever() -> None:
    story = Story()
    story.walk(0.0, 5.0)
    story.see(14.0, track(2, at_s=14.0, start_s=14.0, moved=False))
    story.see(23.0)
    assert not story.completed
    story.see(24.0)
    assert story.completed


def test_a_long_event_is_closed_and_its_successor_names_it() -> None:
    story = Story(max_s=20.0)
    story.walk(0.0, 30.0)
    story.see(50.0)
    first, second = story.completed
    assert first.reason == "longest time of 20 s reached"
    assert second.successor_of == first.event_id
    assert second.event_id != first.event_id
    assert second.start_s == first.end_s == 19.0
    assert second.end_s == 30.0


def test_after_a_cut_something_much_later_is_no_successor() -> None:
    story = Story(max_s=20.0)
    story.walk(0.0, 19.0)
    story.see(20.0)
    story.walk(60.0, 61.0, track_id=2)
    story.finish()
    assert [event.successor_of for event in story.completed] == [None, None]


def test_a_press_opens_an_event_at_once_with_the_type_doorbell() -> None:
    story = Story()
    story.press(5.0)
    (event,) = story.created
    assert (event.type, event.labels, event.presses) == ("doorbell", (), (5.0,))
    assert (event.start_s, event.end_s) == (5.0, 5.0)
    assert event.best is not None
    assert (event.best.pts_s, event.best.box) == (5.0, FULL_PICTURE)
    story.pass_time(15.0)
    assert story.completed


def test_a_press_joins_the_open_event_and_is_told_at_once() -> None:
    story = Story()
    story.walk(0.0, 3.0)
    before = len(story.changes)
    story.press(3.2)
    assert [change.kind for change in story.changes[before:]] == [ChangeKind.UPDATED]
    assert story.updated[-1].presses == (3.2,)
    assert story.updated[-1].type == "doorbell"


def test_an_event_with_a_press_is_one_of_the_doorbell_whoever_is_seen() -> None:
    story = Story()
    story.press(5.0)
    story.walk(5.0, 8.0)
    story.walk(8.0, 9.0, track_id=2, label="car")
    story.finish()
    (event,) = story.completed
    assert (event.type, event.labels) == ("doorbell", ("person", "car"))


def test_a_car_that_passes_while_somebody_rings_stays_a_doorbell_event() -> None:
    story = Story()
    story.walk(0.0, 3.0, label="car")
    story.press(2.0)
    story.finish()
    assert story.completed[0].type == "doorbell"
    assert story.completed[0].labels == ("car",)


def test_a_repeated_press_is_kept_once_and_a_late_one_moves_the_start() -> None:
    story = Story()
    story.press(5.0)
    story.press(5.0)
    story.press(4.5)
    story.finish()
    assert story.completed[0].presses == (4.5, 5.0)
    assert story.completed[0].start_s == 4.5


def test_motion_alone_makes_no_event_by_default() -> None:
    story = Story()
    story.move(1.0)
    story.finish()
    assert not story.changes


def test_motion_makes_and_holds_an_event_where_it_is_wanted() -> None:
    story = Story(on_motion=True)
    for at_s in range(5):
        story.move(float(at_s))
    story.pass_time(14.0)
    (event,) = story.completed
    assert (event.type, event.labels, event.start_s, event.end_s) == ("motion", (), 0.0, 4.0)
    assert event.best is not None
    assert event.best.label == "motion"


def test_zones_of_a_track_are_collected_in_the_order_of_entering() -> None:
    story = Story()
    story.see(1.0, track(1, at_s=1.0, zones=("street",)))
    story.see(2.0, track(1, at_s=2.0, zones=("street", "porch")))
    story.see(3.0, track(1, at_s=3.0, zones=("porch",)))
    story.finish()
    assert story.completed[0].tracks[0].zones == ("street", "porch")


def test_the_best_picture_is_replaced_by_a_clearly_better_one_only() -> None:
    story = Story()
    story.see(1.0, track(1, at_s=1.0, score=0.5))
    story.see(2.0, track(1, at_s=2.0, score=0.52))
    story.see(3.0, track(1, at_s=3.0, score=0.9))
    story.finish()
    assert story.completed[0].best is not None
    assert story.completed[0].best.pts_s == 3.0
    told = [(each.passed, each.limit) for each in story.remarks if each.subject == "best picture"]
    assert [passed for passed, _ in told] == [True, False, True]


def test_a_frame_in_which_the_track_was_not_detected_is_no_picture_of_it() -> None:
    story = Story()
    story.see(1.0, track(1, at_s=1.0, score=0.5))
    story.see(2.0, track(1, at_s=1.0, score=0.99, state=TrackState.COASTING))
    story.finish()
    assert story.completed[0].best is not None
    assert story.completed[0].best.pts_s == 1.0


def test_changes_are_told_at_most_once_a_second_and_growth_every_five() -> None:
    story = Story()
    for step in range(60):
        at_s = step / 10
        story.see(at_s, track(1, at_s=at_s, start_s=0.0))
        if step < 25:
            story.see(at_s, track(10 + step, at_s=at_s, start_s=at_s))
    assert [round(event.end_s, 1) for event in story.updated] == [1.0, 2.0, 3.0]
    story.see(8.0, track(1, at_s=8.0, start_s=0.0))
    assert story.updated[-1].end_s == 8.0


def test_the_end_of_the_stream_completes_and_forgets_everything() -> None:
    story = Story()
    story.walk(5.0, 6.0)
    story.finish("the video ended")
    assert story.completed[0].reason == "the video ended"
    assert story.builder.open_event is None
    story.walk(0.0, 1.0)
    assert story.created[-1].start_s == 0.0


def test_an_ended_track_holds_the_event_until_its_last_detection_only() -> None:
    story = Story()
    story.walk(0.0, 4.0)
    story.see(6.0, track(1, at_s=4.0, start_s=0.0, state=TrackState.ENDED))
    story.see(14.0)
    assert story.completed[0].end_s == 4.0


def test_changed_rules_hold_for_the_open_event() -> None:
    story = Story()
    story.walk(0.0, 4.0)
    story.builder.adopt(GroupingSpec(linger_s=2.0))
    story.see(6.0)
    assert story.completed


def test_a_track_of_which_nothing_is_heard_is_forgotten() -> None:
    story = Story()
    story.see(0.0, track(1, at_s=0.0, start_s=0.0, stationary=True))
    story.see(FORGET_S + 1)
    at_s = FORGET_S + 2
    story.see(at_s, track(1, at_s=at_s, start_s=at_s - 1.0))
    assert story.created[0].start_s == at_s - 1.0


def test_the_same_story_is_told_the_same_way_twice() -> None:
    def run() -> list[EventChange]:
        story = Story(max_s=20.0)
        story.walk(0.0, 30.0)
        story.press(30.5)
        story.walk(31.0, 33.0, track_id=2, label="dog")
        story.finish()
        return story.changes

    assert run() == run()


def test_the_open_event_can_be_read_and_time_is_the_latest_heard_of() -> None:
    story = Story()
    assert story.builder.now_s == float("-inf")
    story.press(5.0)
    story.see(4.9)
    assert story.builder.now_s == 5.0
    assert story.builder.open_event is not None
