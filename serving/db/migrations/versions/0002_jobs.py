"""Jobs, their events and webhooks, caches, kits, predictions, feedback, and the queue."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects.postgresql import JSON, JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _at(name: str, nullable: bool = False) -> sa.Column[datetime]:
    default = None if nullable else sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def upgrade() -> None:
    _create_jobs()
    _create_events()
    _create_webhooks()
    _create_workers()
    _create_caches()
    _create_kits()
    _create_observations()
    _create_queue()


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("input", JSONB(), nullable=False),
        sa.Column("result", JSON(), nullable=True),
        sa.Column("error", JSONB(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("losses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress", JSONB(), nullable=True),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("versions", JSONB(), nullable=True),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("queue_job_id", sa.BigInteger(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("traceparent", sa.String(), nullable=True),
        _at("run_at"),
        _at("created_at"),
        _at("updated_at"),
        _at("started_at", nullable=True),
        _at("completed_at", nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')", name="jobs_status"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("jobs_idempotency", "jobs", ["client", "idempotency_key"], unique=True)
    op.create_index("jobs_newest", "jobs", newest)
    op.create_index("jobs_client_newest", "jobs", ["client", *newest])
    op.create_index("jobs_listing_newest", "jobs", ["listing_id", *newest])
    op.create_index(
        "jobs_live", "jobs", ["queue", "status"], postgresql_where="status IN ('pending', 'processing')"
    )
    op.create_index(
        "jobs_failed", "jobs", [sa.text("completed_at DESC")], postgresql_where="status = 'failed'"
    )


def _create_events() -> None:
    op.create_table(
        "job_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("job_events_job", "job_events", ["job_id", "id"])


def _create_webhooks() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("payload", JSON(), nullable=False),
        sa.Column("terminal", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("queue_job_id", sa.BigInteger(), nullable=True),
        sa.Column("traceparent", sa.String(), nullable=True),
        _at("run_at"),
        _at("created_at"),
        _at("updated_at"),
        _at("delivered_at", nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'delivered', 'superseded', 'refused', 'dead')",
            name="webhook_deliveries_status",
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("webhook_deliveries_job", "webhook_deliveries", ["job_id"])
    op.create_index(
        "webhook_deliveries_live",
        "webhook_deliveries",
        ["status"],
        postgresql_where="status IN ('pending', 'sending')",
    )
    op.create_index(
        "webhook_deliveries_dead",
        "webhook_deliveries",
        [sa.text("created_at DESC")],
        postgresql_where="status = 'dead'",
    )


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        _at("started_at"),
        _at("heartbeat_at"),
        sa.PrimaryKeyConstraint("id"),
    )


def _create_caches() -> None:
    op.create_table(
        "cached_answers",
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("answer", JSONB(), nullable=False),
        _at("created_at"),
        _at("accessed_at"),
        sa.PrimaryKeyConstraint("content_sha256", "task", "version"),
    )
    op.create_index("cached_answers_accessed", "cached_answers", ["accessed_at"])
    op.create_table(
        "cached_clips",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("photo_id", sa.String(), nullable=False),
        sa.Column("config_sha256", sa.String(64), nullable=False),
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _at("created_at"),
        _at("accessed_at"),
        _at("expires_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("cached_clips_config", "cached_clips", ["config_sha256"], unique=True)
    op.create_index("cached_clips_photo", "cached_clips", ["photo_id"])
    op.create_index("cached_clips_accessed", "cached_clips", ["accessed_at"])
    op.create_index("cached_clips_expires", "cached_clips", ["expires_at"])


def _create_kits() -> None:
    op.create_table(
        "design_kits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kit", JSONB(), nullable=False),
        _at("created_at"),
        _at("deleted_at", nullable=True),
        sa.PrimaryKeyConstraint("id", "version"),
    )


def _create_observations() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=True),
        sa.Column("scores", JSONB(), nullable=False),
        sa.Column("embedding", JSONB(), nullable=True),
        sa.Column("image_statistics", JSONB(), nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("predictions_task_at", "predictions", ["task", "at"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("answered", sa.String(), nullable=True),
        sa.Column("correct", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=True),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("feedback_task_at", "feedback", ["task", "at"])
    op.create_index("ix_feedback_content_sha256", "feedback", ["content_sha256"])


def _create_queue() -> None:
    """Make Procrastinate's own tables, in a schema of their own so that they come and go as one.

    The statements are those of the release that pyproject.toml pins; a later release brings its
    changes in a migration of its own.
    """
    op.execute("CREATE SCHEMA queue")
    op.execute("SET LOCAL search_path TO queue")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(SchemaManager.get_schema())  # without parameters `%` stands for itself
    op.execute("SET LOCAL search_path TO public, queue")
    # rows here live for seconds: vacuum by count, not by share
    for table in ("queue.procrastinate_jobs", "queue.procrastinate_events"):
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)"
        )


def downgrade() -> None:
    op.execute("DROP SCHEMA queue CASCADE")
    for table in (
        "feedback", "predictions", "design_kits", "cached_clips", "cached_answers", "workers",
        "webhook_deliveries", "job_events", "jobs",
    ):  # fmt: skip
        op.drop_table(table)
