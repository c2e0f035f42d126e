from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spyoncino.core.config_changes import (
    difference,
    leaves,
    patched,
    with_changes,
    without,
)
from spyoncino.core.config_layers import Layer, Origin

VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(0, 2), st.lists(st.integers(0, 2), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TREES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(TREES, TREES)
def test_a_difference_makes_the_one_of_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert patched(old, difference(old, new)) == new
    assert not difference(old, old)


def test_true_is_not_one() -> None:
    assert difference({"a": 1}, {"a": True}) == {"a": True}


def test_locations_are_taken_out_of_changes() -> None:
    changes = {"a": {"b": 1, "c": {}}, "d": 2, "e": {"f": {"g": 3}}}
    assert without(changes, {("a", "b"), ("e", "f", "g", "h")}) == {"a": {"c": {}}, "d": 2}
    assert without(changes, {("e",)}) == {"a": {"b": 1, "c": {}}, "d": 2}
    assert list(leaves(changes))[:2] == [(("a", "b"), 1), (("a", "c"), {})]


def test_every_changed_value_knows_who_changed_it() -> None:
    file, anna = Origin("f", 1), Origin("change by anna")
    layer = Layer.of({"a": {"b": 1, "c": [1, 2]}, "x": 1}, file)
    after = with_changes(layer, {"a": {"c": [3], "d": {"e": 1}}, "x": None}, anna)
    assert after.data == {"a": {"b": 1, "c": [3], "d": {"e": 1}}}
    assert after.origins == {
        ("a",): file,
        ("a", "b"): file,
        ("a", "c"): anna,
        ("a", "c", 0): anna,
        ("a", "d"): anna,
        ("a", "d", "e"): anna,
    }
