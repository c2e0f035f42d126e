"""Tasks that the pool's benchmark and chaos run give to their workers, who import this file."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spyoncino.detectors.results import DetectionMetrics
from spyoncino.geometry.boxes import FULL_PICTURE
from spyoncino.runtime.frame_ring import FrameHandle, read_frame
from spyoncino.runtime.tasks import ObjectJob, ObjectResult


def build_echo(_settings: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Gives the payload back."""
    return lambda payload: payload


def build_sleep(settings: Mapping[str, Any]) -> Callable[[int], int]:
    """Waits ``seconds``, then gives the payload back."""
    seconds = float(settings["seconds"])

    def sleep(number: int) -> int:
        time.sleep(seconds)
        return number

    return sleep


def build_model(settings: Mapping[str, Any]) -> Callable[[FrameHandle | None], float]:
    """Runs the model at ``path`` with one thread on a fixed input; reads the frame first, if any.

    The input is fixed, so that a run through the pool and a bare one do the same work.
    """
    import onnxruntime  # noqa: PLC0415 - only workers and the bare run load it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        settings["path"], options, providers=["CPUExecutionProvider"]
    )
    entry = session.get_inputs()[0]
    picture = np.random.default_rng(7).normal(size=entry.shape).astype(np.float32)

    def run(frame: FrameHandle | None) -> float:
        if frame is not None:
            read_frame(frame)
        return float(session.run(None, {entry.name: picture})[0].sum())

    return run


def build_slow_look(settings: Mapping[str, Any]) -> Callable[[ObjectJob], ObjectResult]:
    """Waits ``seconds`` for each part of a picture, as a slow model does, and finds nothing."""
    seconds = float(settings["seconds"])

    def look(job: ObjectJob) -> ObjectResult:
        parts = ((FULL_PICTURE,) if job.whole else ()) + job.regions
        time.sleep(seconds * len(parts))
        return ObjectResult((), "slow", parts, DetectionMetrics("slow"))

    return look
