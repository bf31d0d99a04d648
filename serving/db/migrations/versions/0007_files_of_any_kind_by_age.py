"""Jobs of any kind that made files are found by their age."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WITH_FILES = "completed_at IS NOT NULL AND files_removed_at IS NULL"
_WITH_FILMS = f"{_WITH_FILES} AND type IN ('render_video', 'generate_clip')"


def upgrade() -> None:
    op.drop_index("jobs_with_files", "jobs")
    op.create_index(
        "jobs_with_files", "jobs", ["type", "completed_at"], postgresql_where=_WITH_FILES
    )


def downgrade() -> None:
    op.drop_index("jobs_with_files", "jobs")
    op.create_index("jobs_with_files", "jobs", ["completed_at"], postgresql_where=_WITH_FILMS)
