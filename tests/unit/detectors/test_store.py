import hashlib
import json
from pathlib import Path

import pytest

from spyoncino.detectors.faces_model import HEADS as FACE_HEADS
from spyoncino.detectors.objects_onnx import HEADS
from spyoncino.detectors.store import BUNDLED_FOLDER, ModelStore, read_verified
from spyoncino.errors import ModelError

DECODED = {
    "objects": set(HEADS),
    "faces": {*FACE_HEADS, "blazeface"},
    "embedding": {"mobilefacenet"},
}
"""Task to the types of model that something here can decode."""


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    (tmp_path / "small.onnx").write_bytes(b"weights")
    row = {
        "name": "small", "task": "objects", "type": "yolov8", "file": "small.onnx",
        "sha256": hashlib.sha256(b"weights").hexdigest(), "size_bytes": 7, "labels": ["person"],
        "licence": "MIT", "source": "here", "conversion": "none",
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps({"models": [row]}))
    return ModelStore(tmp_path)


def test_model_is_read_by_name(store: ModelStore) -> None:
    assert store.read("small") == b"weights"
    assert store.entry("small").labels == ("person",)


def test_altered_file_is_refused_and_both_hashes_are_named(store: ModelStore) -> None:
    (store.folder / "small.onnx").write_bytes(b"altered")
    with pytest.raises(ModelError, match=r"small.onnx was altered.*expected"):
        store.read("small")


def test_missing_file_is_a_sentence(store: ModelStore) -> None:
    (store.folder / "small.onnx").unlink()
    with pytest.raises(ModelError, match=r"cannot be read: No such file"):
        store.read("small")


def test_unknown_name_lists_what_there_is(store: ModelStore) -> None:
    with pytest.raises(ModelError, match=r"no bundled model 'big'; there are: small"):
        store.entry("big")


@pytest.mark.parametrize("content", ["", "{}", '{"models": [{"name": "x"}]}', '{"models": 3}'])
def test_damaged_manifest_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ModelError, match="install spyoncino again"):
        ModelStore(tmp_path)


def test_missing_manifest_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="install spyoncino again"):
        ModelStore(tmp_path)


def test_hash_may_be_written_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(b"own")
    assert read_verified(path, hashlib.sha256(b"own").hexdigest().upper()) == b"own"


def test_file_without_expected_hash_is_trusted(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(b"own")
    assert read_verified(path, None) == b"own"


def test_every_bundled_model_is_complete_and_unaltered() -> None:
    bundled = ModelStore()
    for entry in bundled.entries():
        assert len(bundled.read(entry.name)) == entry.size_bytes
        assert entry.type in DECODED[entry.task]
        assert entry.licence
        assert entry.source
        assert len(set(entry.labels)) == len(entry.labels)


def test_every_bundled_file_is_in_the_manifest() -> None:
    listed = {entry.file for entry in ModelStore().entries()}
    files = {path.name for path in BUNDLED_FOLDER.iterdir() if path.suffix in (".onnx", ".tflite")}
    assert files == listed


def test_models_are_listed_by_task() -> None:
    assert ModelStore().names("faces") == ("centerface", "blazeface_full_range")


def test_numbers_of_an_embedder_are_optional(store: ModelStore) -> None:
    assert store.entry("small").known_from is None
