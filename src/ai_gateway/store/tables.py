"""The tables: one for each noun of rows.py, generated from its Struct, so that a field and its column cannot differ.

A noun's `tenant_id` is never NULL: what belongs to nobody has the empty string, because SQL counts every NULL as
different and a UNIQUE over (tenant_id, name) would let the platform have two rows of one name. rows.py keeps None;
`values_of` and `row_of` translate. Ids compare byte by byte on every database (`COLLATE "C"`), since pages follow
their order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.types import TypeEngine

from ai_gateway.store.observations import BreakerRow, DecisionRow, HealthRow, MetricsRow, OverrideRow
from ai_gateway.store.rows import NOUNS, LedgerRow, ReplyRow, Row, StoredResponseRow

R = TypeVar("R", bound=Row)

NOBODY: Final = ""

metadata: Final = MetaData(naming_convention={"pk": "pk_%(table_name)s"})

_ID: Final = String().with_variant(String(collation="C"), "postgresql")
_INSTANT: Final[TypeEngine[Any]] = Double()
_SERIAL: Final = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is a rowid alias on SQLite
_COLUMN_TYPES: Final[Mapping[type, TypeEngine[Any]]] = {
    bool: Boolean(),
    int: BigInteger(),
    float: _INSTANT,
    str: Text(),
    bytes: LargeBinary(),
}


def _column(field: msgspec.structs.FieldInfo) -> Column[Any]:
    """`X | None` is a nullable column of X; tuples and dictionaries are JSON."""
    kinds: tuple[Any, ...] = getattr(field.type, "__args__", None) or (field.type,)
    nullable = type(None) in kinds
    plain = next((kind for kind in kinds if kind in _COLUMN_TYPES), None)
    if plain is None or getattr(field.type, "__origin__", None) in (tuple, dict):
        return Column(field.name, JSON(none_as_null=True), nullable=nullable)
    return Column(field.name, _COLUMN_TYPES[plain], nullable=nullable)


def _noun_table(kind: type[Row]) -> Table:
    own = [_column(field) for field in msgspec.structs.fields(kind) if field.name not in ("id", "tenant_id")]
    constraints = [UniqueConstraint(name, name=f"uq_{kind.noun}_{name}") for name in kind.unique_everywhere]
    constraints += [UniqueConstraint("tenant_id", name, name=f"uq_{kind.noun}_{name}") for name in kind.unique]
    return Table(
        kind.noun,
        metadata,
        Column("id", _ID, primary_key=True),
        Column("tenant_id", _ID, nullable=False),
        *own,
        *constraints,
        Index(f"ix_{kind.noun}_tenant_id_id", "tenant_id", "id"),
    )


TABLES: Final[Mapping[type[Row], Table]] = {kind: _noun_table(kind) for kind in NOUNS}

LEDGER: Final = Table(
    "ledger",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    *(_column(field) for field in msgspec.structs.fields(LedgerRow) if field.name != "id"),
    UniqueConstraint("attempt_id", "kind", name="uq_ledger_attempt_id"),
    Index("ix_ledger_tenant_id_id", "tenant_id", "id"),
    Index("ix_ledger_request_id", "request_id"),
    Index("ix_ledger_tenant_id_day", "tenant_id", "day"),
    sqlite_autoincrement=True,
)

WINDOWS: Final = Table(
    "spending_windows",
    metadata,
    Column("window_id", _ID, primary_key=True),
    Column("scope", _ID, primary_key=True),
    Column("scope_id", _ID, primary_key=True),
    Column("tenant_id", _ID, primary_key=True),
    Column("process_id", _ID, primary_key=True),
    *(Column(name, BigInteger(), nullable=False) for name in ("cost_nano_usd", "tokens", "requests")),
    sqlite_with_rowid=False,
)

_POT: Final = ("window_id", "scope", "scope_id", "unit")
LEASES: Final = Table(
    "leases",
    metadata,
    Column("id", _ID, primary_key=True),
    *(Column(name, _ID, nullable=False) for name in ("tenant_id", *_POT, "process_id")),
    Column("granted", BigInteger(), nullable=False),
    Column("state", Text(), nullable=False),
    Column("granted_at", _INSTANT, nullable=False),
    Column("resolved_at", _INSTANT, nullable=True),
    UniqueConstraint(*_POT, "process_id", name="uq_leases_process_id"),
    Index("ix_leases_process_id", "process_id"),
)
LEASE_POTS: Final = Table(
    "lease_pots",
    metadata,
    *(Column(name, _ID, primary_key=True) for name in _POT),
    Column("grants", BigInteger(), nullable=False),
)
LEASE_WANTS: Final = Table(
    "lease_wants",
    metadata,
    *(Column(name, _ID, primary_key=True) for name in (*_POT, "process_id")),
    Column("tenant_id", _ID, nullable=False),
    Column("at", _INSTANT, nullable=False),
)
PROCESSES: Final = Table(
    "processes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("journal", Text(), nullable=False),
    Column("started_at", _INSTANT, nullable=False),
    Column("seen_at", _INSTANT, nullable=False),
    Column("closed_at", _INSTANT, nullable=True),
)

WARNINGS: Final = Table(
    "budget_warnings",
    metadata,
    *(Column(name, _ID, primary_key=True) for name in ("window_id", "scope", "scope_id", "unit")),
    Column("percent", BigInteger(), primary_key=True),
    Column("tenant_id", _ID, nullable=False),
    Column("name", Text(), nullable=False),
    Column("limit_amount", BigInteger(), nullable=False),
    Column("spent_amount", BigInteger(), nullable=False),
    Column("at", _INSTANT, nullable=False),
    Index("ix_budget_warnings_tenant_id_at", "tenant_id", "at"),
)

REVISIONS: Final = Table(
    "configuration_revisions",
    metadata,
    Column("revision", _SERIAL, primary_key=True, autoincrement=True),
    Column("tenant_id", Text(), nullable=True),
    Column("noun", Text(), nullable=False),
    Column("noun_id", Text(), nullable=False),
    Column("at", _INSTANT, nullable=False),
    sqlite_autoincrement=True,
)

INSTANCE_KEYS: Final = Table(
    "instance_keys",
    metadata,
    Column("name", Text(), primary_key=True),
    Column("ciphertext", LargeBinary(), nullable=False),
)


def _fields(kind: type[msgspec.Struct], *key: str) -> list[Column[Any]]:
    """The columns of a Struct that is no noun; `key` are those of its primary key."""
    columns = [_column(field) for field in msgspec.structs.fields(kind) if field.name != "id"]
    for column in columns:
        if column.name in key:
            column.primary_key = True
    return columns


def _grown(name: str, kind: type[msgspec.Struct], *more: UniqueConstraint | Index) -> Table:
    """A table that is only appended to, its rows numbered in the order they came."""
    number = Column("id", _SERIAL, primary_key=True, autoincrement=True)
    return Table(name, metadata, number, *_fields(kind), *more, sqlite_autoincrement=True)


HEALTH_HISTORY: Final = _grown(
    "provider_health_history",
    HealthRow,
    Index("ix_provider_health_history_tenant_id_endpoint_id_at", "tenant_id", "endpoint_id", "at"),
    Index("ix_provider_health_history_at", "at"),
)
HEALTH_OVERRIDES: Final = Table("provider_health_overrides", metadata, *_fields(OverrideRow, "endpoint_id"))
BREAKER_STATES: Final = Table("circuit_breaker_states", metadata, *_fields(BreakerRow, "key"))
METRICS_HISTORY: Final = Table(
    "load_balancer_metrics_history",
    metadata,
    *_fields(MetricsRow, "span", "endpoint_id", "starts_at", "writer"),
    Index("ix_load_balancer_metrics_history_span_starts_at", "span", "starts_at"),
)
REPLIES: Final = Table(
    "idempotent_replies",
    metadata,
    *_fields(ReplyRow, "tenant_id", "key"),
    Index("ix_idempotent_replies_expires", "expires"),
)
STORED_RESPONSES: Final = Table(
    "stored_responses",
    metadata,
    *_fields(StoredResponseRow, "tenant_id", "response_id"),
    Index("ix_stored_responses_expires", "expires"),
)
DECISIONS: Final = _grown(
    "decision_records",
    DecisionRow,
    UniqueConstraint("request_id", name="uq_decision_records_request_id"),
    Index("ix_decision_records_tenant_id_id", "tenant_id", "id"),
    Index("ix_decision_records_at", "at"),
)


def values_of(row: Row) -> dict[str, Any]:
    """A row as its table's columns."""
    return {**msgspec.structs.asdict(row), "tenant_id": row.tenant_id or NOBODY}


def select_rows(kind: type[Row]) -> Select[Any]:
    """All rows of a table, their columns in the order of the Struct's fields: what `row_of` reads."""
    return select(*(TABLES[kind].c[name] for name in kind.__struct_fields__))


def row_of(kind: type[R], columns: Sequence[Any]) -> R:
    fields = dict(zip(kind.__struct_fields__, columns, strict=True))
    return msgspec.convert({**fields, "tenant_id": fields["tenant_id"] or None}, kind)


def select_ledger() -> Select[Any]:
    return select(*(LEDGER.c[name] for name in LedgerRow.__struct_fields__))


def ledger_row_of(columns: Sequence[Any]) -> LedgerRow:
    return msgspec.convert(dict(zip(LedgerRow.__struct_fields__, columns, strict=True)), LedgerRow)


def column_of(table: Table, name: str) -> Column[Any]:
    """Raises ValueError for a name that is no column: a filter that silently matches nothing hides a mistake."""
    if name not in table.c:
        raise ValueError(f"{table.name} has no column {name}")
    return table.c[name]
