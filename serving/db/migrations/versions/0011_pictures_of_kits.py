"""Pictures of rooms with a client's design kit, drawn after it changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pictures = sa.Column("pictures", JSONB(), server_default="{}", nullable=False)
    op.add_column("design_kits", pictures)


def downgrade() -> None:
    op.drop_column("design_kits", "pictures")
