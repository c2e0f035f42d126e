from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.payloads import identity, known

from spyoncino.events.identities import Identities
from spyoncino.schemas.events import Identity, Verdict


def names(*said: Identity) -> list[str | None]:
    who = Identities()
    for each in said:
        who.join(each)
    return [each.name for each in who.told()]


def test_a_name_is_not_lost_to_a_worse_face_later() -> None:
    assert names(known(), identity(face_count=9)) == ["Ann"]
    assert names(known(), identity(decision=Verdict.UNSURE, resembles="Ben")) == ["Ann"]


def test_a_name_takes_the_place_of_unknown_and_unsure() -> None:
    assert names(identity(), identity(decision=Verdict.UNSURE), known()) == ["Ann"]


def test_another_name_is_taken_only_from_as_many_faces() -> None:
    assert names(known(face_count=3), known("Ben", face_count=2)) == ["Ann"]
    assert names(known(face_count=3), known("Ben", face_count=3)) == ["Ben"]


def test_somebody_who_was_blocked_meanwhile_is_told_as_blocked() -> None:
    who = Identities()
    who.join(known(face_count=5))
    assert who.join(known(decision=Verdict.BLOCKED, face_count=1))
    assert who.told()[0].decision is Verdict.BLOCKED


def test_a_face_without_a_track_becomes_that_of_its_track() -> None:
    who = Identities()
    who.join(known(track_id=None, loose_id=4))
    who.join(identity(track_id=None, loose_id=5))
    who.join(identity(track_id=2, loose_id=4))
    assert [(each.track_id, each.loose_id, each.name) for each in who.told()] == [
        (2, 4, "Ann"),
        (None, 5, None),
    ]


def test_the_same_answer_again_is_no_news() -> None:
    who = Identities()
    assert who.join(known())
    assert not who.join(known())


@given(
    st.lists(
        st.builds(
            identity,
            track_id=st.integers(1, 3),
            decision=st.sampled_from(list(Verdict)),
            face_count=st.integers(0, 5),
        ),
        max_size=8,
    )
)
def test_there_is_one_answer_for_each_track_and_names_stay(said: list[Identity]) -> None:
    who = Identities()
    named: set[int | None] = set()
    for each in said:
        who.join(each)
        if each.decision in (Verdict.KNOWN, Verdict.BLOCKED):
            named.add(each.track_id)
    told = {each.track_id: each.decision for each in who.told()}
    assert list(told) == sorted({each.track_id or 0 for each in said})
    assert {
        key for key, verdict in told.items() if verdict in (Verdict.KNOWN, Verdict.BLOCKED)
    } == (named)
