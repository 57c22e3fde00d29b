"""webhooks in people's hands: listed by tenant and state, and when each was redriven"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhook", sa.Column("redriven_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_webhook_tenant_id", "webhook", ["tenant", "id"])
    op.create_index("ix_webhook_tenant_state_id", "webhook", ["tenant", "state", "id"])


def downgrade() -> None:
    op.drop_index("ix_webhook_tenant_state_id", table_name="webhook")
    op.drop_index("ix_webhook_tenant_id", table_name="webhook")
    op.drop_column("webhook", "redriven_at")
