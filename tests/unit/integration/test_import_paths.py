"""Every import path of the specification leads somewhere, or is named as not built yet."""

import importlib
from importlib.util import find_spec

import pytest

import spyoncino.integration
from spyoncino.integration.import_paths import COMING, IMPORT_PATHS, new_path


@pytest.mark.parametrize("path", sorted(set(IMPORT_PATHS.values())))
def test_a_path_of_the_table_can_be_imported(path: str) -> None:
    module, _, name = path.rpartition(".")
    if name[0].isupper() or name == "main":
        assert hasattr(importlib.import_module(module), name)
    else:
        importlib.import_module(path)


@pytest.mark.parametrize("module", sorted(set(COMING.values())))
def test_what_is_said_to_come_is_not_there_yet(module: str) -> None:
    assert find_spec(module) is None, "it is built now: move its row to IMPORT_PATHS"


def test_a_path_is_found_with_and_without_the_old_root() -> None:
    manager = "spyoncino.integration.manager.OrchestratorManager"
    assert new_path("src.integration.orchestrator_manager.OrchestratorManager") == manager
    assert new_path("integration.orchestrator_manager.OrchestratorManager") == manager


def test_other_paths_are_told_in_a_sentence() -> None:
    with pytest.raises(KeyError, match=r"not built yet; it will be in spyoncino\.integration"):
        new_path("src.integration.migration_utils.MigrationUtils")
    near = r"near it: src\.storage\.event_database\.EventDatabase, src\.storage\.face_database\."
    with pytest.raises(KeyError, match=near):
        new_path("src.storage.other.Thing")
    with pytest.raises(KeyError, match="near it: nothing"):
        new_path("src.nowhere.other.Thing")


def test_the_package_exports_what_it_says() -> None:
    names = spyoncino.integration.__all__
    assert names == sorted(names)
    assert all(hasattr(spyoncino.integration, name) for name in names)
