from pathlib import Path

import pytest

from spyoncino.core.config_files import (
    MAX_FILE_BYTES,
    environment_file,
    find_user_file,
    read_yaml,
    read_yaml_text,
)
from spyoncino.errors import ConfigError


def test_every_key_and_list_item_knows_its_line() -> None:
    layer = read_yaml_text("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n", "f.yaml")
    assert layer.data == {"a": {"b": 1, "c": ["x", {"d": 2}]}}
    lines = {location: str(origin) for location, origin in layer.origins.items()}
    assert lines == {
        ("a",): "f.yaml:1",
        ("a", "b"): "f.yaml:2",
        ("a", "c"): "f.yaml:3",
        ("a", "c", 0): "f.yaml:4",
        ("a", "c", 1): "f.yaml:5",
        ("a", "c", 1, "d"): "f.yaml:5",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("14:03", "14:03"),
        ("2026-01-01", "2026-01-01"),
        ("010", 10),
        ("-3", -3),
        ("1e-3", 0.001),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1_000", "1_000"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'1'", "1"),
        ("10GB", "10GB"),
    ],
)
def test_scalars_are_read_as_yaml_1_2_has_them(text: str, value: object) -> None:
    read = read_yaml_text(f"key: {text}", "f.yaml").data["key"]
    assert read == value
    assert type(read) is type(value)


def test_merge_keys_and_aliases_work() -> None:
    text = "one: &one {a: 1, b: 2}\ntwo:\n  <<: *one\n  b: 3\nthree: *one\n"
    assert read_yaml_text(text, "f.yaml").data == {
        "one": {"a": 1, "b": 2},
        "two": {"a": 1, "b": 3},
        "three": {"a": 1, "b": 2},
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "~", "---\n"])
def test_an_empty_file_sets_nothing(text: str) -> None:
    assert read_yaml_text(text, "f.yaml").data == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\n\tb: 2", "f.yaml:2: this is not YAML: there is a tab; indent with spaces"),
        ("a: b: c", "f.yaml:1: this is not YAML: there is a colon where none can be"),
        ("- 1", 'f.yaml:1: a configuration is a group of settings ("key: value" lines), but'),
        ("word", "f.yaml:1: a configuration is a group of settings"),
        ("a: 1\nb: 2\na: 3", 'f.yaml:3: "a" is written twice, first in line 1; keep one of them'),
        ("a: 1\nA: 3", 'f.yaml:2: "A" is written twice, first in line 1; keep one of them'),
        ("1: 2", 'f.yaml:1: the key 1 must be text: "1"'),
        ("? [1]\n: 2", "f.yaml:1: a key must be one word, not a list or a group"),
        ("a: !env X", "f.yaml:1: this is not YAML: could not determine a constructor"),
        ("a: &x\n  b: *x", "an alias (*) contains itself; write it out"),
        ("a: 1\n---\nb: 2", "f.yaml:2: this is not YAML: but found another document"),
        ("a: [1", "f.yaml:1: this is not YAML: expected"),
        ("a: *nope", "f.yaml:1: this is not YAML: found undefined alias"),
        ("a: \x01", "f.yaml: is not YAML"),
        ("[" * 1000, "f.yaml: is nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_file_and_line(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_yaml_text(text, "f.yaml")
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_text_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"b\.yaml: is not UTF-8 text"):
        read_yaml(binary)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_yaml(tmp_path / "gone.yaml")
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ConfigError, match="it is no settings file"):
        read_yaml(huge)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("a: 1", encoding="utf-8-sig")
    assert read_yaml(path).data == {"a": 1}
    assert read_yaml(path).origins["a",].folder == tmp_path


def test_the_users_file_is_the_one_asked_for_else_here_else_the_platforms(tmp_path: Path) -> None:
    here, home, other = tmp_path / "here", tmp_path / "home", tmp_path / "other.yaml"
    here.mkdir()
    home.mkdir()
    assert find_user_file(None, here, home) is None
    (home / "spyoncino.yaml").touch()
    assert find_user_file(None, here, home) == home / "spyoncino.yaml"
    (here / "spyoncino.yaml").touch()
    assert find_user_file(None, here, home) == here / "spyoncino.yaml"
    other.touch()
    assert find_user_file(other, here, home) == other
    with pytest.raises(ConfigError, match="there is no such configuration file"):
        find_user_file(tmp_path / "gone.yaml", here, home)


def test_the_environments_file_lies_beside_the_users(tmp_path: Path) -> None:
    user = tmp_path / "home.yaml"
    with pytest.raises(ConfigError, match="SPYONCINO_ENV=night asks for it"):
        environment_file(user, "night")
    (tmp_path / "home.night.yaml").touch()
    assert environment_file(user, "night") == tmp_path / "home.night.yaml"
