"""Rules and channels in the settings: what cannot work is refused, what stays silent is said."""

from pathlib import Path
from types import ModuleType

import pytest

from spyoncino.clients import apprise_service
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.registry import LoadFailure, Registry
from spyoncino.errors import ConfigError
from spyoncino.modules.alert_settings import AlertSettings
from spyoncino.modules.builtin import BUILTIN
from spyoncino.modules.output import web_push

HOUSE = """
cameras:
  door:
    source: {type: sim}
    zones: [{name: porch, polygon: [[0.0, 0.5], [1.0, 0.5], [1.0, 1.0]]}]
  yard: {source: {type: sim}}
terminal: {enabled: true}
"""


def load(folder: Path, text: str, registry: Registry | None = None) -> LoadedConfig:
    (folder / "spyoncino.yaml").write_text(HOUSE + text)
    return load_config(
        registry or Registry.discover(BUILTIN),
        variables={},
        working_folder=folder,
        config_home=folder / "none",
        measure=False,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "alerts: {rules: [{name: a, channels: [terminl]}]}",
            'alerts.rules[0].channels: there is no channel "terminl"; did you mean "terminal"?',
        ),
        ("watchman: {channels: [pigeon]}", 'there is no channel "pigeon"; there are'),
        ("dead_man: {channels: [mqqt]}", 'dead_man.channels: there is no channel "mqqt"'),
    ],
)
def test_a_channel_that_does_not_exist_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=r"spyoncino\.yaml:8: ") as raised:
        load(tmp_path, text)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        (
            "alerts: {rules: [{name: a, channels: [webhook]}]}",
            "webhook tells nobody, because webhook.enabled is false",
        ),
        (
            "alerts: {rules: [{name: a, when: {cameras: [dor]}}]}",
            'when.cameras: no camera is called "dor" here; there are door, yard',
        ),
        (
            "alerts: {rules: [{name: a, when: {zones: [prch]}}]}",
            'when.zones: no zone is called "prch" here; there are porch',
        ),
        (
            "alerts: {rules: [{name: a, when: {zones: [porch], cameras: [yard]}}]}",
            'no zone is called "porch" here; there is none',
        ),
        (
            "alerts: {rules: [{name: a}, {name: b, when: {types: [doorbell]}}]}",
            "alerts.rules[1]: it is never asked: 'a' before it takes every event",
        ),
    ],
)
def test_what_only_makes_a_rule_silent_is_said(tmp_path: Path, text: str, notice: str) -> None:
    [told] = load(tmp_path, text).notices
    assert "spyoncino.yaml:8: " in told
    assert notice in told


def test_what_is_there_is_not_remarked_upon(tmp_path: Path) -> None:
    first = "{name: a, channels: [terminal], when: {zones: [porch]}}"
    text = f"alerts: {{rules: [{first}, {{name: b, channels: [terminal]}}, {{name: c}}]}}"
    assert load(tmp_path, text).notices == ()  # c may have channels that b has not


@pytest.mark.parametrize(
    ("above", "below", "is_asked"),
    [
        ("", "terminal", False),
        ("terminal", "terminal", False),
        ("terminal, mqtt", "terminal", False),
        ("terminal", "terminal, mqtt", True),
        ("mqtt", "terminal", True),
    ],
)
def test_a_rule_that_is_asked_for_one_channel_at_least_is_not_remarked_upon(
    tmp_path: Path, above: str, below: str, *, is_asked: bool
) -> None:
    rules = f"{{name: a, channels: [{above}]}}, {{name: b, channels: [{below}]}}"
    told = load(tmp_path, f"alerts: {{rules: [{rules}]}}").notices
    assert any("it is never asked" in each for each in told) is not is_asked


def test_the_channel_of_a_plug_in_that_could_not_be_loaded_stops_nothing(tmp_path: Path) -> None:
    registry = Registry(Registry.discover(BUILTIN).modules, (LoadFailure("x:Y", "no torch"),))
    text = "alerts: {rules: [{name: a, channels: [pigeon]}]}"
    [told] = load(tmp_path, text, registry).notices
    assert 'there is no channel "pigeon"' in told


def test_a_rule_tells_by_no_channel_that_is_switched_off() -> None:
    settings = AlertSettings.model_validate({"rules": [{"name": "a", "channels": ["x", "y"]}]})
    assert settings.to_rules(("y", "z"))[0].channels == ("y",)
    assert settings.to_rules(("z",))[0].channels == ()


@pytest.mark.parametrize(
    ("text", "where", "extra"),
    [
        ("web_push: {enabled: true, contact: 'mailto:a@b.org'}", web_push, "push"),
        (
            "apprise: {enabled: true, services: {desk: 'json://localhost'}}",
            apprise_service,
            "apprise",
        ),
    ],
)
def test_a_channel_whose_library_is_missing_says_which_extra_it_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, where: ModuleType, extra: str
) -> None:
    assert load(tmp_path, text).notices == ()
    for name in ("_is_installed", "is_installed"):
        monkeypatch.setattr(where, name, lambda: False, raising=False)
    [told] = load(tmp_path, text).notices
    assert f"pip install 'spyoncino[{extra}]'" in told
    assert load(tmp_path, text.replace("true", "false")).notices == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{quiet: ['23:00', '23:00']}", "alerts.quiet: begins and ends at 23:00, so it is never"),
        (
            "{rules: [{name: a, when: {between: ['8:00', '09:00']}}]}",
            "a time of day such as '06:30'",
        ),
        ("{rules: [{name: a, text: '{time:%H}'}]}", "cannot be filled in"),
    ],
)
def test_a_rule_that_could_not_work_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, f"alerts: {text}")
    assert problem in str(raised.value)
