"""What `make run` starts with: a tenant that works before anything was configured, and goes on working when a part of
it fails. Written once, when the tenant is not there yet; whatever a user changes or deletes afterwards stays changed.

The fallback has a member for callers of either dialect: `backup-1`, on the mock, speaks both.
"""

from collections.abc import Callable, Mapping
from typing import Final

from ai_gateway.providers.mock.prices import MockPrice
from ai_gateway.store.records import Store
from ai_gateway.store.rows import ApiKeyRow, EnhancedProviderConfig, PoolRow, PriceRow, Row, TenantRow, new_id

TENANT_ID: Final = "demo"
KEY: Final = "sk-dev"
OPENAI_MODELS: Final = (
    "gpt-4",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-3.5-turbo-instruct",
    "gpt-image-1",
    "text-embedding-3-small",
)
MOCK_PREFIX: Final = "mock-"
ANTHROPIC_MODELS: Final = ("claude-sonnet-4-5", "claude-haiku-4-5")
BACKUP_MODELS: Final = ("gpt-4",)  # only what the pool gpt-4 hides: no bare model name may land on the backup
FALLBACK: Final = "demo-fallback"


async def seed_demo(
    store: Store, digest_key: Callable[[bytes], bytes], prices: Mapping[str, MockPrice], now: float
) -> bool:
    """True where the demo tenant was made. `prices`, of the models that the mock serves, go into the book; they are the
    mock's own where vendors have models of these names. A price that somebody sets later is newer, and wins."""
    async with store.begin() as unit:
        if await unit.fetch(TenantRow, TENANT_ID, TENANT_ID) is not None:
            return False
        for row in _rows(digest_key(KEY.encode()), prices, now):
            await unit.insert(row)
        await unit.bump(None, PriceRow.noun, "")
        await unit.bump(TENANT_ID, TenantRow.noun, TENANT_ID)
        await unit.bump(TENANT_ID, ApiKeyRow.noun, "key_demo")
    return True


def _rows(digest: bytes, prices: Mapping[str, MockPrice], now: float) -> list[Row]:
    rows: list[Row] = [
        TenantRow(
            id=TENANT_ID,
            tenant_id=TENANT_ID,
            created_at=now,
            name="demo",
            system_grants=("openai", "anthropic"),
            default_fallbacks=(FALLBACK,),
        ),
        ApiKeyRow(id="key_demo", tenant_id=TENANT_ID, created_at=now, name="dev", digest=digest, display=KEY),
    ]
    for name, provider, models in (
        ("openai-1", "openai", (*OPENAI_MODELS, *(it for it in prices if it.startswith(MOCK_PREFIX)))),
        ("openai-2", "openai", OPENAI_MODELS),
        ("anthropic-1", "anthropic", ANTHROPIC_MODELS),
        ("backup-1", "mock", BACKUP_MODELS),
    ):
        rows.append(
            EnhancedProviderConfig(
                id=new_id(EnhancedProviderConfig.prefix, now),
                tenant_id=TENANT_ID,
                created_at=now,
                name=name,
                provider=provider,
                endpoint_url=f"mock://{provider}",
                models=models,
            )
        )
    rows.append(_pool("gpt-4", now, {"name": "openai-1", "weight": 1}, {"name": "openai-2", "weight": 1}))
    fallback = _pool(
        FALLBACK,
        now,
        {"name": "anthropic-1", "weight": 1, "model": ANTHROPIC_MODELS[0], "priority": 0},
        {"name": "backup-1", "weight": 1, "model": BACKUP_MODELS[0], "priority": 1},
        strategy="priority",
    )
    rows.append(fallback)
    rows.extend(
        PriceRow(
            id=new_id(PriceRow.prefix, now),
            tenant_id=None,
            created_at=now,
            model=model,
            provider=None if model.startswith(MOCK_PREFIX) else "mock",
            input_pico=price.input_pico,
            output_pico=price.output_pico,
            cache_read_pico=price.cache_read_pico,
            effective_from=now,
        )
        for model, price in prices.items()
    )
    return rows


def _pool(group_name: str, now: float, *members: dict[str, object], strategy: str = "weighted_round_robin") -> PoolRow:
    return PoolRow(
        id=new_id(PoolRow.prefix, now),
        tenant_id=TENANT_ID,
        created_at=now,
        group_name=group_name,
        strategy=strategy,
        members=members,
    )
