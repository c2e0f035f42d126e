from datetime import timedelta

from tests.fixtures.payloads import event, utc_at

from spyoncino.events.calendar import day_of


def test_an_event_is_filed_under_the_day_on_which_it_was_opened() -> None:
    opened = utc_at(0.0)
    early = event(transitions={"created": opened}, started_at=opened - timedelta(days=1))
    assert day_of(early) == opened.astimezone().date()


def test_without_that_moment_its_start_decides() -> None:
    assert day_of(event(transitions={})) == utc_at(10.0).astimezone().date()
