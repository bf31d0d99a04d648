"""What jobs made may go before they do."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WITH_FILES = (
    "completed_at IS NOT NULL AND files_removed_at IS NULL "
    "AND type IN ('render_video', 'generate_clip')"
)


def upgrade() -> None:
    op.add_column("jobs", sa.Column("files_removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("jobs_with_files", "jobs", ["completed_at"], postgresql_where=_WITH_FILES)


def downgrade() -> None:
    op.drop_index("jobs_with_files", "jobs")
    op.drop_column("jobs", "files_removed_at")
