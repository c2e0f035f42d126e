"""Cameras of which nothing is told for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of mutes."""
    op.create_table(
        "mutes",
        sa.Column("camera", sa.Text(), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Drop it; used by tests of the migration only."""
    op.drop_table("mutes")
