from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spyoncino.core.config_layers import Layer, Location, Origin, merge_layers, nearest_origin, walk

USER = Origin("user.yaml", 1)
CLI = Origin("command line")


def test_groups_are_joined_and_everything_else_is_replaced() -> None:
    merged = merge_layers(
        [
            Layer.of({"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"d": 1}}, USER),
            Layer.of({"a": {"y": [3], "z": 2}, "c": 5}, CLI),
        ]
    )
    assert merged.data == {"a": {"x": 1, "y": [3], "z": 2}, "b": 1, "c": 5}
    assert merged.origins["a", "x"] is USER
    assert merged.origins["a",] is USER
    assert merged.origins["a", "y", 0] is CLI
    assert ("a", "y", 1) not in merged.origins
    assert merged.origins["c",] is CLI
    assert ("c", "d") not in merged.origins


@pytest.mark.parametrize(
    "value", ["@jinja {{ 1 + 1 }}", "@format {env[HOME]}", "@merge {a: 1}", "@int 3", "true", "[1]"]
)
def test_no_value_is_cast_or_executed(value: str) -> None:
    merged = merge_layers([Layer.of({"a": {"b": "x"}}, USER), Layer.of({"a": {"b": value}}, CLI)])
    assert merged.data == {"a": {"b": value}}


def test_names_that_the_merger_knows_mean_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGE_ENABLED_FOR_DYNACONF", "false")
    monkeypatch.setenv("DYNACONF_A", "evil")
    layers = [Layer.of({"env": {"x": 1}, "loaders": 1}, USER), Layer.of({"env": {"y": 2}}, CLI)]
    assert merge_layers(layers).data == {"env": {"x": 1, "y": 2}, "loaders": 1}


def test_keys_with_dots_or_double_underscores_stay_whole() -> None:
    merged = merge_layers([Layer.of({"a": {"x.y": 1, "p__q": 2}}, USER)])
    assert merged.data == {"a": {"x.y": 1, "p__q": 2}}


def test_nothing_merged_is_nothing() -> None:
    assert merge_layers([]).data == {}
    assert merge_layers([Layer(), Layer()]).data == {}


def test_the_nearest_origin_is_that_of_the_closest_group() -> None:
    origins: dict[Location, Origin] = {("a",): USER, ("a", "b", "c"): CLI}
    assert nearest_origin(origins, ("a", "b", "c")) is CLI
    assert nearest_origin(origins, ("a", "b", "d")) is USER
    assert nearest_origin(origins, ("z",)) is None


def test_an_origin_reads_as_a_person_would_say_it() -> None:
    assert str(Origin("f.yaml", 3, Path("/etc"))) == "f.yaml:3"
    assert str(Origin("command line")) == "command line"


def test_walking_names_groups_before_what_they_hold() -> None:
    assert list(walk({"a": [{"b": 1}]})) == [
        (("a",), [{"b": 1}]),
        (("a", 0), {"b": 1}),
        (("a", 0, "b"), 1),
    ]


KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text(max_size=4), st.lists(st.integers())),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
GROUPS = st.dictionaries(KEYS, TREES, max_size=3)


def joined(base: object, change: object) -> object:
    if isinstance(base, dict) and isinstance(change, dict):
        both = {**base, **change}
        return {
            key: joined(base[key], change[key]) if key in base and key in change else both[key]
            for key in both
        }
    return change


@settings(suppress_health_check=[HealthCheck.too_slow])  # busy machines
@given(GROUPS, GROUPS, GROUPS)
def test_merging_equals_joining_one_after_the_other(
    first: dict[str, object], second: dict[str, object], third: dict[str, object]
) -> None:
    layers = [Layer.of(data, USER) for data in (first, second, third)]
    merged = merge_layers(layers)
    assert merged.data == joined(joined(first, second), third)
    assert set(merged.origins) == {location for location, _ in walk(merged.data)}
