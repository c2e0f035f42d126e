import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper
from tests.unit.detectors.conftest import ConstantModel, save_model

import spyoncino
from spyoncino.detectors.base import Image
from spyoncino.detectors.embedder_config import (
    DLIB_RADIUS,
    FAMILY_GUESS,
    Likeness,
    likeness_of,
)
from spyoncino.detectors.embedder_dlib import DlibEmbedder, on_sphere
from spyoncino.detectors.embedder_onnx import OnnxEmbedder
from spyoncino.detectors.embedders import Embedder, create_embedder
from spyoncino.detectors.store import ModelStore
from spyoncino.errors import ConfigError, ModelError
from spyoncino.faces.alignment import align
from spyoncino.faces.limits import distance_of

VISITOR = Path(spyoncino.__file__).parent / "assets" / "demo" / "visitor.png"
LANDMARKS = np.array([[181, 88], [229, 86], [208, 112], [190, 132], [227, 130]], np.float64)
GOLDEN = Path(__file__).parent / "golden" / "visitor_vector.json"
"""Made once with the repaired model; its vectors agree with an independent copy of the network."""


@pytest.fixture(scope="module")
def face() -> Image:
    aligned = align(np.asarray(cv2.imread(str(VISITOR)), np.uint8), LANDMARKS)
    assert aligned is not None
    return aligned


@pytest.fixture(scope="module")
def plain() -> Embedder:
    return create_embedder({"is_mirrored": False})


@pytest.fixture(scope="module")
def mirrored() -> Embedder:
    return create_embedder({})


def mean_model(tmp_path: Path, shape: list[int | str], *, is_last: bool) -> Path:
    """An embedder of 48 numbers: the means of the three channels, over and over."""
    nodes = [
        helper.make_node(
            "ReduceMean", ["picture"], ["means"], axes=[1, 2] if is_last else [2, 3], keepdims=0
        ),
        helper.make_node("Concat", ["means"] * 16, ["rows"], axis=1),
    ]
    return save_model(tmp_path / "mean.onnx", nodes, ["rows"], {}, shape)


def test_bundled_model_gives_the_golden_vector(plain: Embedder, face: Image) -> None:
    golden = np.array(json.loads(GOLDEN.read_text("utf-8")), np.float32)
    golden /= np.linalg.norm(golden)
    assert float(plain.embed([face])[0] @ golden) > 0.9999
    assert (plain.name, plain.dimensions) == ("mobilefacenet", 192)


def test_rows_have_length_1_and_the_order_of_the_faces(plain: Embedder, face: Image) -> None:
    other = np.asarray(cv2.GaussianBlur(face, (0, 0), 6), np.uint8)
    both = plain.embed([face, other])
    assert both.dtype == np.float32
    assert np.linalg.norm(both, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert np.allclose(both[0], plain.embed([face])[0])
    assert np.allclose(both[1], plain.embed([other])[0])


def test_no_face_gives_no_row(plain: Embedder) -> None:
    assert plain.embed([]).shape == (0, 192)


def test_mirrored_faces_are_the_same_to_the_default(
    plain: Embedder, mirrored: Embedder, face: Image
) -> None:
    flipped = np.ascontiguousarray(face[:, ::-1])
    one, two = mirrored.embed([face, flipped])
    assert np.allclose(one, two, atol=1e-5)
    assert float(one @ plain.embed([face])[0]) > 0.95


def test_bundled_model_is_healthy(plain: Embedder) -> None:
    assert plain.health_check() == {
        "healthy": True,
        "embedder": "mobilefacenet",
        "dimensions": 192,
    }
    plain.close()


def test_onnx_embedder_is_available_here() -> None:
    assert OnnxEmbedder.is_available()


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("batch", [1, "n"])
def test_layout_and_batch_of_a_users_model_are_read_from_it(
    tmp_path: Path, face: Image, is_last: bool, batch: int | str
) -> None:
    shape: list[int | str] = [batch, 112, 112, 3] if is_last else [batch, 3, 112, 112]
    path = mean_model(tmp_path, shape, is_last=is_last)
    embedder = create_embedder(
        {"model": {"type": "arcface", "path": str(path)}, "is_mirrored": False}
    )
    expected = (face[..., ::-1].mean(axis=(0, 1)) - 127.5) / 127.5
    expected = np.tile(expected, 16) / np.linalg.norm(np.tile(expected, 16))
    vectors = embedder.embed([face, np.full_like(face, 10)])
    assert vectors[0] == pytest.approx(expected, abs=1e-4)
    assert vectors[1] == pytest.approx(np.full(48, -1 / np.sqrt(48)), abs=1e-4)


def test_mean_std_and_colour_of_a_users_model_are_obeyed(tmp_path: Path, face: Image) -> None:
    path = mean_model(tmp_path, [1, 3, 112, 112], is_last=False)
    model = {"type": "arcface", "path": str(path), "mean": 0, "std": [1, 2, 4], "colour": "bgr"}
    vector = create_embedder({"model": model}).embed([face])[0]
    expected = np.tile(face.mean(axis=(0, 1)) / [1, 2, 4], 16)
    assert vector == pytest.approx(expected / np.linalg.norm(expected), abs=1e-4)


def test_other_input_sizes_get_the_face_scaled(tmp_path: Path, face: Image) -> None:
    path = mean_model(tmp_path, [1, 3, 160, 160], is_last=False)
    vector = create_embedder({"model": {"type": "sface", "path": str(path)}}).embed([face])[0]
    expected = np.tile(face[..., ::-1].mean(axis=(0, 1)), 16)
    assert vector == pytest.approx(expected / np.linalg.norm(expected), abs=1e-3)


def test_name_of_a_users_model_changes_with_its_content(tmp_path: Path) -> None:
    path = mean_model(tmp_path, [1, 3, 112, 112], is_last=False)
    config = {"model": {"type": "arcface", "path": str(path)}}
    first = create_embedder(config).name
    model = onnx.load(path)
    model.doc_string = "retrained"
    onnx.save(model, path)
    second = create_embedder(config).name
    assert first != second
    assert first.startswith("mean-")


@pytest.mark.parametrize(
    ("shape", "row"),
    [
        ((1, 3, 112, 112), np.ones((1, 8), np.float32)),
        ((1, 3, 112, 112), np.ones((1, 64, 2), np.float32)),
        ((1, 1, 112, 112), np.ones((1, 64), np.float32)),
        ((1, 3, 112, 96), np.ones((1, 64), np.float32)),
        ((1, 3, 1120, 1120), np.ones((1, 64), np.float32)),
    ],
    ids=["few numbers", "a map", "one channel", "not square", "huge"],
)
def test_model_that_is_no_embedder_is_refused_with_a_sentence(
    constant_model: ConstantModel, shape: tuple[int, ...], row: NDArray[np.float32]
) -> None:
    path = constant_model([row], shape)
    with pytest.raises(ModelError, match="is no embedder"):
        create_embedder({"model": {"type": "arcface", "path": str(path)}})


def test_two_outputs_are_refused(constant_model: ConstantModel) -> None:
    path = constant_model([np.ones((1, 64), np.float32)] * 2, (1, 3, 112, 112))
    with pytest.raises(ModelError, match="expected one output"):
        create_embedder({"model": {"type": "arcface", "path": str(path)}})


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_vector_without_direction_is_an_error_and_no_row(
    constant_model: ConstantModel, face: Image, value: float
) -> None:
    path = constant_model([np.full((1, 64), value, np.float32)], (1, 3, 112, 112))
    embedder = create_embedder({"model": {"type": "arcface", "path": str(path)}})
    with pytest.raises(ModelError, match="without direction"):
        embedder.embed([face])


def test_missing_file_and_wrong_hash_are_sentences(constant_model: ConstantModel) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        create_embedder({"model": {"type": "arcface", "path": "/nowhere/model.onnx"}})
    path = constant_model([np.ones((1, 64), np.float32)], (1, 3, 112, 112))
    with pytest.raises(ModelError, match="altered or damaged"):
        create_embedder({"model": {"type": "arcface", "path": str(path), "sha256": "00"}})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"modle": "x"}, "did you mean 'model'"),
        ({"model": ""}, "must be a name"),
        ({"model": {"type": "resnet", "path": "x"}}, "must be one of: arcface"),
        ({"model": {"type": "arcface"}}, "path is missing"),
        ({"model": {"type": "arcface", "path": "x", "colour": "hsv"}}, "bgr or rgb"),
        ({"model": {"type": "arcface", "path": "x", "std": [1, 0, 1]}}, "above 0"),
        ({"model": {"type": "arcface", "path": "x", "mean": "grey"}}, "one number or three"),
        ({"model": {"type": "arcface", "path": "x", "known_from": 2}}, "must be -1..1"),
        ({"threads": 0}, "threads is 0"),
        ({"is_mirrored": "yes"}, "true or false"),
        ({"model": "nanodet_416"}, "is a model for objects"),
    ],
)
def test_wrong_configuration_is_a_sentence(config: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        create_embedder(config)


def test_unknown_bundled_model_is_a_sentence() -> None:
    with pytest.raises(ModelError, match="There is no bundled model 'arcface9'"):
        create_embedder({"model": "arcface9"})


def test_figures_of_the_bundled_model_come_from_the_manifest() -> None:
    entry = ModelStore().entry("mobilefacenet")
    likeness = likeness_of({})
    assert (likeness.known_from, likeness.unsure_from) == (entry.known_from, entry.unsure_from)
    assert (likeness.margin, likeness.min_size_px) == (entry.margin, entry.min_size_px)
    assert likeness.is_measured


def test_figures_of_a_users_model_are_a_guess_until_given() -> None:
    model = {"type": "arcface", "path": "own.onnx"}
    assert likeness_of({"model": model}) == FAMILY_GUESS
    given = likeness_of({"model": {**model, "known_from": 0.3, "margin": 0.1, "min_size_px": 50}})
    assert given == Likeness(0.3, 0.3, 0.1, 50)
    with pytest.raises(ConfigError, match="at most known_from"):
        likeness_of({"model": {**model, "known_from": 0.3, "unsure_from": 0.4}})


def test_tolerance_of_dlib_is_its_own_euclidean_distance() -> None:
    rng = np.random.default_rng(4)
    raw = rng.normal(size=(40, 128))
    raw *= rng.uniform(1.38, 1.63, (40, 1)) / np.linalg.norm(raw, axis=1, keepdims=True)
    raw[20:] = raw[:20] + rng.normal(size=(20, 128)) * rng.uniform(0.03, 0.07, (20, 1))
    lengths = np.linalg.norm(raw[:20], axis=1, keepdims=True) * rng.uniform(0.96, 1.04, (20, 1))
    raw[20:] *= lengths / np.linalg.norm(raw[20:], axis=1, keepdims=True)
    rows = on_sphere(raw).astype(np.float64)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(40), abs=1e-6)
    for first, second, one, two in zip(raw[:20], raw[20:], rows[:20], rows[20:], strict=True):
        distance = float(np.linalg.norm(first - second))
        assert distance_of(float(one @ two), DLIB_RADIUS) == pytest.approx(distance, rel=0.05)


def test_overlong_vectors_of_dlib_still_have_length_1() -> None:
    assert np.linalg.norm(on_sphere(np.full((1, 128), 9.0))) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.skipif(DlibEmbedder.is_available(), reason="dlib and its weights are installed")
def test_missing_dlib_is_a_sentence() -> None:
    with pytest.raises(ModelError, match="pip install 'spyoncino\\[dlib\\]'"):
        create_embedder({"model": "dlib"})


@pytest.mark.skipif(not DlibEmbedder.is_available(), reason="dlib or its weights are missing")
def test_dlib_gives_rows_on_its_sphere(face: Image) -> None:
    embedder = create_embedder({"model": "dlib"})
    rows = embedder.embed([face, np.ascontiguousarray(face[:, ::-1])])
    assert rows.shape == (2, embedder.dimensions)
    assert distance_of(float(rows[0] @ rows[1]), DLIB_RADIUS) < 0.4
