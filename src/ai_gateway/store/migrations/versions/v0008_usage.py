"""What a tenant used in a time is a range of an index."""

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0005"


def upgrade() -> None:
    op.create_index("ix_ledger_tenant_id_day", "ledger", ["tenant_id", "day"])


def downgrade() -> None:
    op.drop_index("ix_ledger_tenant_id_day", "ledger")
