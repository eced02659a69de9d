"""The day that a row of the ledger belongs to, so that what was used in a time is a range of an index."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0008"
down_revision: Final = "0004"

_DAY_MS: Final = 86_400_000
_DIGITS: Final = 12
_OURS_POSTGRESQL: Final = "request_id ~ '^req_[0-9a-f]{28}$'"
_OURS_SQLITE: Final = "length(request_id) = 32 AND substr(request_id, 5) NOT GLOB '*[^0-9a-f]*'"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("day", sa.BigInteger(), nullable=False, server_default="0"))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    ours, milliseconds = (_OURS_SQLITE, _hex()) if is_sqlite else (_OURS_POSTGRESQL, _bits())
    began = "CAST(floor(started_at / 86400) AS bigint)" if not is_sqlite else "CAST(started_at / 86400 AS integer)"
    told = f"CASE WHEN {ours} THEN {milliseconds} / {_DAY_MS} ELSE {began} END"
    op.execute(f"UPDATE ledger SET day = {told}")  # noqa: S608  # constants
    op.create_index("ix_ledger_tenant_id_day", "ledger", ["tenant_id", "day"])


def downgrade() -> None:
    op.drop_index("ix_ledger_tenant_id_day", "ledger")
    op.drop_column("ledger", "day")


def _bits() -> str:
    return f"CAST(CAST('x' || substr(request_id, 5, {_DIGITS}) AS bit(48)) AS bigint)"


def _hex() -> str:
    """SQLite reads no hexadecimal text: digit by digit, then."""
    places = (
        f"(instr('0123456789abcdef', substr(request_id, {5 + place}, 1)) - 1) * {16 ** (_DIGITS - 1 - place)}"
        for place in range(_DIGITS)
    )
    return f"({' + '.join(places)})"
