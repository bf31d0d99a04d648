"""Slots and API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slots",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("card_sha256", sa.String(64), nullable=False),
        sa.Column("weight", sa.Float(), server_default="100", nullable=False),
        sa.Column("mode", sa.String(), server_default="weight", nullable=False),
        sa.Column("salt", sa.String(), server_default="", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("slot IN ('champion', 'challenger')", name="slots_slot"),
        sa.CheckConstraint("mode IN ('weight', 'shadow')", name="slots_mode"),
        sa.CheckConstraint("weight BETWEEN 0 AND 100", name="slots_weight"),
        sa.PrimaryKeyConstraint("task", "slot"),
    )
    op.create_table(
        "api_keys",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_index("ix_api_keys_client", "api_keys", ["client"])


def downgrade() -> None:
    op.drop_table("api_keys")
    op.drop_table("slots")
