"""Leases: which process has been given how much of a limit, and which processes there are.

What was spent in a window is told apart by who booked it. What is there already was booked by nobody who still lives,
so it goes under no name.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision: Final = "0006"
down_revision: Final = "0005"

_ID: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_INT: Final = sa.BigInteger()
_INSTANT: Final[TypeEngine[Any]] = sa.Double()
_POT: Final = ("window_id", "scope", "scope_id", "unit")
_WINDOW: Final = ("window_id", "scope", "scope_id", "tenant_id")
_AMOUNTS: Final = ("cost_nano_usd", "tokens", "requests")


def upgrade() -> None:
    _rebuild_windows((*_WINDOW, "process_id"), "'' AS process_id", ", ".join(_AMOUNTS), "")
    op.create_table(
        "leases",
        *(sa.Column(name, _ID, nullable=False) for name in ("id", "tenant_id", *_POT, "process_id")),
        sa.Column("granted", _INT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("granted_at", _INSTANT, nullable=False),
        sa.Column("resolved_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_leases"),
        sa.UniqueConstraint(*_POT, "process_id", name="uq_leases_process_id"),
    )
    op.create_index("ix_leases_process_id", "leases", ["process_id"])
    op.create_table(
        "lease_pots",
        *(sa.Column(name, _ID, nullable=False) for name in _POT),
        sa.Column("grants", _INT, nullable=False),
        sa.PrimaryKeyConstraint(*_POT, name="pk_lease_pots"),
    )
    op.create_table(
        "lease_wants",
        *(sa.Column(name, _ID, nullable=False) for name in (*_POT, "process_id", "tenant_id")),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint(*_POT, "process_id", name="pk_lease_wants"),
    )
    op.create_table(
        "processes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("journal", sa.Text(), nullable=False),
        *(sa.Column(name, _INSTANT, nullable=False) for name in ("started_at", "seen_at")),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )


def downgrade() -> None:
    for name in ("processes", "lease_wants", "lease_pots", "leases"):
        op.drop_table(name)
    sums = ", ".join(f"CAST(sum({name}) AS bigint)" for name in _AMOUNTS)
    _rebuild_windows(_WINDOW, "", sums, f"GROUP BY {', '.join(_WINDOW)}")


def _rebuild_windows(key: tuple[str, ...], more: str, amounts: str, group: str) -> None:
    """SQLite cannot change a primary key, so the table is made anew on every database."""
    op.rename_table("spending_windows", "spending_windows_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_spending_windows RENAME TO pk_spending_windows_before")
    op.create_table(
        "spending_windows",
        *(sa.Column(name, _ID, nullable=False) for name in key),
        *(sa.Column(name, _INT, nullable=False) for name in _AMOUNTS),
        sa.PrimaryKeyConstraint(*key, name="pk_spending_windows"),
        sqlite_with_rowid=False,
    )
    columns = ", ".join(part for part in (*_WINDOW, more, amounts) if part)
    op.execute(
        f"INSERT INTO spending_windows ({', '.join((*key, *_AMOUNTS))})"  # noqa: S608  # constants
        f" SELECT {columns} FROM spending_windows_before {group}"
    )
    op.drop_table("spending_windows_before")
