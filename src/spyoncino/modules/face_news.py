"""What a look at faces found, or why it failed, as messages."""

import math

from spyoncino.modules.face_line import Glance
from spyoncino.runtime.jobs import JobMetrics
from spyoncino.runtime.tasks import FaceResult, FoundFace
from spyoncino.schemas.faces import Face, FaceDetectionEvent, FaceDetectionMetadata
from spyoncino.schemas.status import DetectionErrorReport


def detection_of(
    glance: Glance, source: str, detector: str, settled_s: float
) -> FaceDetectionEvent:
    """The message about a look, or about time that passed without one.

    Args:
        glance: The look, done.
        source: Name of the module.
        detector: Detector that is named where nobody looked.
        settled_s: Camera time until which every look was told; infinite where that is not known.
    """
    job = glance.result
    result: FaceResult | None = job.value if job is not None and job.success else None
    faces = tuple(_face(each) for each in result.faces) if result else ()
    metrics = job.metrics if job is not None else JobMetrics()
    spent_ms = result.metrics.processing_time_ms + result.embed_ms if result else 0.0
    performance = _performance(metrics)
    if result is not None:
        performance |= {
            "prepare_ms": result.metrics.prepare_ms,
            "inference_ms": result.metrics.inference_ms,
            "decode_ms": result.metrics.decode_ms,
            "embed_ms": result.embed_ms,
        }
    return FaceDetectionEvent(
        source=source,
        correlation_id=glance.correlation_id,
        timestamp=glance.frame.utc,
        frame=glance.frame,
        frame_event_id=glance.frame_event_id,
        faces=faces,
        detection_metadata=FaceDetectionMetadata(
            detector_type=result.detector if result else detector,
            processing_time_ms=metrics.processing_time_ms or spent_ms,
            face_count=len(faces),
            confidence_scores=tuple(face.confidence for face in faces),
            detection_timestamp=glance.frame.utc,
            embedder=result.embedder if result else "",
        ),
        performance_metrics=performance if glance.looked else {},
        looked=glance.looked,
        settled_s=settled_s if math.isfinite(settled_s) else None,
        trigger_id=glance.trigger_id,
        sequence_number=glance.sequence_number,
        end_of_stream=glance.end_of_stream,
    )


def failure_of(glance: Glance, source: str, detector: str) -> DetectionErrorReport | None:
    """The message about a look that failed for good; ``None`` when it did not."""
    job = glance.result
    if job is not None and job.success:
        return None
    error, kind = "the look was broken off", "JobFailedError"
    if glance.error is not None:
        error, kind = str(glance.error), type(glance.error).__name__
    elif job is not None:
        error, kind = job.error, job.error_type or job.outcome.value
    return DetectionErrorReport(
        source=source,
        correlation_id=glance.correlation_id,
        component=source,
        error=error,
        error_type=kind,
        frame_event_id=glance.frame_event_id,
        detector_type=detector,
        worker_metrics=_performance(job.metrics if job is not None else JobMetrics()),
    )


def _performance(metrics: JobMetrics) -> dict[str, float]:
    return {
        "waited_ms": metrics.waited_ms,
        "total_ms": metrics.total_ms,
        "attempts": float(metrics.attempts),
    }


def _face(found: FoundFace) -> Face:
    return Face(
        box=found.box,
        confidence=min(1.0, max(0.0, found.confidence)),
        landmarks=found.landmarks,
        track_id=found.track_id,
        quality=found.quality,
        vector=found.vector,
        crop=found.crop,
    )
