"""The stages of the line of a frame and how long each may take: the one table of latencies.

A stage without a model has 100 ms, detection 500 ms. Recognition has 200 ms as soon as there is
such a stage.
"""

from dataclasses import dataclass

WITHOUT_MODEL_S = 0.1
DETECTION_S = 0.5


@dataclass(frozen=True, slots=True)
class StageBudget:
    """One stage.

    Args:
        name: The word in figures and tables.
        begins: What its own time counts from.
        ends: What it counts to: a message on the bus, at the moment of publishing.
        budget_s: Seconds that 95 of 100 may take; ``None`` where it depends on what is asked.
    """

    name: str
    begins: str
    ends: str
    budget_s: float | None


STAGES: tuple[StageBudget, ...] = (
    StageBudget("capture", "the frame's packet arrived", "camera.{id}.frame", WITHOUT_MODEL_S),
    StageBudget("motion", "camera.{id}.frame", "process.motion.detected", WITHOUT_MODEL_S),
    StageBudget("detection", "camera.{id}.frame", "process.detected", DETECTION_S),
    StageBudget("tracking", "process.detected", "process.tracks", WITHOUT_MODEL_S),
    StageBudget("deduplication", "process.tracks", "process.motion.unique", WITHOUT_MODEL_S),
    StageBudget("zoning", "process.motion.unique", "process.motion.zoned", WITHOUT_MODEL_S),
    StageBudget("event", "process.motion.zoned", "event.created", WITHOUT_MODEL_S),
    StageBudget("row", "event.created", "storage.event.stored", WITHOUT_MODEL_S),
    StageBudget(
        "snapshot", "the first message with a best picture", "event.snapshot.ready", WITHOUT_MODEL_S
    ),
    StageBudget("clip", "event.completed", "event.clip.ready", None),
)
"""In the order of the line."""

BUDGET_S = {stage.name: stage.budget_s for stage in STAGES}
