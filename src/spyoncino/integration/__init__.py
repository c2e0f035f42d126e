"""For programs that embed the system, and for code written against the doorbell's old classes."""

from spyoncino.integration.health import SystemHealth, SystemState
from spyoncino.integration.legacy import LegacyAdapter
from spyoncino.integration.manager import OrchestratorManager
from spyoncino.integration.message_bus import MessageBus
from spyoncino.integration.pipeline_event import PipelineEvent
from spyoncino.integration.pipeline_worker import PipelineWorker
from spyoncino.integration.pressing import PressResult
from spyoncino.integration.standalone import main

__all__ = [
    "LegacyAdapter",
    "MessageBus",
    "OrchestratorManager",
    "PipelineEvent",
    "PipelineWorker",
    "PressResult",
    "SystemHealth",
    "SystemState",
    "main",
]
