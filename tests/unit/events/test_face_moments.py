from tests.fixtures.payloads import quality

from spyoncino.events.face_moments import PATIENCE, FaceMoments, MomentSpec, Reason

SPEC = MomentSpec(min_person_px=48, every_s=0.5, settled_every_s=5.0, enough_faces=2)


def looks(moments: FaceMoments, pts_s: float, width_px: float = 100.0) -> Reason:
    moment = moments.decide(1, pts_s, width_px)
    if moment.looks:
        moments.begin(1, pts_s, width_px)
    return moment.reason


def test_a_new_track_is_looked_at_at_once_and_then_every_so_often() -> None:
    moments = FaceMoments(SPEC)
    seen = [looks(moments, pts_s) for pts_s in (0.0, 0.2, 0.4, 0.5)]
    assert seen == [Reason.NEW, Reason.SOON, Reason.SOON, Reason.DUE]


def test_who_is_too_small_is_not_looked_at() -> None:
    moment = FaceMoments(SPEC).decide(1, 0.0, 47.0)
    assert (moment.looks, moment.reason, moment.value, moment.limit) == (
        False,
        Reason.SMALL,
        47.0,
        48,
    )


def test_with_enough_good_faces_looks_become_rare_until_somebody_comes_nearer() -> None:
    moments = FaceMoments(SPEC)
    for pts_s in (0.0, 0.5):
        looks(moments, pts_s)
        moments.end(1, quality())
    assert moments.is_settled(1)
    assert looks(moments, 1.0) is Reason.SETTLED
    assert looks(moments, 1.5, width_px=125.0) is Reason.GROWN
    assert looks(moments, 6.5, width_px=125.0) is Reason.DUE


def test_small_or_poor_faces_settle_nothing() -> None:
    moments = FaceMoments(SPEC)
    for number in range(4):
        looks(moments, number / 2)
        moments.end(1, quality(size_px=30.0) if number % 2 else quality(0.3))
    assert not moments.is_settled(1)


def test_who_turns_the_back_is_looked_at_half_as_often() -> None:
    moments = FaceMoments(SPEC)
    for number in range(PATIENCE):
        looks(moments, number / 2)
        moments.end(1, None)
    assert looks(moments, 2.0) is Reason.TURNED
    assert looks(moments, 2.5) is Reason.DUE


def test_a_forgotten_track_and_a_clock_that_began_again_are_new() -> None:
    moments = FaceMoments(SPEC)
    looks(moments, 100.0)
    assert looks(moments, 3.0) is Reason.NEW
    moments.forget(1)
    assert looks(moments, 3.1) is Reason.NEW
    moments.clear()
    assert looks(moments, 3.2) is Reason.NEW
    moments.end(2, quality())


def test_changed_settings_hold_from_then_on() -> None:
    moments = FaceMoments(SPEC)
    moments.adopt(MomentSpec(min_person_px=10))
    assert looks(moments, 0.0, width_px=11.0) is Reason.NEW
