"""Where the names of the specification are in this package, for whoever moves code over.

The specification imports from ``src.…``; here is one package, ``spyoncino``.
"""

IMPORT_PATHS = {
    "src.communication.message_bus.MessageBus": "spyoncino.integration.message_bus.MessageBus",
    "src.communication.message_bus.Message": "spyoncino.core.message.Message",
    "src.communication.events.PipelineEvent": "spyoncino.integration.pipeline_event.PipelineEvent",
    "src.communication.events.EventType": "spyoncino.schemas.base.EventType",
    "src.communication.events.DoorbellEvent": "spyoncino.schemas.events.DoorbellEvent",
    "src.communication.events.FrameEvent": "spyoncino.schemas.frames.Frame",
    "src.communication.queues": "spyoncino.core.queues",
    "src.config.orchestrator_config": "spyoncino.core.settings",
    "src.config.pipeline_config": "spyoncino.core.settings",
    "src.detectors.base_detector.BaseDetector": "spyoncino.detectors.base.BaseDetector",
    "src.detectors.base_detector.DetectionMetrics": "spyoncino.detectors.results.DetectionMetrics",
    "src.detectors.detection_result.FaceDetectionResult": (
        "spyoncino.detectors.results.FaceDetectionResult"
    ),
    "src.detectors.detector_factory.DetectorFactory": "spyoncino.detectors.factory.DetectorFactory",
    "src.detectors.mock_detector.MockDetector": "spyoncino.detectors.mock.MockDetector",
    "src.doorbell_security.DoorbellSecuritySystem": "spyoncino.integration.legacy.LegacyAdapter",
    "src.hardware.camera_handler.CameraHandler": "spyoncino.hardware.camera_handler.CameraHandler",
    "src.hardware.camera_handler.OpenCVCameraHandler": (
        "spyoncino.hardware.camera_handler.OpenCVCameraHandler"
    ),
    "src.hardware.camera_handler.PiCamera2Handler": (
        "spyoncino.hardware.camera_handler.PiCamera2Handler"
    ),
    "src.hardware.platform_detector": "spyoncino.hardware.platform_detector",
    "src.integration.legacy_adapter.LegacyAdapter": "spyoncino.integration.legacy.LegacyAdapter",
    "src.integration.orchestrator_manager.OrchestratorManager": (
        "spyoncino.integration.manager.OrchestratorManager"
    ),
    "src.integration.orchestrator_manager.SystemState": "spyoncino.integration.health.SystemState",
    "src.main.main": "spyoncino.integration.standalone.main",
    "src.pipeline.frame_capture.FrameCaptureWorker": "spyoncino.modules.input.camera.CameraInput",
    "src.pipeline.motion_detector": "spyoncino.modules.process.motion_detector",
    "src.pipeline.event_processor": "spyoncino.modules.event.builder",
    "src.pipeline.orchestrator.PipelineOrchestrator": "spyoncino.integration.pipeline.Pipeline",
    "src.pipeline.face_detector.FaceDetectionWorker": (
        "spyoncino.modules.process.face_detector.FaceDetectorModule"
    ),
    "src.pipeline.face_recognizer.FaceRecognitionWorker": (
        "spyoncino.modules.process.face_recognizer.FaceRecognizerModule"
    ),
    "src.storage.face_database.FaceDatabase": "spyoncino.persistence.people.FaceDatabase",
    "src.hardware.gpio_handler.GPIOHandler": "spyoncino.modules.input.doorbell.DoorbellInput",
    "src.storage.event_database.EventDatabase": "spyoncino.persistence.events.EventStore",
}
"""Path in the specification to path here."""

COMING = {
    "src.integration.migration_utils.MigrationUtils": "spyoncino.integration.migration",
}
"""Path in the specification to the module that will have it; a test fails when it is there."""


def new_path(old: str) -> str:
    """Where a name of the specification is here.

    Args:
        old: With ``src.`` or without.

    Raises:
        KeyError: It is not in the table; the message names what is, in the same folder.
    """
    path = old if old.startswith("src.") else f"src.{old}"
    if path in IMPORT_PATHS:
        return IMPORT_PATHS[path]
    if path in COMING:
        raise KeyError(f"{old} is not built yet; it will be in {COMING[path]}")
    folder = path.rpartition(".")[0].rpartition(".")[0]
    known = (
        ", ".join(name for name in sorted(IMPORT_PATHS) if name.startswith(folder + "."))
        or "nothing"
    )
    raise KeyError(f"{old} is not in the table of import paths; near it: {known}")
