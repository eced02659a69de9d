"""Where a tenant's requests go when their own pool cannot take them, and who may wait for a place."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_JSON: Final = sa.JSON(none_as_null=True)
_WAITING: Final = ("tenants", "provider_configs_v2")


def upgrade() -> None:
    fallbacks = sa.Column("default_fallbacks", _JSON, nullable=False, server_default="[]")  # for the rows there are
    op.add_column("tenants", fallbacks)
    for table in _WAITING:
        op.add_column(table, sa.Column("queue", _JSON, nullable=True))


def downgrade() -> None:
    for table in reversed(_WAITING):
        op.drop_column(table, "queue")
    op.drop_column("tenants", "default_fallbacks")
