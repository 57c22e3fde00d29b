"""removal: tasks outlive their works"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("fk_task_work_id_work", "task", type_="foreignkey")
    op.create_index(
        "ix_work_probe",
        "work",
        ["content"],
        postgresql_where=sa.text("operation = 'probe'"),
        postgresql_ops={"content": "text_pattern_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_work_probe", table_name="work")
    op.execute("update task set work_id = null where work_id not in (select id from work)")
    op.create_foreign_key("fk_task_work_id_work", "task", "work", ["work_id"], ["id"])
