import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spyoncino.core.config_changes import patched
from spyoncino.core.config_edit import edited
from spyoncino.core.config_files import read_yaml_text
from spyoncino.errors import ConfigError

FILE = """\
# My house.  Do not touch!
cameras:
  door:   # front
    source: {type: rtsp, address: "rtsp://door/1"}   # the new one
    analysis_fps: 5     # enough

    zones:
      # the porch
      - name: porch    # wooden
        polygon: [[0, 0], [1, 0], [1, 1]]
      - name: street
        polygon: [[0, 0], [1, 0], [0, 1]]
        kind: exclude
    # end of door
  yard:
    source:
      type: sim
motion:
bell:
  'loudness':   3
# the end
"""


def test_only_the_value_is_replaced() -> None:
    after = edited(FILE, {"cameras": {"door": {"analysis_fps": 10}}}, "f")
    assert after == FILE.replace("analysis_fps: 5 ", "analysis_fps: 10 ")


def test_a_key_in_a_list_of_groups_is_changed_in_place() -> None:
    zones = read_yaml_text(FILE, "f").data["cameras"]["door"]["zones"]
    zones = [{**zones[0], "name": "stairs"}, zones[1]]
    after = edited(FILE, {"cameras": {"door": {"zones": zones}}}, "f")
    assert after == FILE.replace("name: porch ", "name: stairs ")


def test_a_flow_group_stays_one() -> None:
    changes = {"cameras": {"door": {"source": {"address": "rtsp://door/2", "user": "off"}}}}
    after = edited(FILE, changes, "f")
    line = "    source: {type: rtsp, address: rtsp://door/2, user: 'off'}   # the new one"
    assert line in after.splitlines()
    assert len(after.splitlines()) == len(FILE.splitlines())


def test_a_new_key_follows_the_last_of_its_group() -> None:
    after = edited(FILE, {"cameras": {"yard": {"enabled": False}}, "motion": {"x": 1}}, "f")
    lines = after.splitlines()
    assert lines[lines.index("      type: sim") + 1] == "    enabled: false"
    assert "motion: {x: 1}" in lines
    assert lines[-1] == "# the end"


def test_a_new_camera_is_written_as_a_person_would() -> None:
    garden = {"source": {"type": "sim"}, "zones": [{"name": "bed", "labels": ["cat"]}]}
    after = edited(FILE, {"cameras": {"garden": garden}}, "f")
    assert "  garden:\n    source: {type: sim}\n    zones:\n" in after
    assert all(line in after.splitlines() for line in FILE.splitlines())


def test_a_key_is_removed_with_its_lines_only() -> None:
    after = edited(FILE, {"cameras": {"door": {"analysis_fps": None}}}, "f")
    assert after == FILE.replace("    analysis_fps: 5     # enough\n", "")
    after = edited(FILE, {"bell": {"loudness": None}, "cameras": {"yard": None}}, "f")
    assert read_yaml_text(after, "f").data["bell"] == {}
    assert "# the end" in after
    after = edited("a: {x: 1, y: 2, z: 3}", {"a": {"y": None}}, "f")
    assert after == "a: {x: 1, z: 3}"
    assert edited("a: {x: 1, y: 2}", {"a": {"y": None}}, "f") == "a: {x: 1}"
    assert edited("a: 1\nb: 2", {"b": None, "nothing": None}, "f") == "a: 1\n"


def test_a_list_that_grows_is_written_anew_and_the_rest_stays() -> None:
    polygon = [[0, 0], [1, 0], [1, 1]]
    zones = [{"name": "a", "polygon": polygon, "labels": ["person"]}]
    after = edited(FILE, {"cameras": {"door": {"zones": zones}}}, "f")
    assert after.startswith(FILE[: FILE.index("    zones:")])
    assert after.endswith(FILE[FILE.index("    # end of door") :])


def test_an_empty_file_and_windows_line_breaks_are_kept_as_they_are() -> None:
    assert edited("", {"bell": {"loudness": 3}}, "f") == "bell: {loudness: 3}\n"
    assert edited("# mine", {"a": 1}, "f") == "# mine\na: 1\n"
    after = edited("\ufeffa: 1\r\nb:\r\n  c: 2 # x\r\n", {"b": {"d": 4}, "a": 2}, "f")
    assert after == "\ufeffa: 2\r\nb:\r\n  c: 2 # x\r\n  d: 4\r\n"


def test_a_text_over_several_lines_is_replaced_whole() -> None:
    assert edited("a: |\n  one\n  two\nb: 1\n", {"a": "x"}, "f") == "a: x\nb: 1\n"


def test_what_cannot_be_changed_without_spoiling_it_is_refused() -> None:
    shared = "one: &both {x: 1}\ntwo: *both\n"
    with pytest.raises(ConfigError, match=r"house.yaml: two.x is written in a form"):
        edited(shared, {"two": {"x": 2}}, "house.yaml")
    with pytest.raises(ConfigError, match="by hand"):
        edited("l:\n  - a: 1\n    b: 2\n", {"l": [{"b": 2}]}, "f")
    with pytest.raises(ConfigError, match="this is not YAML"):
        edited("a: [", {"a": 1}, "f")


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-5, 5),
        st.floats(0, 9).map(lambda number: round(number, 2)),
        st.sampled_from(["off", "1", "1e3", "~", "a: b", "#x", "", " x ", "ü", "null", "14:03"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["cameras", "motion", "bell", "new"]),
        st.one_of(
            st.none(),
            VALUES,
            st.dictionaries(st.sampled_from(["door", "yard", "loudness", "x"]), VALUES, max_size=3),
        ),
        max_size=3,
    )
)
def test_whatever_is_written_is_read_back_and_comments_elsewhere_stay(
    changes: dict[str, object],
) -> None:
    before = read_yaml_text(FILE, "f").data
    try:
        after = edited(FILE, changes, "f")
    except ConfigError:
        return
    assert read_yaml_text(after, "f").data == patched(before, changes)
    lines = after.splitlines()
    assert lines[0] == "# My house.  Do not touch!"
    assert "# the end" in lines
    if "cameras" not in changes:
        start, end = FILE.index("cameras:"), FILE.index("motion:")
        assert FILE[start:end] in after
