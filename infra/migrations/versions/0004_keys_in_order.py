"""living media in the order in which stores list their keys"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_media_living_key",
        "media",
        [sa.text('object_key collate "C"'), "id"],
        postgresql_where=sa.text("etag is not null and gone_at is null and deleted_at is null"),
    )


def downgrade() -> None:
    op.drop_index("ix_media_living_key", table_name="media")
