"""The trace that a work belongs to: each of its attempts goes on with it, whoever admits it"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "work", sa.Column("traceparent", sa.Text(), nullable=True, comment="whose wish it was, in whose trace: W3C Trace Context")
    )


def downgrade() -> None:
    op.drop_column("work", "traceparent")
