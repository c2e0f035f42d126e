from pathlib import Path

import pytest

from spyoncino.core.config_environment import read_dotenv, read_secret_files, read_variables
from spyoncino.errors import ConfigError

HERE = Path("/here")


def test_double_underscores_step_into_groups() -> None:
    variables = {"SPYONCINO_CAMERAS__DOOR__ANALYSIS_FPS": "10", "PATH": "/bin", "SPYONCINOX": "1"}
    layer = read_variables(variables, HERE)
    assert layer.data == {"cameras": {"door": {"analysis_fps": "10"}}}
    origin = layer.origins["cameras", "door", "analysis_fps"]
    assert str(origin) == "environment variable SPYONCINO_CAMERAS__DOOR__ANALYSIS_FPS"
    assert origin.folder == HERE


def test_variables_that_are_no_settings_are_left_alone() -> None:
    names = ("SPYONCINO_CONFIG", "SPYONCINO_ENV", "SPYONCINO_TESTDATA")
    assert read_variables(dict.fromkeys(names, "x"), HERE).data == {}


def test_lists_and_groups_are_read_as_yaml() -> None:
    variables = {"SPYONCINO_A": "[person, 2]", "SPYONCINO_B": "{x: {y: off}}"}
    layer = read_variables(variables, HERE)
    assert layer.data == {"a": ["person", 2], "b": {"x": {"y": "off"}}}
    assert str(layer.origins["b", "x", "y"]) == "environment variable SPYONCINO_B"


def test_a_broken_list_names_its_variable() -> None:
    with pytest.raises(ConfigError, match=r"variable SPYONCINO_A: SPYONCINO_A sets a and .*YAML"):
        read_variables({"SPYONCINO_A": "[person, "}, HERE)


@pytest.mark.parametrize(
    "variables",
    [
        {"SPYONCINO_A": "1", "SPYONCINO_A__B": "2"},
        {"SPYONCINO_A__B__C": "1", "SPYONCINO_A__B": "2"},
        {"SPYONCINO_A__B__C": "1", "SPYONCINO_A__B__C__D": "2"},
    ],
)
def test_variables_that_contradict_each_other_are_refused(variables: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="use one of them"):
        read_variables(variables, HERE)


def test_a_whole_and_a_key_inside_it_are_refused_in_any_order() -> None:
    variables = {"SPYONCINO_A__B": "2", "SPYONCINO_A_": "x"}
    with pytest.raises(ConfigError, match="must be a name"):
        read_variables({"SPYONCINO_A____B": "2"}, HERE)
    assert read_variables(variables, HERE).data == {"a": {"b": "2"}, "a_": "x"}


def test_a_dotenv_file_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SPYONCINO_A__B=1\nSPYONCINO_A=2\n")
    with pytest.raises(ConfigError, match=r"\.env:2: sets a as a whole, while another variable"):
        read_dotenv(path)


def test_older_names_are_honoured_unless_the_new_one_is_set() -> None:
    variables = {"WORKER_COUNT": "2", "HEALTH_CHECK_INTERVAL": "30.0"}
    assert read_variables(variables, HERE).data == {
        "pool": {"workers": "2"},
        "health": {"interval_s": "30.0"},
    }
    variables["SPYONCINO_POOL__WORKERS"] = "4"
    assert read_variables(variables, HERE).data["pool"] == {"workers": "4"}


def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("[abc]\n")
    layer = read_secret_files({"SPYONCINO_ALBUM__TOKEN_FILE": "token"}, tmp_path)
    assert layer.data == {"album": {"token": "[abc]"}}


def test_a_secret_file_that_is_missing_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"SPYONCINO_ALBUM__TOKEN_FILE names the file .*/gone"):
        read_secret_files({"SPYONCINO_ALBUM__TOKEN_FILE": str(tmp_path / "gone")}, tmp_path)


def test_a_setting_named_file_is_no_secret_file() -> None:
    variables = {"SPYONCINO_LOG__FILE": "false"}
    assert read_variables(variables, HERE).data == {"log": {"file": "false"}}
    assert read_secret_files(variables, HERE).data == {}


def test_a_dotenv_file_holds_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    path = tmp_path / ".env"
    path.write_text(
        "# secrets\n\nexport SPYONCINO_A__B = 'x # y'\n"
        'SPYONCINO_C="z" # why\nSPYONCINO_D=plain # comment\nOTHER=1\n'
        "SPYONCINO_E_FILE=secret\nSPYONCINO_F=[1, 2]\nSPYONCINO_G='open\n"
    )
    layer = read_dotenv(path)
    assert layer.data == {
        "a": {"b": "x # y"},
        "c": "z",
        "d": "plain",
        "e": "hush",
        "f": [1, 2],
        "g": "'open",
    }
    assert str(layer.origins["a", "b"]) == f"{path}:3"


def test_no_dotenv_file_is_no_problem_but_a_broken_one_is(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert read_dotenv(path).data == {}
    path.write_text("SPYONCINO_A=1\nwhat is this\n")
    with pytest.raises(ConfigError, match=r"\.env:2: this is not NAME=value"):
        read_dotenv(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_dotenv(path)


@pytest.mark.parametrize("secret", ["[abc", "{abc: *s3cret", "[!s3cret x]", "[a, b]]"])
def test_a_value_that_looks_like_a_list_names_file_line_and_key_and_not_itself(
    tmp_path: Path, secret: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# secrets\nSPYONCINO_EMAIL__PASSWORD={secret}\n")
    with pytest.raises(ConfigError) as caught:
        read_dotenv(file)
    said = str(caught.value)
    assert said.startswith(f"{file}:2: SPYONCINO_EMAIL__PASSWORD sets email.password and begins")
    assert "SPYONCINO_EMAIL__PASSWORD_FILE" in said
    assert secret[1:4] not in said.removeprefix(str(file))
