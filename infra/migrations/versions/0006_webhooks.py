"""webhooks: what is owed to a callback_url; indexes for lists and counts that would read whole tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("ended_at", WHEN, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("due_at", WHEN, server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", WHEN, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("job_id", "ended_at", name=op.f("uq_webhook_job_id_ended_at")),
    )
    op.create_index("ix_webhook_due", "webhook", ["due_at"], postgresql_where=sa.text("state = 'pending'"))
    op.create_index("ix_webhook_settled", "webhook", ["settled_at"], postgresql_where=sa.text("settled_at is not null"))
    op.create_index("ix_media_tenant_state_id", "media", ["tenant", "state", "id"], postgresql_where=sa.text("deleted_at is null"))
    op.create_index("ix_media_tenant_kind_id", "media", ["tenant", "kind", "id"], postgresql_where=sa.text("deleted_at is null"))
    op.add_column("task", sa.Column("tenant", sa.Text(), nullable=True))
    op.execute("update task set tenant = job.tenant from job where job.id = task.job_id")
    op.alter_column("task", "tenant", nullable=False)
    op.create_index("ix_task_tenant_state", "task", ["tenant", "state"])
    op.create_index("ix_job_tenant_state", "job", ["tenant", "state"])
    op.create_index("ix_dead_letter_waiting", "dead_letter", ["tenant"], postgresql_where=sa.text("redriven_at is null"))
    op.create_index("ix_media_tenant_state", "media", ["tenant", "state"], postgresql_where=sa.text("deleted_at is null"))


def downgrade() -> None:
    op.drop_index("ix_media_tenant_state", table_name="media")
    op.drop_index("ix_dead_letter_waiting", table_name="dead_letter")
    op.drop_index("ix_job_tenant_state", table_name="job")
    op.drop_index("ix_task_tenant_state", table_name="task")
    op.drop_column("task", "tenant")
    op.drop_index("ix_media_tenant_kind_id", table_name="media")
    op.drop_index("ix_media_tenant_state_id", table_name="media")
    op.drop_table("webhook")
