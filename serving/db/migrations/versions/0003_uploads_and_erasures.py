"""Uploads of clients, erasures on request, callbacks of no job, and what retention looks by."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ENDED = "completed_at IS NOT NULL"
_SETTLED = "status NOT IN ('pending', 'sending')"


def upgrade() -> None:
    _create_uploads()
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("erased", JSONB(), server_default="{}", nullable=False),
        _at("requested_at"),
        _at("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "erasures_unfinished", "erasures", ["requested_at"], postgresql_where="finished_at IS NULL"
    )
    op.alter_column("webhook_deliveries", "job_id", nullable=True)
    op.add_column("webhook_deliveries", sa.Column("took_s", sa.Float(), nullable=True))
    op.create_index("jobs_ended", "jobs", ["completed_at"], postgresql_where=_ENDED)
    op.create_index(
        "webhook_deliveries_settled", "webhook_deliveries", ["updated_at"], postgresql_where=_SETTLED
    )


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("parts", ARRAY(sa.String()), server_default="{}", nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("ready", sa.Boolean(), nullable=False),
        _at("created_at"),
        _at("used_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uploads_idempotency", "uploads", ["client", "idempotency_key"], unique=True)
    op.create_index(
        "uploads_client_newest", "uploads", ["client", sa.text("created_at DESC"), sa.text("id DESC")]
    )
    op.create_index("uploads_used", "uploads", ["ready", "used_at"])
    op.create_table(
        "upload_uses",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("upload_id", "job_id"),
    )
    op.create_index("upload_uses_job", "upload_uses", ["job_id"])


def _at(name: str, nullable: bool = False) -> sa.Column[datetime]:
    default = None if nullable else sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def downgrade() -> None:
    op.drop_index("webhook_deliveries_settled", "webhook_deliveries")
    op.drop_index("jobs_ended", "jobs")
    op.drop_column("webhook_deliveries", "took_s")
    op.execute("DELETE FROM webhook_deliveries WHERE job_id IS NULL")
    op.alter_column("webhook_deliveries", "job_id", nullable=False)
    for table in ("erasures", "upload_uses", "uploads"):
        op.drop_table(table)
