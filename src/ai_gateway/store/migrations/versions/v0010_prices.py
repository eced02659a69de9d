"""Prices with every lane, long inputs, services and hours; what a tenant declares for models that nobody priced; and
in the ledger what a price depends on: the service that was given, and the tokens of images."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"

_JSON: Final = sa.JSON(none_as_null=True)
_LANES: Final = ("cache_write_1h", "reasoning", "audio_input", "audio_output", "image_input", "request")


def upgrade() -> None:
    columns: list[sa.Column[Any]] = [sa.Column(f"{lane}_pico", sa.BigInteger(), nullable=True) for lane in _LANES]
    columns += [
        sa.Column("tiers", _JSON, nullable=False, server_default="[]"),
        sa.Column("service_tiers", _JSON, nullable=False, server_default="{}"),
        sa.Column("hours", _JSON, nullable=True),
        sa.Column("match", _JSON, nullable=True),
        sa.Column("edition", sa.Text(), nullable=True),
    ]
    for column in columns:
        op.add_column("prices", column)
    for table in ("tenants", "provider_configs_v2"):
        op.add_column(table, sa.Column("ceiling_price", _JSON, nullable=True))
    op.add_column("ledger", sa.Column("image_input_tokens", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("ledger", sa.Column("service_tier", sa.Text(), nullable=False, server_default="standard"))


def downgrade() -> None:
    op.drop_column("ledger", "service_tier")
    op.drop_column("ledger", "image_input_tokens")
    for table in ("provider_configs_v2", "tenants"):
        op.drop_column(table, "ceiling_price")
    for name in ("edition", "match", "hours", "service_tiers", "tiers", *(f"{lane}_pico" for lane in reversed(_LANES))):
        op.drop_column("prices", name)
