"""search by the words of a filename; what ended lately"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WORDS = "to_tsvector('simple'::regconfig, regexp_replace(filename, '[^[:alnum:]]+', ' ', 'g'))"


def upgrade() -> None:
    op.execute(f"create index ix_media_filename_words on media using gin ({WORDS})")
    op.execute("create index ix_task_ended on task (state, finished_at) where finished_at is not null")


def downgrade() -> None:
    op.drop_index("ix_task_ended", table_name="task")
    op.drop_index("ix_media_filename_words", table_name="media")
