"""Design kits that clients bring: every client has its own, and what they are made of."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON, JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _at(name: str, nullable: bool = False) -> sa.Column[datetime]:
    default = None if nullable else sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    op.drop_table("design_kits")  # nothing ever wrote to it
    op.create_table(
        "design_kits",
        _text("client"),
        _text("id"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", JSON(), nullable=False),
        _text("sha256", 64),
        _at("created_at"),
        _at("deleted_at", nullable=True),
        sa.PrimaryKeyConstraint("client", "id", "version"),
    )
    op.create_table(
        "kit_assets",
        _text("client"),
        _text("kit_id"),
        _text("name"),
        _text("kind"),
        _text("sha256", 64),
        _text("licence"),
        _text("source"),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        _at("created_at"),
        sa.CheckConstraint("kind IN ('mesh', 'picture')", name="kit_assets_kind"),
        sa.PrimaryKeyConstraint("client", "kit_id", "name"),
    )


def downgrade() -> None:
    op.drop_table("kit_assets")
    op.drop_table("design_kits")
    op.create_table(
        "design_kits",
        _text("id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("client"),
        _text("name"),
        sa.Column("kit", JSONB(), nullable=False),
        _at("created_at"),
        _at("deleted_at", nullable=True),
        sa.PrimaryKeyConstraint("id", "version"),
    )
