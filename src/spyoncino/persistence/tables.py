"""Tables as SQLAlchemy sees them. The migrations create them; a test compares the two.

``events`` has the columns and index names of the specification, plus the camera and the camera
times that lists are filtered by. Everything else about an event is in ``data`` as JSON.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

METADATA = MetaData()

EVENTS = Table(
    "events",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("event_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    Column("data", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("processing_time_ms", Float),
    Column("error_message", Text),
    Column("camera", Text, nullable=False),
    Index("idx_events_type_status", "event_type", "status"),
    Index("idx_events_created_at", "created_at"),
    Index("idx_events_camera", "camera", "created_at"),
)

MEDIA = Table(
    "media",
    METADATA,
    Column("path", Text, primary_key=True),
    Column("event_id", Text, nullable=False),  # no foreign key: a file may be ready before its row
    Column("kind", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("doomed", Boolean, nullable=False),
    Column("data", JSON, nullable=False),
    Index("idx_media_event", "event_id"),
    Index("idx_media_created_at", "created_at"),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("event_id", Text, ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("stage", Text, nullable=False),
    Column("camera", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("value", Float),
    Column("limit", Float),
    Column("peak", Float),
    Column("first_s", Float, nullable=False),
    Column("last_s", Float, nullable=False),
    Column("count", Integer, nullable=False),
    Index("idx_decisions_event", "event_id"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("event_id", Text, primary_key=True),  # no foreign key: a test message has no event
    Column("channel", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("wanted_revision", Integer, nullable=False),
    Column("sent_revision", Integer, nullable=False),  # 0: nothing was sent yet
    Column("remote_id", Text, nullable=False),
    Column("attempts", Integer, nullable=False),  # since the last success
    Column("retry_at", DateTime(timezone=True)),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("alert", JSON, nullable=False),  # the wanted revision, whole
    Index("idx_deliveries_channel_state", "channel", "state"),
    Index("idx_deliveries_queued_at", "queued_at"),
)

MUTES = Table(
    "mutes",
    METADATA,
    Column("camera", Text, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("author", Text, nullable=False),
)

ALERT_SHEETS = Table(
    "alert_sheets",
    METADATA,
    Column("event_id", Text, primary_key=True),  # or what a message without an event is about
    Column("owner", Text, nullable=False),  # who keeps it: a module that publishes alerts
    Column("is_open", Boolean, nullable=False),  # its owner wants to find it after a restart
    Column("kept_at", DateTime(timezone=True), nullable=False),
    Column("alerts", JSON, nullable=False),  # of each channel the newest revision
    Column("facts", JSON, nullable=False),  # its owner's own
    Index("idx_alert_sheets_owner_kept_at", "owner", "kept_at"),
)

PUSH_BROWSERS = Table(
    "push_browsers",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("endpoint", Text, nullable=False, unique=True),  # a secret: who has it may be told
    Column("p256dh", Text, nullable=False),
    Column("auth", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
