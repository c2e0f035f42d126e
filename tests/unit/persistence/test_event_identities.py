"""Relabelling the past: identities of kept events, and nothing else of them, change."""

from collections.abc import Callable

from spyoncino.persistence.database import Database
from spyoncino.persistence.event_identities import EventIdentities
from spyoncino.persistence.events import EventStore
from spyoncino.schemas.events import Event, EventState, Identity, Verdict


def identity(**facts: object) -> Identity:
    usual = {"decision": Verdict.UNKNOWN, "similarity": 0.2, "margin": 0.1, "track_id": 1}
    return Identity.model_validate({**usual, **facts})


async def test_events_are_found_by_person_by_resemblance_and_by_stranger(
    database: Database, make_event: Callable[..., Event]
) -> None:
    store, past = EventStore(database), EventIdentities(database)
    known = identity(decision=Verdict.KNOWN, name="Ann Lee", person_id="ann-lee")
    for event_id, found in (
        ("a", known),
        ("b", identity(resembles="Ann Lee", decision=Verdict.UNSURE)),
        ("c", identity(stranger=7)),
        ("d", identity(stranger=77, name=None)),
    ):
        await store.save(make_event(event_id, identities=(found, found)))
    await store.save(make_event("e"))
    assert sorted(await past.of_person("ann-lee", "Ann Lee")) == ["a", "b"]
    assert await past.of_stranger(7) == ["c"]
    assert await past.of_person("nobody", "Nobody") == []


async def test_only_what_changes_is_written_and_closed_events_stay_closed(
    database: Database, make_event: Callable[..., Event]
) -> None:
    store, past = EventStore(database), EventIdentities(database)
    closed = make_event("a", state=EventState.COMPLETED, identities=(identity(stranger=7),))
    await store.save(closed, processing_time_ms=5)
    await store.save(make_event("b", identities=(identity(),)))

    def rewrite(event_id: str, one: Identity) -> Identity:
        return one.model_copy(update={"name": "Ann"}) if event_id == "a" else one

    assert await past.rewrite({"a", "b", "gone"}, rewrite) == ("a",)
    assert await past.rewrite({"a", "b"}, rewrite) == ()
    after = await store.get("a")
    assert after is not None
    assert after.identities[0].name == "Ann"
    assert after.model_copy(update={"identities": closed.identities}) == closed
    assert (await store.statistics())["mean_processing_ms"] == {"person": 5}


async def test_an_identity_can_be_left_out_and_many_events_are_batched(
    database: Database, make_event: Callable[..., Event]
) -> None:
    store, past = EventStore(database), EventIdentities(database)
    ids = [f"e{number:03d}" for number in range(210)]
    for event_id in ids:
        await store.save(make_event(event_id, identities=(identity(),)))
    assert len(await past.rewrite(ids, lambda _event, _identity: None)) == 210
    events = await store.find(limit=300)
    assert all(event.identities == () for event in events)
