"""What is remembered of endpoints: health, breakers, numbers; and of requests, why they went where they went."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision: Final = "0002"
down_revision: Final = "0001"

_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT: Final = sa.Text()
_INT: Final = sa.BigInteger()
_FLOAT: Final[TypeEngine[Any]] = sa.Double()
_BOOL: Final = sa.Boolean()
_JSON: Final = sa.JSON(none_as_null=True)

_TABLES: Final = (
    "provider_health_history",
    "provider_health_overrides",
    "circuit_breaker_states",
    "load_balancer_metrics_history",
    "decision_records",
)


def upgrade() -> None:
    op.create_table(
        "provider_health_history",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        *_must(_TEXT, "tenant_id", "endpoint_id", "endpoint", "provider"),
        *_must(_FLOAT, "at"),
        *_must(_TEXT, "source"),
        sa.Column("ok", _BOOL, nullable=True),
        *_must(_BOOL, "healthy"),
        sa.Column("status", _INT, nullable=True),
        sa.Column("latency_ms", _FLOAT, nullable=True),
        sa.Column("category", _TEXT, nullable=True),
        sa.Column("reason", _TEXT, nullable=True),
        *_must(_BOOL, "paid"),
        sa.PrimaryKeyConstraint("id", name="pk_provider_health_history"),
        sqlite_autoincrement=True,
    )
    _index("provider_health_history", "tenant_id", "endpoint_id", "at")
    _index("provider_health_history", "at")
    op.create_table(
        "provider_health_overrides",
        *_must(_TEXT, "endpoint_id", "tenant_id"),
        *_must(_BOOL, "healthy"),
        sa.Column("reason", _TEXT, nullable=True),
        sa.Column("until", _FLOAT, nullable=True),
        *_must(_FLOAT, "at"),
        sa.PrimaryKeyConstraint("endpoint_id", name="pk_provider_health_overrides"),
    )
    op.create_table(
        "circuit_breaker_states",
        *_must(_TEXT, "key", "tenant_id", "endpoint_id", "state"),
        *_must(_BOOL, "forced"),
        sa.Column("reason", _TEXT, nullable=True),
        *_must(_FLOAT, "updated_at"),
        *_must(_JSON, "saved"),
        sa.PrimaryKeyConstraint("key", name="pk_circuit_breaker_states"),
    )
    op.create_table(
        "load_balancer_metrics_history",
        *_must(_TEXT, "span", "endpoint_id"),
        *_must(_FLOAT, "starts_at"),
        *_must(_TEXT, "writer", "tenant_id", "endpoint", "provider"),
        *_must(_INT, "requests", "errors", "most_active"),
        *_must(_JSON, "latencies", "first_tokens"),
        sa.PrimaryKeyConstraint("span", "endpoint_id", "starts_at", "writer", name="pk_load_balancer_metrics_history"),
    )
    _index("load_balancer_metrics_history", "span", "starts_at")
    op.create_table(
        "decision_records",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        *_must(_TEXT, "tenant_id", "request_id"),
        *_must(_FLOAT, "at"),
        *_must(_TEXT, "why"),
        *_must(_INT, "status"),
        sa.Column("model", _TEXT, nullable=True),
        *_must(_JSON, "record"),
        sa.PrimaryKeyConstraint("id", name="pk_decision_records"),
        sa.UniqueConstraint("request_id", name="uq_decision_records_request_id"),
        sqlite_autoincrement=True,
    )
    _index("decision_records", "tenant_id", "id")
    _index("decision_records", "at")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _must(kind: TypeEngine[Any], *names: str) -> tuple[sa.Column[Any], ...]:
    return tuple(sa.Column(name, kind, nullable=False) for name in names)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
