"""The names of the specification mean the settings of today."""

from pathlib import Path

import pytest

from spyoncino.app import load_modules
from spyoncino.core.config_layers import Layer, Origin
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.config_old_keys import GONE, MOVED, take_old_keys
from spyoncino.core.settings import Settings
from spyoncino.errors import ConfigError
from spyoncino.modules.capture_specs import section_of
from spyoncino.modules.face_settings import FaceSettings
from spyoncino.modules.process.face_recognizer import RecognitionSettings

REGISTRY = load_modules()

WHOLE = """
face_detection:
  enabled: true
  worker_count: 3
  detector_type: cpu
  max_queue_size: 50
  job_timeout: 20.0
  detectors:
    cpu: {model: hog, number_of_times_to_upsample: 2, batch_size: 1}
    gpu: {model: cnn, device: "cuda:0", batch_size: 4}
    edgetpu: {model_path: /opt/models/face_detection.tflite, delegate: edgetpu}
  performance:
    {priority_levels: 3, doorbell_priority: 1, continuous_priority: 2, max_concurrent_jobs: 4}
  error_handling: {max_retries: 5, retry_delay_seconds: 2.0, worker_restart_threshold: 7}
"""


def load(folder: Path, text: str, **variables: str) -> LoadedConfig:
    (folder / "spyoncino.yaml").write_text(text)
    return load_config(
        REGISTRY,
        variables=variables,
        working_folder=folder,
        config_home=folder / "none",
        measure=False,
    )


def test_the_whole_group_of_face_detection_is_read(tmp_path: Path) -> None:
    loaded = load(tmp_path, WHOLE)
    faces, pool = section_of(loaded, "faces", FaceSettings), loaded.settings.pool
    assert faces.enabled
    assert (faces.detector, faces.model) == ("cpu", "hog")
    assert faces.detector_options == {"number_of_times_to_upsample": 2, "batch_size": 1}
    assert (faces.job_timeout_s, faces.max_in_flight) == (20, 4)
    assert (faces.max_retries, faces.retry_delay_s) == (5, 2)
    assert (pool.workers, pool.max_queue_size, pool.worker_restart_threshold) == (3, 50, 7)
    assert faces.to_task_settings()["config"] == {
        "model": "hog",
        "threads": 1,
        "number_of_times_to_upsample": 2,
        "batch_size": 1,
    }


def test_every_key_that_was_taken_or_left_is_told_with_its_line(tmp_path: Path) -> None:
    notices = [each.replace(f"{tmp_path}/", "") for each in load(tmp_path, WHOLE).notices]
    assert len(notices) == 20
    assert (
        "spyoncino.yaml:4: face_detection.worker_count is an older name; it is read as pool.workers"
    ) in notices
    assert sum("is ignored; the face detector is cpu" in each for each in notices) == 5
    assert any("doorbell_priority is ignored; a press is first, always" in each for each in notices)


@pytest.mark.parametrize(
    ("kind", "model", "options"),
    [
        ("gpu", "cnn", {"device": "cuda:0", "batch_size": 4}),
        (
            "edgetpu",
            None,
            {"model_path": "/opt/models/face_detection.tflite", "delegate": "edgetpu"},
        ),
    ],
)
def test_the_group_of_the_chosen_detector_counts(
    tmp_path: Path, kind: str, model: str | None, options: dict[str, object]
) -> None:
    text = WHOLE.replace("detector_type: cpu", f"detector_type: {kind}")
    faces = section_of(load(tmp_path, text), "faces", FaceSettings)
    assert (faces.detector, faces.model, faces.detector_options) == (kind, model, options)


def test_the_groups_in_pipeline_config_mean_the_same(tmp_path: Path) -> None:
    text = (
        "pipeline_config:\n  face_detection: {worker_count: 2, detector_type: cpu, model: hog}\n"
        "  face_recognition: {worker_count: 2, tolerance: 0.5, encoding_model: small}\n"
        "  motion_detection: {enabled: true}\n"
        "orchestrator_config: {health_check_interval: 12.0, max_restart_attempts: 4}\n"
    )
    loaded = load(tmp_path, text)
    assert section_of(loaded, "recognition", RecognitionSettings).tolerance == 0.5
    assert section_of(loaded, "faces", FaceSettings).model == "hog"
    assert loaded.settings.pool.workers == 2
    assert loaded.settings.health.interval_s == 12
    assert loaded.settings.health.max_restart_attempts == 4
    assert len(loaded.notices) == 9


def test_what_is_written_under_the_name_of_today_wins(tmp_path: Path) -> None:
    text = "pool: {workers: 4}\nface_detection: {worker_count: 2}\n"
    loaded = load(tmp_path, text)
    assert loaded.settings.pool.workers == 4
    assert loaded.notices[0].endswith("worker_count is ignored; pool.workers is set too")
    assert load(tmp_path, text, WORKER_COUNT="3").settings.pool.workers == 3


def test_the_older_variables_reach_their_sections(tmp_path: Path) -> None:
    loaded = load(tmp_path, "", FACE_RECOGNITION_TOLERANCE="0.45", WORKER_COUNT="2")
    assert section_of(loaded, "recognition", RecognitionSettings).tolerance == 0.45
    assert loaded.settings.pool.workers == 2
    assert loaded.notices == ()


def test_a_value_that_is_wrong_is_told_at_the_line_where_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"spyoncino\.yaml:2: pool\.workers"):
        load(tmp_path, "face_detection:\n  worker_count: many\n")


def test_a_key_that_never_was_is_refused_with_the_nearest(tmp_path: Path) -> None:
    words = r"yaml:1: face_detection\.worker_cuont is unknown; did you mean face_detection\.worker"
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, "face_detection: {worker_cuont: 2}\n")
    with pytest.raises(ConfigError, match="face_detection is unknown"):
        load(tmp_path, "face_detection: 2\n")


def test_without_the_section_a_key_is_told_and_a_section_of_that_name_is_left_alone() -> None:
    origin = Origin("somewhere")
    layer = Layer.of({"face_recognition": {"tolerance": 0.5}}, origin)
    (notice,) = take_old_keys(layer, {"pool"})
    assert notice.endswith("tolerance is ignored; there is no section recognition in this version")
    assert layer == Layer()
    layer = Layer.of({"face_detection": {"own": 1}}, origin)
    assert take_old_keys(layer, {"face_detection"}) == ()
    assert layer.data == {"face_detection": {"own": 1}}


def test_every_target_of_the_table_is_a_setting_of_today() -> None:
    assert not MOVED.keys() & GONE.keys()
    sections = {name: set(model.model_fields) for name, model in REGISTRY.sections.items()}
    for name, field in Settings.model_fields.items():
        sections[name] = set(getattr(field.annotation, "model_fields", ()))
    for section, key in MOVED.values():
        assert key in sections[str(section)]


@pytest.mark.parametrize("detector", ["cpu", "dlib", "edgetpu"])
def test_a_detector_alone_names_its_own_model(tmp_path: Path, detector: str) -> None:
    """The model of one back end is none of another: left empty, each takes its own."""
    faces = section_of(load(tmp_path, f"faces: {{detector: {detector}}}\n"), "faces", FaceSettings)
    assert faces.to_task_settings()["config"] == {"threads": 1}
