"""Events, their media and the decisions that made them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three first tables."""
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("processing_time_ms", sa.Float()),
        sa.Column("error_message", sa.Text()),
        sa.Column("camera", sa.Text(), nullable=False),
    )
    op.create_index("idx_events_type_status", "events", ["event_type", "status"])
    op.create_index("idx_events_created_at", "events", ["created_at"])
    op.create_index("idx_events_camera", "events", ["camera", "created_at"])
    op.create_table(
        "media",
        sa.Column("path", sa.Text(), primary_key=True),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("doomed", sa.Boolean(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
    )
    op.create_index("idx_media_event", "media", ["event_id"])
    op.create_index("idx_media_created_at", "media", ["created_at"])
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column(
            "event_id", sa.Text(), sa.ForeignKey("events.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("camera", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("value", sa.Float()),
        sa.Column("limit", sa.Float()),
        sa.Column("peak", sa.Float()),
        sa.Column("first_s", sa.Float(), nullable=False),
        sa.Column("last_s", sa.Float(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
    )
    op.create_index("idx_decisions_event", "decisions", ["event_id"])


def downgrade() -> None:
    """Drop them; used by tests of the migration only."""
    op.drop_table("decisions")
    op.drop_table("media")
    op.drop_table("events")
