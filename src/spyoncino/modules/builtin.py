"""The one table of built-in modules; others come through entry points ``spyoncino.modules``.

Each row is ``package.module:Class``; the registry loads them, so that a module whose libraries
are missing is a visible degraded state and harms nobody else. The order is the line of a frame.
"""

BUILTIN: tuple[str, ...] = (
    "spyoncino.modules.input.camera:CameraInput",
    "spyoncino.modules.input.doorbell:DoorbellInput",
    "spyoncino.modules.input.press_burst:PressBurst",
    "spyoncino.modules.process.picture_watch:PictureWatch",
    "spyoncino.modules.process.motion_detector:MotionDetectorModule",
    "spyoncino.modules.process.object_detector:ObjectDetectorModule",
    "spyoncino.modules.process.tracker:TrackerModule",
    "spyoncino.modules.process.deduplicator:DeduplicatorModule",
    "spyoncino.modules.process.zoning_filter:ZoningFilterModule",
    "spyoncino.modules.process.face_detector:FaceDetectorModule",
    "spyoncino.modules.process.face_recognizer:FaceRecognizerModule",
    "spyoncino.modules.event.builder:EventBuilderModule",
    "spyoncino.modules.event.snapshot_writer:SnapshotWriterModule",
    "spyoncino.modules.event.clip_builder:ClipBuilderModule",
    "spyoncino.modules.event.gif_builder:GifBuilderModule",
    "spyoncino.modules.storage.event_log:EventLog",
    "spyoncino.modules.storage.media_keeper:MediaKeeper",
    "spyoncino.modules.storage.face_keeper:FaceKeeper",
    "spyoncino.modules.output.alert_engine:AlertEngine",
    "spyoncino.modules.output.apprise:AppriseModule",
    "spyoncino.modules.output.dead_man:DeadMan",
    "spyoncino.modules.output.email:EmailModule",
    "spyoncino.modules.output.mqtt:MqttModule",
    "spyoncino.modules.output.telegram:TelegramModule",
    "spyoncino.modules.output.terminal:TerminalModule",
    "spyoncino.modules.output.watchman:Watchman",
    "spyoncino.modules.output.web_push:WebPushModule",
    "spyoncino.modules.output.webhook:WebhookModule",
    "spyoncino.modules.dashboard.console:ConsoleDashboard",
    "spyoncino.modules.dashboard.web_server:WebServer",
    "spyoncino.modules.status.aggregator:StatusAggregator",
    "spyoncino.modules.status.log_control:LogControl",
)
