"""How much surer than the champion a version is, beside how far apart their answers are."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # without a default no partition is written anew
    op.add_column("predictions", sa.Column("shift", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("predictions", "shift")
