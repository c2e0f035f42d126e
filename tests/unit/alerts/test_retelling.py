"""A message is told anew with the names of now, in the words of its rule where it can be."""

from datetime import timedelta

import pytest
from tests.fixtures.payloads import event, identity, known

from spyoncino.alerts.retelling import told_anew
from spyoncino.alerts.rules import Moment
from spyoncino.alerts.text import words
from spyoncino.schemas.alerts import AlertNotification
from spyoncino.schemas.events import EventState

BEFORE = event(EventState.COMPLETED, identities=(identity(),), story="Somebody came.")
AFTER = BEFORE.model_copy(update={"identities": (known("Ann"),), "story": "Ann came."})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Somebody came.", "Ann came."), ("Look: person!", "Look: person!\nAnn at door")],
)
def test_plain_words_are_told_anew_and_those_of_a_template_get_the_name_added(
    text: str, expected: str
) -> None:
    told = words(BEFORE, Moment(BEFORE.started_at.astimezone(), None), BEFORE.camera)
    alert = AlertNotification(
        event_ref=BEFORE.event_id, channel="telegram", title=told.title, text=text, event=BEFORE
    )
    now = alert.timestamp + timedelta(minutes=1)
    anew = told_anew(alert, AFTER, now)
    assert (anew.title, anew.text) == ("Ann at door", expected)
    assert (anew.revision, anew.timestamp, anew.event) == (2, now, AFTER)
    assert anew.event_id != alert.event_id
