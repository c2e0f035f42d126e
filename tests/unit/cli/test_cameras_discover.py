"""``spyoncino cameras discover`` against a neighbourhood on loopback."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.fixtures.onvif_camera import Neighbourhood, OnvifCamera, probe_match
from typer.testing import CliRunner, Result

from spyoncino.app import load_modules
from spyoncino.cli import cameras_discover
from spyoncino.cli.app import app
from spyoncino.core.config_load import load_config
from spyoncino.core.source_settings import RtspSource
from spyoncino.errors import UsageError
from spyoncino.hardware.onvif_discovery import Interface, OnvifDevice, discover
from spyoncino.hardware.onvif_streams import OnvifStream, is_available

PASSWORD = {"SPYONCINO_ONVIF_PASSWORD": "s3cret"}

needs_extra = pytest.mark.skipif(
    not is_available(), reason="the extra is missing: pip install 'spyoncino[onvif]'"
)


@pytest.fixture(autouse=True)
def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [Interface("lo", "127.0.0.1")]
    monkeypatch.setattr(cameras_discover, "ipv4_interfaces", lambda: there)


@pytest.fixture
def onvif() -> Iterator[OnvifCamera]:
    with OnvifCamera() as camera:
        yield camera


def call(
    monkeypatch: pytest.MonkeyPatch, street: Neighbourhood, *words: str, **given: str
) -> Result:
    monkeypatch.setattr(cameras_discover, "ask_network", partial(discover, port=street.port))
    arguments = ["cameras", "discover", "--timeout", "0.5", *words]
    return CliRunner().invoke(
        app, arguments, env=PASSWORD, input=given.get("typed"), catch_exceptions=False
    )


def test_cameras_are_listed_with_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    with Neighbourhood([(0, probe_match()), (0, b"garbage")]) as street:
        done = call(monkeypatch, street)
    assert done.exit_code == 0
    assert "127.0.0.1  Door one, DS-2CD2143, Bern" in done.stdout
    assert "probably: rtsp://127.0.0.1/Streaming/Channels/101" in done.stdout
    assert "Answers that could not be read: 1; too many: 0." in done.stdout
    assert "With --user NAME each camera is asked" in done.stdout or not is_available()
    assert "Asking through lo" in done.stderr


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras_discover, "is_available", lambda: False)
    with Neighbourhood([(0, probe_match())]) as street:
        done = call(monkeypatch, street, "--user", "admin")
    assert done.exit_code == 0
    assert "pip install 'spyoncino[onvif]'" in done.stdout


def test_nobody_is_no_failure_and_says_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    with Neighbourhood([]) as street:
        done = call(monkeypatch, street)
    assert done.exit_code == 0
    for words in ("ONVIF is switched off", "another network", "firewall", "--timeout 15"):
        assert words in done.stdout


@needs_extra
@pytest.mark.parametrize("way", ["stdin", "environment"])
def test_what_is_printed_is_a_configuration_without_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, onvif: OnvifCamera, way: str
) -> None:
    words = ["--user", "admin", *(["--password-stdin"] if way == "stdin" else [])]
    with Neighbourhood([(0, probe_match(service=onvif.url))]) as street:
        done = call(monkeypatch, street, *words, typed="s3cret\n")
    assert done.exit_code == 0
    assert "s3cret" not in done.output
    text = done.stdout[done.stdout.index("cameras:\n") :]
    assert "sub: 'rtsp://127.0.0.1/sub?unicast=true'  # Small, h264, 640x360, 10 a" in text
    config = tmp_path / "spyoncino.yaml"
    config.write_text(text)
    (name, camera), *_ = load_config(load_modules(), file=config).settings.cameras.items()
    assert name == "bern"
    assert isinstance(camera.source, RtspSource)
    assert camera.source.url == "rtsp://127.0.0.1/main?unicast=true"


@needs_extra
def test_json_has_streams_and_trouble(monkeypatch: pytest.MonkeyPatch, onvif: OnvifCamera) -> None:
    answers = [
        (0, probe_match("urn:uuid:1", service=onvif.url)),
        (0, probe_match("urn:uuid:2", service="http://192.0.2.1/onvif/device_service")),
    ]
    with Neighbourhood(answers) as street:
        done = call(monkeypatch, street, "--user", "admin", "--json")
    assert done.exit_code == 0
    facts = json.loads(done.stdout)
    one, two = facts["cameras"]
    assert [each["width_px"] for each in one["streams"]] == [1920, 640]
    assert "another machine only; the password is not sent there" in two["trouble"]
    assert facts["answers"] == 2
    assert "s3cret" not in done.output


@needs_extra
def test_no_stream_from_anybody_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, onvif: OnvifCamera
) -> None:
    with Neighbourhood([(0, probe_match(service=onvif.url))]) as street:
        done = call(monkeypatch, street, "--user", "root")
    assert done.exit_code == 1
    assert "does not accept the name 'root'" in done.stdout


@needs_extra
def test_a_machine_that_is_named_is_asked_even_when_it_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, onvif: OnvifCamera
) -> None:
    monkeypatch.setattr(
        cameras_discover,
        "_unfound",
        lambda host: OnvifDevice(host, host, "", "", "", (onvif.url,)),
    )
    with Neighbourhood([], is_multicast=False) as street:
        done = call(monkeypatch, street, "127.0.0.1", "--user", "admin")
    assert done.exit_code == 0
    assert "  camera:\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--password-stdin"], "needs --user"),
        (["--interface", "eth7"], "There is no network eth7 .* .there is: lo"),
    ],
)
def test_a_wrong_call_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        CliRunner().invoke(app, ["cameras", "discover", *words], catch_exceptions=False)


def test_a_user_without_a_password_is_a_wrong_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPYONCINO_ONVIF_PASSWORD", raising=False)
    with pytest.raises(UsageError, match="--user needs a password"):
        CliRunner().invoke(app, ["cameras", "discover", "--user", "admin"], catch_exceptions=False)


def test_names_are_taken_once_and_begin_with_a_letter() -> None:
    found = []
    for name in ("1st Floor!", "1st floor", "Тест", "a" * 90):
        device = OnvifDevice("e", "h", name, "", "", ())
        stream = OnvifStream("", "p", "h264", 0, 0, 0, "rtsp://h/it's")
        found.append(cameras_discover.FoundCamera(device, [stream]))
    lines = list(cameras_discover.yaml_of(found))
    names = [line.strip(" :") for line in lines if line.startswith("  ") and line[2] != " "]
    assert names == ["camera_1st_floor", "camera_1st_floor_2", "camera", "a" * 40]
    assert "      url: 'rtsp://h/it''s'  # p, h264" in lines
