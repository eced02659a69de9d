"""How a tenant's callers are told of faults: in which language, and in which words of its own."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0015"
down_revision: Final = "0014"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("language", sa.Text(), nullable=False, server_default="en"))
    column = sa.Column("error_messages", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
    op.add_column("tenants", column)


def downgrade() -> None:
    op.drop_column("tenants", "error_messages")
    op.drop_column("tenants", "language")
