"""What is wanted to be told of each event, before anybody is told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of sheets."""
    op.create_table(
        "alert_sheets",
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alerts", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
    )
    op.create_index("idx_alert_sheets_owner_kept_at", "alert_sheets", ["owner", "kept_at"])


def downgrade() -> None:
    """Drop it; used by tests of the migration only."""
    op.drop_table("alert_sheets")
