"""How a worker's death is seen: the lock of its session, how late it runs, what was taken from it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("session_lock", sa.Integer(), nullable=True))
    op.add_column(
        "workers", sa.Column("late_s", sa.Float(), server_default="0", nullable=False)
    )
    op.add_column(
        "workers",
        sa.Column("taken_jobs", ARRAY(sa.Uuid()), server_default="{}", nullable=False),
    )
    op.add_column("jobs", sa.Column("reached", JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "reached")
    for name in ("taken_jobs", "late_s", "session_lock"):
        op.drop_column("workers", name)
