"""What a person writes in section ``alerts`` is what the pure rules get, field by field."""

from dataclasses import fields
from typing import Any

import pytest
from tests.unit.alerts.test_rules import FITTING

from spyoncino.alerts.rules import Rule, TimeWindow, When
from spyoncino.modules.alert_settings import RuleSettings, WhenSettings
from spyoncino.schemas.alerts import AlertPriority

OF_A_RULE: dict[str, tuple[Any, Any]] = {
    "name": ("bell", "bell"),
    "when": ({"types": ["doorbell"]}, When(types=frozenset({"doorbell"}))),
    "channels": (["email"], ("email",)),
    "priority": ("low", AlertPriority.LOW),
    "text": ("{type} here", "{type} here"),
    "media": (["gif", "snapshot"], ("gif", "snapshot")),
    "cooldown_s": (30, 30.0),
}
"""Field to what is written and to what the rule has; none of it is what stands there without."""


def as_written(wish: Any) -> Any:
    if isinstance(wish, TimeWindow):
        return [f"{wish.begin:%H:%M}", f"{wish.end:%H:%M}"]
    return sorted(wish) if isinstance(wish, frozenset) else wish


@pytest.mark.parametrize("field", FITTING)
def test_a_wish_that_is_written_is_a_wish_of_the_rule(field: str) -> None:
    written = WhenSettings.model_validate({field: as_written(FITTING[field])})
    assert written.to_when() == When(**{field: FITTING[field]}) != When()


@pytest.mark.parametrize("field", OF_A_RULE)
def test_what_is_written_in_a_rule_is_in_the_rule(field: str) -> None:
    written, wanted = OF_A_RULE[field]
    enabled = ("email",) if field == "channels" else ()
    rule = RuleSettings.model_validate({"name": "any", field: written}).to_rule(enabled)
    assert rule == Rule(**{"name": "any", field: wanted}) != Rule("any")


def test_no_field_that_can_be_written_is_left_out_of_these_tests() -> None:
    assert set(FITTING) == set(WhenSettings.model_fields) == {each.name for each in fields(When)}
    assert set(OF_A_RULE) == set(RuleSettings.model_fields) == {each.name for each in fields(Rule)}
