"""Everything that the first version remembers: a table a noun, the ledger, the revisions, the instance's keys.

A migration is frozen: it spells its columns out, and never imports today's tables, which will have moved on.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision: Final = "0001"
down_revision: Final = None

_ID: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT: Final = sa.Text()
_BYTES: Final = sa.LargeBinary()
_INT: Final = sa.BigInteger()
_FLOAT: Final[TypeEngine[Any]] = sa.Double()
_BOOL: Final = sa.Boolean()
_JSON: Final = sa.JSON(none_as_null=True)

_NOUNS: Final = (
    "tenants",
    "departments",
    "teams",
    "users",
    "api_keys",
    "admin_tokens",
    "secrets",
    "provider_configs_v2",
    "pools",
    "routes",
    "prices",
    "audit_log",
)


def upgrade() -> None:
    _create_noun(
        "tenants",
        *_limits(),
        _must("name", _TEXT),
        _must("enabled", _BOOL),
        _must("system_grants", _JSON),
        sa.UniqueConstraint("name", name="uq_tenants_name"),
    )
    _create_noun(
        "departments",
        *_limits(),
        _must("name", _TEXT),
        sa.UniqueConstraint("tenant_id", "name", name="uq_departments_name"),
    )
    _create_noun(
        "teams",
        *_limits(),
        _must("name", _TEXT),
        _maybe("department_id", _TEXT),
        sa.UniqueConstraint("tenant_id", "name", name="uq_teams_name"),
    )
    _create_noun(
        "users",
        *_limits(),
        _must("name", _TEXT),
        _maybe("email", _TEXT),
        _maybe("team_id", _TEXT),
        sa.UniqueConstraint("tenant_id", "name", name="uq_users_name"),
    )
    _create_noun(
        "api_keys",
        *_limits(),
        _must("name", _TEXT),
        _must("digest", _BYTES),
        _must("display", _TEXT),
        _maybe("team_id", _TEXT),
        _maybe("user_id", _TEXT),
        _maybe("department_id", _TEXT),
        _maybe("allowed_models", _JSON),
        _maybe("expires_at", _FLOAT),
        _must("enabled", _BOOL),
        _maybe("revoked_at", _FLOAT),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    _create_noun(
        "admin_tokens",
        _must("name", _TEXT),
        _must("role", _TEXT),
        _must("digest", _BYTES),
        _must("display", _TEXT),
        _maybe("revoked_at", _FLOAT),
        sa.UniqueConstraint("digest", name="uq_admin_tokens_digest"),
    )
    _create_noun(
        "secrets",
        _must("name", _TEXT),
        _must("ciphertext", _BYTES),
        _must("last4", _TEXT),
        _maybe("rotated_at", _FLOAT),
        sa.UniqueConstraint("tenant_id", "name", name="uq_secrets_name"),
    )
    _create_noun(
        "provider_configs_v2",
        _must("name", _TEXT),
        _must("provider", _TEXT),
        _maybe("endpoint_url", _TEXT),
        _maybe("api_key_secret_name", _TEXT),
        _must("models", _JSON),
        _must("rate_limits", _JSON),
        _must("timeouts", _JSON),
        _maybe("region", _TEXT),
        _must("priority", _INT),
        _must("weight", _INT),
        _must("enabled", _BOOL),
        _must("default_max_output", _INT),
        sa.UniqueConstraint("tenant_id", "name", name="uq_provider_configs_v2_name"),
    )
    _create_noun(
        "pools",
        _must("group_name", _TEXT),
        _must("strategy", _TEXT),
        _must("members", _JSON),
        _must("options", _JSON),
        sa.UniqueConstraint("tenant_id", "group_name", name="uq_pools_group_name"),
    )
    _create_noun(
        "routes",
        _must("name", _TEXT),
        _must("pool", _TEXT),
        _must("rules", _JSON),
        _must("options", _JSON),
        sa.UniqueConstraint("tenant_id", "name", name="uq_routes_name"),
    )
    _create_noun(
        "prices",
        _must("model", _TEXT),
        _maybe("provider", _TEXT),
        _must("input_pico", _INT),
        _must("output_pico", _INT),
        _maybe("cache_read_pico", _INT),
        _maybe("cache_write_pico", _INT),
        _must("effective_from", _FLOAT),
    )
    _create_noun(
        "audit_log",
        _must("actor", _TEXT),
        _must("action", _TEXT),
        _must("target_noun", _TEXT),
        _must("target_id", _TEXT),
        _must("detail", _JSON),
    )
    op.create_table(
        "ledger",
        _serial("id"),
        _must("request_id", _TEXT),
        _must("attempt_id", _TEXT),
        _must("kind", _TEXT),
        _must("tenant_id", _TEXT),
        _maybe("department_id", _TEXT),
        _maybe("team_id", _TEXT),
        _maybe("user_id", _TEXT),
        _must("key_id", _TEXT),
        _must("requested_model", _TEXT),
        _must("model", _TEXT),
        _must("endpoint", _TEXT),
        _must("provider", _TEXT),
        _maybe("route", _TEXT),
        _must("operation", _TEXT),
        _must("input_tokens", _INT),
        _must("output_tokens", _INT),
        _must("cache_read_tokens", _INT),
        _must("cache_write_5m_tokens", _INT),
        _must("cache_write_1h_tokens", _INT),
        _must("reasoning_tokens", _INT),
        _must("audio_input_tokens", _INT),
        _must("audio_output_tokens", _INT),
        _must("cost_nano_usd", _INT),
        _must("priced", _BOOL),
        _maybe("price_version", _TEXT),
        _must("credential", _TEXT),
        _must("outcome", _TEXT),
        _must("estimated", _BOOL),
        _must("started_at", _FLOAT),
        _maybe("ttft_ms", _FLOAT),
        _must("total_ms", _FLOAT),
        _must("revision", _INT),
        _maybe("client_request_id", _TEXT),
        sa.UniqueConstraint("attempt_id", "kind", name="uq_ledger_attempt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_tenant_id_id", "ledger", ["tenant_id", "id"])
    op.create_index("ix_ledger_request_id", "ledger", ["request_id"])
    op.create_table(
        "configuration_revisions",
        _serial("revision"),
        _maybe("tenant_id", _TEXT),
        _must("noun", _TEXT),
        _must("noun_id", _TEXT),
        _must("at", _FLOAT),
        sa.PrimaryKeyConstraint("revision", name="pk_configuration_revisions"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "instance_keys",
        _must("name", _TEXT),
        _must("ciphertext", _BYTES),
        sa.PrimaryKeyConstraint("name", name="pk_instance_keys"),
    )


def downgrade() -> None:
    for table in ("instance_keys", "configuration_revisions", "ledger", *reversed(_NOUNS)):
        op.drop_table(table)


def _create_noun(noun: str, *columns: sa.Column[Any] | sa.UniqueConstraint) -> None:
    op.create_table(
        noun,
        _must("id", _ID),
        _must("tenant_id", _ID),
        _must("created_at", _FLOAT),
        *columns,
        sa.PrimaryKeyConstraint("id", name=f"pk_{noun}"),
    )
    op.create_index(f"ix_{noun}_tenant_id_id", noun, ["tenant_id", "id"])


def _limits() -> tuple[sa.Column[Any], ...]:
    costs = ("cost_limit_daily", "cost_limit_monthly", "cost_limit_total")
    return (*(_maybe(name, _INT) for name in costs), _must("rate_limits", _JSON))


def _must(name: str, kind: TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _maybe(name: str, kind: TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _serial(name: str) -> sa.Column[Any]:
    return sa.Column(name, _SERIAL, autoincrement=True, nullable=False)
