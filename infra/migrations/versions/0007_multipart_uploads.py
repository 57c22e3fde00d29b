"""multipart uploads that a client can resume"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("delete from upload")  # grants of ten minutes, which nobody could ask for
    op.add_column("upload", sa.Column("bytes", sa.BigInteger(), nullable=False, comment="as promised"))
    op.add_column("upload", sa.Column("multipart_id", sa.Text(), nullable=True, comment="the store's name of an upload in parts"))
    op.add_column("upload", sa.Column("part_bytes", sa.BigInteger(), nullable=True))
    op.add_column("upload", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_upload_open_parts", "upload", ["id"], postgresql_where=sa.text("multipart_id is not null and ended_at is null"))


def downgrade() -> None:
    op.drop_index("ix_upload_open_parts", table_name="upload")
    for name in ("ended_at", "part_bytes", "multipart_id", "bytes"):
        op.drop_column("upload", name)
