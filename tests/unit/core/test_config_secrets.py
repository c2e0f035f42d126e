from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from spyoncino.core.config_secrets import is_secret_key, shown


class Door(BaseModel):
    name: str = "front"
    token: SecretStr | None = SecretStr("abcdef")
    code: SecretStr | None = None
    url: str = "rtsp://admin:hunter2@10.0.0.4/stream"
    api_key: str = "abcdef"
    password: str = ""
    folder: Path = Path("/srv")
    sizes: tuple[int, ...] = (1, 2)
    extra: dict[str, object] = {"smtp_password": "abcdef", "port": 25}


def test_secrets_are_hidden_and_the_rest_is_plain_data() -> None:
    tree = shown(Door())
    assert "hunter2" not in str(tree)
    assert "abcdef" not in str(tree)
    assert tree["name"] == "front"
    assert tree["folder"] == "/srv"
    assert tree["sizes"] == [1, 2]
    assert tree["extra"]["port"] == 25
    assert tree["url"].startswith("rtsp://admin")


def test_what_is_not_set_is_shown_as_such() -> None:
    tree = shown(Door(token=SecretStr("")))
    assert tree["token"] == ""
    assert tree["code"] is None
    assert tree["password"] == ""


@pytest.mark.parametrize("key", ["password", "smtp_password", "token", "bot_token", "api_key"])
def test_a_key_can_say_that_its_value_is_secret(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize("key", ["passing", "key", "name", 3])
def test_other_keys_are_shown(key: object) -> None:
    assert not is_secret_key(key)
