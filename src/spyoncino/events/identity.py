"""Ids of events: the same happening gets the same id, whoever computes it."""

import uuid
from datetime import datetime

EVENT_NAMESPACE = uuid.UUID("6f0f1d3e-5a43-5c0c-9a53-5b1c2f7d9e10")
"""Name space of event ids, chosen once at random."""


def past_press_event_id(press_id: str) -> str:
    """Id of the event of a press that a killed run left: the same each time it is told.

    Args:
        press_id: ``event_id`` of the press.
    """
    return str(uuid.uuid5(EVENT_NAMESPACE, f"press|{press_id}"))


def event_id(
    camera: str, start_s: float, config_hash: str, started_at: datetime | None = None
) -> str:
    """UUIDv5 of what makes an event itself.

    Args:
        camera: Camera id.
        start_s: Camera time of its beginning.
        config_hash: Hash of the settings that influence results.
        started_at: Wall time of its beginning; left out where the same file must give the same ids
            whenever it is analysed, needed where camera time begins again with each start.
    """
    wall = started_at.isoformat(timespec="microseconds") if started_at else ""
    return str(uuid.uuid5(EVENT_NAMESPACE, f"{camera}|{start_s:.6f}|{config_hash}|{wall}"))
