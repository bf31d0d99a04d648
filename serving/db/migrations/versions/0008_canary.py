"""Versions beside the champion: their traffic, what they answered, and what was decided."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _at(name: str, nullable: bool = False) -> sa.Column[datetime]:
    default = None if nullable else sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _text(name: str, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(), server_default=default, nullable=nullable)


def _json(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, JSONB(none_as_null=True), nullable=nullable)


def _counted(name: str = "counted") -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False)


def upgrade() -> None:
    _widen_slots()
    op.drop_table("predictions")
    op.drop_table("feedback")
    _create_predictions()
    _create_observations()
    _create_feedback()
    _create_ramps()
    _create_rollbacks()


def _widen_slots() -> None:
    op.drop_constraint("slots_slot", "slots")
    op.drop_constraint("slots_mode", "slots")
    op.execute("UPDATE slots SET mode = 'canary' WHERE mode = 'weight'")
    op.alter_column("slots", "mode", server_default="canary")
    op.add_column("slots", sa.Column("shadow", sa.Float(), server_default="100", nullable=False))
    op.add_column("slots", _text("stopped", nullable=True))
    op.add_column("slots", sa.Column("earlier", JSONB(), server_default="[]", nullable=False))
    op.create_check_constraint(
        "slots_slot", "slots", "slot IN ('champion', 'challenger') OR slot LIKE 'arm-%'"
    )
    op.create_check_constraint("slots_mode", "slots", "mode IN ('canary', 'shadow', 'off')")
    op.create_check_constraint("slots_shadow", "slots", "shadow BETWEEN 0 AND 100")


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        _id(),
        _at("at"),
        _text("task"),
        _text("slot"),
        _text("version"),
        _text("role", default="served"),
        sa.Column("pair_id", sa.Uuid(), nullable=True),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        _text("listing_key"),
        _text("listing_id", nullable=True),
        _text("client", default=""),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        _text("photo", nullable=True),
        _json("answer"),
        _text("label", nullable=True),
        _text("label_group", nullable=True),
        sa.Column("agrees", sa.Boolean(), nullable=True),
        sa.Column("distance", sa.Float(), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        _json("image_statistics", nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("cached", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("role IN ('served', 'paired')", name="predictions_role"),
        sa.PrimaryKeyConstraint("id", "at"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("predictions_task_at", "predictions", ["task", "at"])
    op.create_index("predictions_listing", "predictions", ["listing_key", "task"])
    op.create_index("predictions_version", "predictions", ["task", "version", "id"])
    op.create_index("predictions_content", "predictions", ["content_sha256"])
    named = sa.text("photo IS NOT NULL")
    op.create_index(
        "predictions_photo", "predictions", [sa.text("md5(photo)")], postgresql_where=named
    )
    # days get partitions of their own ahead of time; nothing is lost where nobody made one
    op.execute("CREATE TABLE predictions_other PARTITION OF predictions DEFAULT")


def _create_observations() -> None:
    op.create_table(
        "exposures",
        _text("task"),
        _text("version"),
        _text("listing_key"),
        _text("beside"),
        _id(),
        _text("slot"),
        sa.Column("share", sa.Float(), nullable=False),
        _at("first_at"),
        _counted(),
        sa.PrimaryKeyConstraint("task", "version", "listing_key", "beside"),
    )
    _index_uncounted("exposures")
    op.create_index("exposures_listing", "exposures", ["listing_key", "task"])
    op.create_table(
        "bad_events",
        _text("task"),
        _text("version"),
        _text("kind"),
        _text("listing_key"),
        _text("beside"),
        _id(),
        _text("slot"),
        sa.Column("share", sa.Float(), nullable=False),
        _text("reason", default=""),
        _at("at"),
        _counted(),
        sa.PrimaryKeyConstraint("task", "version", "kind", "listing_key", "beside"),
    )
    _index_uncounted("bad_events")
    op.create_index("bad_events_listing", "bad_events", ["listing_key", "task"])
    op.create_table(
        "kept_photos",
        sa.Column("content_sha256", sa.String(64), nullable=False),
        _text("client"),
        _text("listing_key"),
        _text("listing_id", nullable=True),
        _text("object_key"),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("content_sha256", "client", "listing_key"),
    )
    op.create_index("kept_photos_listing", "kept_photos", ["client", "listing_id"])
    op.create_index("kept_photos_at", "kept_photos", ["at"])
    op.create_index("kept_photos_object", "kept_photos", ["object_key"])
    op.create_table(
        "page_pictures",
        _text("run_id"),
        _text("file"),
        _text("object_key"),
        sa.PrimaryKeyConstraint("run_id", "file", "object_key"),
    )
    op.create_table(
        "observed_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("observed_batches_at", "observed_batches", ["at"])


def _index_uncounted(table: str) -> None:
    where = sa.text("NOT counted")
    op.create_index(f"{table}_new", table, ["task", "id"], postgresql_where=where)


def _create_feedback() -> None:
    op.create_table(
        "feedback",
        _id(),
        _text("task"),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        _text("listing_key", default=""),
        _text("listing_id", nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        _text("version", nullable=True),
        _text("slot", nullable=True),
        _text("answered", nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        _text("correct", nullable=True),
        _text("said_by", nullable=True),
        _text("client"),
        _text("idempotency_key", nullable=True),
        _at("at"),
        _counted(),
        sa.PrimaryKeyConstraint("id"),
    )
    _index_uncounted("feedback")
    op.create_index("feedback_task_at", "feedback", ["task", "at"])
    op.create_index("feedback_content_sha256", "feedback", ["content_sha256"])
    op.create_index("feedback_idempotency", "feedback", ["client", "idempotency_key"], unique=True)


def _create_ramps() -> None:
    op.create_table(
        "ramps",
        _text("task"),
        _text("version"),
        _text("slot"),
        _text("champion"),
        _text("state", default="running"),
        sa.Column("step", sa.Integer(), server_default="0", nullable=False),
        sa.Column("weight", sa.Float(), server_default="0", nullable=False),
        _text("mode", default="shadow"),
        _json("seen"),
        _text("why", default=""),
        _json("settings"),
        _json("forecast", nullable=True),
        _json("evidence"),
        sa.Column("from_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("through_id", sa.BigInteger(), server_default="0", nullable=False),
        _json("cursors"),
        _at("started_at"),
        _at("step_at"),
        _at("heard_at"),
        _at("looked_at"),
        sa.PrimaryKeyConstraint("task", "version"),
    )
    op.create_table(
        "ramp_listings",
        _text("task"),
        _text("version"),
        _text("listing_key"),
        _at("seen_at"),
        _counted(),
        _counted("overridden"),
        sa.PrimaryKeyConstraint("task", "version", "listing_key"),
    )
    op.create_index(
        "ramp_listings_new",
        "ramp_listings",
        ["task", "version", "seen_at"],
        postgresql_where=sa.text("NOT counted"),
    )
    op.create_index("ramp_listings_listing", "ramp_listings", ["listing_key", "task"])
    op.create_table(
        "ramp_inputs",
        _id(),
        _text("task"),
        _text("version"),
        _json("record"),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ramp_inputs_version", "ramp_inputs", ["task", "version", "id"])
    op.create_table(
        "ramp_decisions",
        _id(),
        _text("task"),
        _text("version"),
        _text("decision"),
        _text("by"),
        sa.Column("step", sa.Integer(), nullable=False),
        _text("why"),
        _json("details"),
        sa.Column("through_id", sa.BigInteger(), nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ramp_decisions_version", "ramp_decisions", ["task", "version", "id"])
    op.create_table(
        "experiments",
        _text("name"),
        _text("task"),
        _text("champion"),
        _text("salt"),
        _json("arms"),
        _text("metric"),
        _json("stop_rule"),
        _text("state", default="running"),
        _text("why", default=""),
        _json("report", nullable=True),
        _at("started_at"),
        _at("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )


def _create_rollbacks() -> None:
    op.create_table(
        "publications",
        _id(),
        _text("task"),
        _text("slot"),
        _text("version"),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("card_sha256", sa.String(64), nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("publications_slot", "publications", ["task", "slot", "id"])
    # what answers today is what a rollback of its successor goes back to
    op.execute(
        "INSERT INTO publications (task, slot, version, model_sha256, card_sha256, at) "
        "SELECT task, slot, version, model_sha256, card_sha256, updated_at FROM slots"
    )
    op.create_table(
        "rollbacks",
        _id(),
        _text("task"),
        _text("slot"),
        _text("version"),
        _text("target", nullable=True),
        _text("reason"),
        _text("by"),
        _at("at"),
        _at("reconciled_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "rollbacks_open",
        "rollbacks",
        ["task", "id"],
        postgresql_where=sa.text("reconciled_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("rollbacks", "publications", "ramp_listings",
                  "experiments", "ramp_decisions", "ramp_inputs", "ramps", "page_pictures",
                  "kept_photos", "observed_batches", "bad_events", "exposures", "feedback", "predictions"):  # fmt: skip
        op.drop_table(table)
    _create_former()
    op.execute("DELETE FROM slots WHERE slot <> 'champion'")
    op.drop_constraint("slots_shadow", "slots")
    op.drop_constraint("slots_mode", "slots")
    op.drop_constraint("slots_slot", "slots")
    op.drop_column("slots", "earlier")
    op.drop_column("slots", "stopped")
    op.drop_column("slots", "shadow")
    op.execute("UPDATE slots SET mode = 'weight'")
    op.alter_column("slots", "mode", server_default="weight")
    op.create_check_constraint("slots_slot", "slots", "slot IN ('champion', 'challenger')")
    op.create_check_constraint("slots_mode", "slots", "mode IN ('weight', 'shadow')")


def _create_former() -> None:
    op.create_table(
        "predictions",
        _id(),
        _text("task"),
        _text("slot"),
        _text("version"),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        _text("listing_id", nullable=True),
        _json("scores"),
        _json("embedding", nullable=True),
        _json("image_statistics", nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("predictions_task_at", "predictions", ["task", "at"])
    op.create_table(
        "feedback",
        _id(),
        _text("task"),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        _text("version", nullable=True),
        _text("answered", nullable=True),
        _text("correct"),
        _text("client"),
        _text("listing_id", nullable=True),
        _at("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("feedback_task_at", "feedback", ["task", "at"])
    op.create_index("ix_feedback_content_sha256", "feedback", ["content_sha256"])
