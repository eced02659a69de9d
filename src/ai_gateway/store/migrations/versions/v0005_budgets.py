"""What may be spent and what was: budgets, the totals of every window, and which warnings were given.

The totals are filled from the ledger that is there. Its rows get the day of their admission, which their request's id
names (Unix milliseconds in hex): days were UTC's until now, so a day is a range of ids.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision: Final = "0005"
down_revision: Final = "0004"

_ID: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INT: Final = sa.BigInteger()
_FLOAT: Final[TypeEngine[Any]] = sa.Double()
_DAY_MS: Final = 86_400_000
_LEGS: Final = (
    ("key", "key_id"),
    ("team", "team_id"),
    ("department", "department_id"),
    ("user", "user_id"),
    ("tenant", "tenant_id"),
)


def upgrade() -> None:
    op.add_column("tenants", sa.Column("timezone", sa.Text(), nullable=False, server_default="UTC"))
    op.add_column("ledger", sa.Column("day", _INT, nullable=False, server_default="0"))
    op.create_table(
        "budgets",
        sa.Column("id", _ID, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("created_at", _FLOAT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("scope", "scope_id", "window")),
        *(sa.Column(name, _INT, nullable=True) for name in ("limit_nano", "limit_tokens", "limit_requests")),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("warn_at_percent", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
    )
    op.create_index("ix_budgets_tenant_id_id", "budgets", ["tenant_id", "id"])
    op.create_table(
        "spending_windows",
        *(sa.Column(name, _ID, nullable=False) for name in ("window_id", "scope", "scope_id", "tenant_id")),
        *(sa.Column(name, _INT, nullable=False) for name in ("cost_nano_usd", "tokens", "requests")),
        sa.PrimaryKeyConstraint("window_id", "scope", "scope_id", "tenant_id", name="pk_spending_windows"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "budget_warnings",
        *(sa.Column(name, _ID, nullable=False) for name in ("window_id", "scope", "scope_id", "unit")),
        sa.Column("percent", _INT, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("limit_amount", _INT, nullable=False),
        sa.Column("spent_amount", _INT, nullable=False),
        sa.Column("at", _FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("window_id", "scope", "scope_id", "unit", "percent", name="pk_budget_warnings"),
    )
    op.create_index("ix_budget_warnings_tenant_id_at", "budget_warnings", ["tenant_id", "at"])
    _name_the_days(op.get_bind())
    _add_up(op.get_bind())


def downgrade() -> None:
    op.drop_table("budget_warnings")
    op.drop_table("spending_windows")
    op.drop_table("budgets")
    op.drop_column("ledger", "day")
    op.drop_column("tenants", "timezone")


def _name_the_days(connection: sa.Connection) -> None:
    """Ids of another form count on the day on which their attempt began."""
    is_postgresql = connection.dialect.name == "postgresql"
    day_of = "floor(started_at / 86400)" if is_postgresql else "started_at / 86400"
    connection.execute(sa.text(f"UPDATE ledger SET day = CAST({day_of} AS bigint)"))  # noqa: S608  # constants
    collate = ' COLLATE "C"' if is_postgresql else ""
    days = connection.execute(sa.text("SELECT min(day), max(day) FROM ledger")).one()
    if days[0] is None:
        return
    update = sa.text(
        f"UPDATE ledger SET day = :day WHERE request_id{collate} >= :first AND request_id{collate} < :last"  # noqa: S608
    )
    for day in range(days[0] - 1, days[1] + 1):
        first, last = (f"req_{number * _DAY_MS:012x}" for number in (day, day + 1))
        connection.execute(update, {"day": day, "first": first, "last": last})


def _add_up(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        date = "DATE '1970-01-01' + CAST(day AS integer)"
        names = (f"'D:' || to_char({date}, 'YYYY-MM-DD')", f"'M:' || to_char({date}, 'YYYY-MM')", "'T:total'")
    else:
        seconds = "day * 86400, 'unixepoch'"
        names = (f"'D:' || date({seconds})", f"'M:' || strftime('%Y-%m', {seconds})", "'T:total'")
    first = "kind = 'charge' AND outcome <> 'refused' AND substr(attempt_id, length(attempt_id) - 1) = '_1'"
    for scope, column in _LEGS:
        for name in names:
            connection.execute(
                sa.text(
                    "INSERT INTO spending_windows"  # noqa: S608  # constants
                    " (window_id, scope, scope_id, tenant_id, cost_nano_usd, tokens, requests)"
                    f" SELECT {name}, '{scope}', {column}, tenant_id, CAST(sum(cost_nano_usd) AS bigint),"
                    " CAST(sum(CASE WHEN kind = 'charge' THEN input_tokens + output_tokens ELSE 0 END) AS bigint),"
                    f" CAST(sum(CASE WHEN {first} THEN 1 ELSE 0 END) AS bigint)"
                    f" FROM ledger WHERE {column} IS NOT NULL GROUP BY 1, 3, 4"
                )
            )
