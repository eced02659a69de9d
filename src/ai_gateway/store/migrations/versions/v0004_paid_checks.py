"""Which model health checks may ask at the tenant's expense: none, unless somebody says so."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    op.add_column("provider_configs_v2", sa.Column("paid_check_model", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("provider_configs_v2", "paid_check_model")
