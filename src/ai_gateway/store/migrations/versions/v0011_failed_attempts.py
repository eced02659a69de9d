"""Whether a tenant's bill has what a failed attempt may have cost: the ones that are there keep what they have."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("failed_attempts", sa.Text(), nullable=False, server_default="reported"))


def downgrade() -> None:
    op.drop_column("tenants", "failed_attempts")
