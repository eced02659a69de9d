"""What a provider's type wants to know beside an address: Azure's surface and api-version."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0013"
down_revision: Final = "0011"


def upgrade() -> None:
    column = sa.Column("options", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
    op.add_column("provider_configs_v2", column)


def downgrade() -> None:
    op.drop_column("provider_configs_v2", "options")
