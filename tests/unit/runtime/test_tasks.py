import importlib
import subprocess
import sys

import pytest

from spyoncino.runtime.tasks import (
    FACES,
    FINISH_CLIP,
    OBJECTS,
    PICTURE,
    PREVIEW,
    SNAPSHOT,
    TASK_FACTORIES,
)


def test_every_kind_of_job_has_a_factory_that_exists() -> None:
    assert set(TASK_FACTORIES) == {OBJECTS, FACES, SNAPSHOT, FINISH_CLIP, PREVIEW, PICTURE}
    for target in TASK_FACTORIES.values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("library", ["onnxruntime", "cv2", "av", "pydantic"])
def test_main_can_build_jobs_without_heavy_libraries(library: str) -> None:
    program = f"import sys, spyoncino.runtime.tasks; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
