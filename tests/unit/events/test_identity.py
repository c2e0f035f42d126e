import uuid

from tests.fixtures.payloads import utc_at

from spyoncino.events.identity import event_id


def test_the_same_happening_has_the_same_id() -> None:
    assert event_id("door", 1.5, "abc") == event_id("door", 1.5, "abc")
    assert uuid.UUID(event_id("door", 1.5, "abc")).version == 5


def test_camera_time_settings_and_wall_time_make_other_ids() -> None:
    ids = {
        event_id("door", 1.5, "abc"),
        event_id("gate", 1.5, "abc"),
        event_id("door", 1.6, "abc"),
        event_id("door", 1.5, "abd"),
        event_id("door", 1.5, "abc", utc_at(0)),
        event_id("door", 1.5, "abc", utc_at(1)),
    }
    assert len(ids) == 6
