"""What a tenant used in a time is a range of an index; a row says what its caller got, and what came from memory."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0008"
down_revision: Final = "0006"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("delivered_tokens", sa.BigInteger(), nullable=True))
    op.add_column("ledger", sa.Column("cached", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_ledger_tenant_id_day", "ledger", ["tenant_id", "day"])


def downgrade() -> None:
    op.drop_index("ix_ledger_tenant_id_day", "ledger")
    op.drop_column("ledger", "cached")
    op.drop_column("ledger", "delivered_tokens")
