from tests.fixtures.payloads import FACE_BOX, frame_ref, identity, known, track, utc_at

from spyoncino.events.grouping import EventBuilder, GroupingSpec
from spyoncino.events.labels import FACE
from spyoncino.events.outcome import ChangeKind, Outcome
from spyoncino.schemas.events import Event, Verdict


def builder() -> EventBuilder:
    return EventBuilder("door", GroupingSpec(), lambda start_s, _: f"event-{start_s:g}")


def walk(events: EventBuilder, start_s: int, end_s: int, track_id: int = 1) -> list[Outcome]:
    return [
        events.observe([track(track_id, at_s=float(at), start_s=float(start_s))], frame_ref(at))
        for at in range(start_s, end_s + 1)
    ]


def told(outcome: Outcome, kind: ChangeKind) -> list[Event]:
    return [each.event for each in outcome.changes if each.kind is kind]


def test_a_name_joins_the_open_event_and_is_told_at_once() -> None:
    events = builder()
    walk(events, 0, 2)
    (event,) = told(events.identify([known()]), ChangeKind.UPDATED)
    assert [each.name for each in event.identities] == ["Ann"]
    assert event.story.startswith("Ann came at")


def test_a_name_that_comes_before_its_event_is_kept_for_it() -> None:
    events = builder()
    events.observe([track(1, moved=False, at_s=0.0)], frame_ref(0.0))
    assert events.identify([known()]).changes == ()
    (created,) = told(
        events.observe([track(1, at_s=1.0, start_s=0.0)], frame_ref(1.0)), ChangeKind.CREATED
    )
    assert [each.name for each in created.identities] == ["Ann"]


def test_a_name_of_a_track_that_nobody_knows_is_left_out() -> None:
    events = builder()
    walk(events, 0, 2)
    events.identify([known(track_id=9)])
    assert events.open_event is not None
    assert events.open_event.identities == ()


def test_a_face_without_a_track_belongs_to_the_event_of_the_press() -> None:
    events = builder()
    events.press(5.0, utc_at(5.0))
    events.identify([known(track_id=None, loose_id=1)])
    assert events.open_event is not None
    assert events.open_event.story.startswith("Ann rang at")


def test_the_best_face_is_the_best_picture_and_gives_way_to_a_better_one() -> None:
    events = builder()
    walk(events, 0, 2)
    events.identify([identity(quality=0.1)])
    assert events.open_event is not None
    assert events.open_event.best is not None
    assert events.open_event.best.label == "person"
    events.identify([identity(quality=0.5, pts_s=1.5)])
    events.identify([identity(quality=0.4, pts_s=1.6)])
    best = events.open_event.best
    assert best is not None
    assert (best.label, best.pts_s, best.box) == (FACE, 1.5, FACE_BOX)
    events.identify([known(quality=0.9, pts_s=1.8)])
    assert events.open_event.best is not None
    assert events.open_event.best.pts_s == 1.8


def test_who_stays_after_the_longest_time_is_known_in_the_next_event_too() -> None:
    events = EventBuilder("door", GroupingSpec(max_s=5.0), lambda start_s, _: f"event-{start_s:g}")
    walk(events, 0, 2)
    events.identify([known()])
    outcomes = [
        events.observe([track(1, at_s=float(at), start_s=0.0)], frame_ref(float(at)))
        for at in range(3, 8)
    ]
    created = [event for each in outcomes for event in told(each, ChangeKind.CREATED)]
    assert [[one.name for one in event.identities] for event in created] == [["Ann"]]


def test_an_event_waits_for_looks_that_are_under_way_but_not_for_ever() -> None:
    events = builder()
    walk(events, 0, 3)
    events.identify([], settled_s=1.9)
    held = events.observe([], frame_ref(13.0))
    assert held.changes == ()
    assert [each.reason for each in held.remarks] == [
        "it waits for looks at faces that are under way"
    ]
    (event,) = told(events.observe([], frame_ref(15.0)), ChangeKind.COMPLETED)
    assert event.end_s == 3.0


def test_an_event_whose_faces_are_told_waits_for_nothing() -> None:
    events = builder()
    walk(events, 0, 3)
    events.identify([], settled_s=1.9)
    events.identify([known(decision=Verdict.BLOCKED)], settled_s=3.0)
    (event,) = told(events.observe([], frame_ref(13.0)), ChangeKind.COMPLETED)
    assert event.story.startswith("Ann (blocked) came")


def stand(events: EventBuilder, at_s: float, track_id: int = 1) -> None:
    """Somebody stands there from the start and has not moved."""
    standing = track(track_id, moved=False, initial=True, at_s=at_s)
    events.observe([standing], frame_ref(at_s))


def test_who_stands_at_the_door_from_the_start_is_named_when_it_rings() -> None:
    events = builder()
    stand(events, 1.0)
    assert events.identify([known()]).changes == ()
    (created,) = told(events.press(2.0, utc_at(2.0)), ChangeKind.CREATED)
    assert [each.name for each in created.identities] == ["Ann"]
    assert created.tracks == ()


def test_a_name_of_who_stands_there_joins_the_press_that_came_before_it() -> None:
    events = builder()
    stand(events, 1.0)
    events.press(2.0, utc_at(2.0))
    (event,) = told(events.identify([known()]), ChangeKind.UPDATED)
    assert event.story.startswith("Ann rang at")


def test_who_stands_in_view_does_not_belong_to_somebody_elses_visit() -> None:
    events = builder()
    stand(events, 0.0, track_id=2)
    events.identify([known(track_id=2)])
    walk(events, 0, 2)
    assert events.open_event is not None
    assert events.open_event.identities == ()


def test_motion_alone_shows_who_stands_there() -> None:
    events = EventBuilder(
        "door", GroupingSpec(on_motion=True), lambda start_s, _: f"event-{start_s:g}"
    )
    stand(events, 1.0)
    events.identify([known()])
    (created,) = told(events.motion(0.1, frame_ref(2.0)), ChangeKind.CREATED)
    assert [each.name for each in created.identities] == ["Ann"]


def test_who_left_long_ago_did_not_ring() -> None:
    events = builder()
    stand(events, 1.0)
    events.identify([known()])
    (created,) = told(events.press(40.0, utc_at(40.0)), ChangeKind.CREATED)
    assert created.identities == ()
