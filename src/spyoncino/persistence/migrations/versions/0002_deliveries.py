"""What was told to whom, and what is still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of deliveries."""
    op.create_table(
        "deliveries",
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("channel", sa.Text(), primary_key=True),
        sa.Column("target", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wanted_revision", sa.Integer(), nullable=False),
        sa.Column("sent_revision", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("alert", sa.JSON(), nullable=False),
    )
    op.create_index("idx_deliveries_channel_state", "deliveries", ["channel", "state"])
    op.create_index("idx_deliveries_queued_at", "deliveries", ["queued_at"])


def downgrade() -> None:
    """Drop it; used by tests of the migration only."""
    op.drop_table("deliveries")
