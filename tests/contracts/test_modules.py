"""What every module owes the system; runs over the whole table, plug-ins that are installed too."""

import json
from pathlib import Path
from typing import Any

import pytest

from spyoncino.core.config_document import full_document, starter_document
from spyoncino.core.config_load import load_config
from spyoncino.core.config_model import document_model
from spyoncino.core.contracts import BaseModule
from spyoncino.core.registry import Registry
from spyoncino.core.topic_match import declared_topic
from spyoncino.core.wiring import check_graph, handler_problem
from spyoncino.modules.builtin import BUILTIN
from spyoncino.testing import ModuleContract, ModuleHarness, Rule

ROOT = Path(__file__).parents[2]
REGISTRY = Registry.discover(BUILTIN)

every_module = pytest.mark.parametrize("module", REGISTRY.modules, ids=lambda module: module.name)


def without_cameras(harness: ModuleHarness) -> None:
    """The double of a capture process has no stream of frames to be read."""
    harness.context.cameras.clear()


OPTIONS: dict[str, dict[str, Any]] = {
    "dashboard.web_server": {"settings": {"port": 0}},
    "input.camera": {"prepare": without_cameras},
}
"""What a module needs to be tried without the rest of the system."""


def test_every_built_in_module_can_be_loaded() -> None:
    assert REGISTRY.failures == ()
    assert len(REGISTRY.modules) >= len(BUILTIN)


def test_the_modules_fit_together() -> None:
    graph = check_graph(REGISTRY.modules)
    assert graph.unfed == ()


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, id=f"{module.name}-{rule}")
        for module in REGISTRY.modules
        for rule in ModuleContract(module, **OPTIONS.get(module.name, {})).rules
    ],
)
def test_every_module_keeps_the_contract_that_plug_ins_are_held_to(rule: Rule) -> None:
    rule.check()


@every_module
def test_a_module_declares_topics_that_exist_and_handlers_that_take_them(
    module: type[BaseModule[Any]],
) -> None:
    for topic in [*module.publishes, *(consume.topic for consume in module.consumes)]:
        assert declared_topic(topic.name.replace("{id}", "x")) is not None
    for consume in module.consumes:
        assert handler_problem(module, consume) == ""
        assert consume.capacity >= 1


def test_the_default_configuration_in_the_repository_is_that_of_the_code() -> None:
    written = (ROOT / "config" / "default.yaml").read_text()
    hint = "run: spyoncino config init --full --force config/default.yaml"
    assert written == full_document(REGISTRY), hint


@pytest.mark.parametrize("text", [full_document(REGISTRY), starter_document()])
def test_the_files_that_init_writes_are_valid(text: str, tmp_path: Path) -> None:
    (tmp_path / "spyoncino.yaml").write_text(text)
    loaded = load_config(REGISTRY, variables={}, working_folder=tmp_path, config_home=tmp_path)
    assert loaded.notices == ()


def test_the_example_of_secrets_names_settings_that_exist(tmp_path: Path) -> None:
    example = (ROOT / "config" / ".env.example").read_text()
    (tmp_path / ".env").write_text(example.replace("#SPYONCINO", "SPYONCINO"))
    loaded = load_config(REGISTRY, variables={}, working_folder=tmp_path, config_home=tmp_path)
    assert loaded.settings.pool.workers == 1
    assert len(loaded.files) == 1


def test_the_schema_of_the_configuration_is_plain_json() -> None:
    schema = json.loads(json.dumps(document_model(REGISTRY).model_json_schema()))
    assert {"cameras", *REGISTRY.sections} <= schema["properties"].keys()
    assert schema["additionalProperties"] is False
