"""The queue's functions find each other whatever the session searches: a pooler may change it."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_EACH = """
    DO $$
    DECLARE routine regprocedure;
    BEGIN
        FOR routine IN SELECT oid FROM pg_proc WHERE pronamespace = 'queue'::regnamespace LOOP
            EXECUTE format('ALTER FUNCTION %s {change}', routine);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    op.execute(_EACH.format(change="SET search_path TO public, queue"))


def downgrade() -> None:
    op.execute(_EACH.format(change="RESET search_path"))
