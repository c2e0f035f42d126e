"""What every module owes the system; runs over the whole table, plug-ins that are installed too."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from spyoncino.core.config_document import full_document, starter_document
from spyoncino.core.config_load import load_config
from spyoncino.core.config_model import document_model
from spyoncino.core.contracts import BaseModule, Category
from spyoncino.core.registry import Registry
from spyoncino.core.topic_match import declared_topic
from spyoncino.core.wiring import check_graph, handler_problem
from spyoncino.modules.builtin import BUILTIN

ROOT = Path(__file__).parents[2]
REGISTRY = Registry.discover(BUILTIN)

every_module = pytest.mark.parametrize("module", REGISTRY.modules, ids=lambda module: module.name)


def fields_without_words(model: type[BaseModel], path: str) -> list[str]:
    """Settings, also inside groups, that say nothing about themselves."""
    silent = []
    for name, field in model.model_fields.items():
        inner = field.get_default(call_default_factory=True, validated_data={})
        if not (field.description or "").strip():
            silent.append(f"{path}.{name}")
        if isinstance(inner, BaseModel):
            silent += fields_without_words(type(inner), f"{path}.{name}")
    return silent


def test_every_built_in_module_can_be_loaded() -> None:
    assert REGISTRY.failures == ()
    assert len(REGISTRY.modules) >= len(BUILTIN)


def test_the_modules_fit_together() -> None:
    graph = check_graph(REGISTRY.modules)
    assert graph.unfed == ()


@every_module
def test_a_module_is_named_after_its_category(module: type[BaseModule[Any]]) -> None:
    assert module.name.split(".")[0] == module.category.name.lower()
    assert module.category in Category


@every_module
def test_a_module_says_what_it_does(module: type[BaseModule[Any]]) -> None:
    assert (module.__doc__ or "").strip()
    assert (module.settings_model.__doc__ or "").strip()


@every_module
def test_every_setting_of_a_module_is_described_and_frozen(module: type[BaseModule[Any]]) -> None:
    model = module.settings_model
    assert fields_without_words(model, module.section) == []
    assert model.model_config.get("extra") == "forbid"
    assert model.model_config.get("frozen") is True


@every_module
def test_defaults_of_a_module_are_valid_and_survive_json(module: type[BaseModule[Any]]) -> None:
    model = module.settings_model
    defaults = model()
    assert model.model_validate_json(defaults.model_dump_json()) == defaults
    assert model.model_validate(defaults.model_dump()) == defaults


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
