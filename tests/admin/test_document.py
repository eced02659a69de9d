from typing import Any

from admin.world import World

FULL: dict[str, Any] = {
    "version": 1,
    "departments": [{"name": "Sales", "cost_limit_monthly": "50.00"}],
    "teams": [{"name": "Closers", "department": "Sales", "rate_limits": {"max_concurrent": 3}}],
    "users": [{"name": "Ann", "email": "ann@example.org", "team": "Closers"}],
    "providers": [
        {
            "name": "up-1",
            "provider": "openai",
            "endpoint_url": "https://a.example/v1",
            "models": ["m"],
            "timeouts": {"connect": 2.5},
            "weight": 3,
            "queue": {"max_waiting": 7, "timeout_seconds": 1.5},
        }
    ],
    "pools": [
        {"group_name": "fast", "providers": [{"name": "up-1", "weight": 2}], "strategy": "random"},
        {
            "group_name": "spare",
            "providers": [{"name": "up-1", "weight": 1, "model": "n", "priority": 3}],
            "strategy": "priority",
            "fallbacks": [],
            "circuit_breaker": {
                "failure_threshold": 3,
                "recovery_timeout_seconds": 10.0,
                "success_threshold": 1,
                "failure_rate": 0.25,
            },
            "timeouts": {"first_token": 5.0},
            "retries": {"max_attempts": 2, "base_seconds": 0.5, "cap_seconds": 4.0},
            "on_stream_cut": "error",
            "queue": {"max_waiting": 10, "timeout_seconds": 5.0},
            "sticky_by": "user",
        },
    ],
    "default_fallbacks": ["spare"],
    "routes": [
        {
            "name": "bot",
            "pool": "fast",
            "rules": [{"cap": 0.8}],
            "timeouts": {"total": 20.0},
            "retries": {"max_attempts": 1, "base_seconds": 0.25, "cap_seconds": 8.0},
            "on_stream_cut": "error",
            "on_content_filter": "fallback",
        }
    ],
    "prices": [
        {
            "model": "m",
            "input_per_million_usd": "0.15",
            "output_per_million_usd": "0.60",
            "effective_from": "2027-01-15T08:00:00Z",
        }
    ],
    "timezone": "Europe/Berlin",
    "failed_attempts": "estimated",
    "language": "de",
    "error_messages": {"codes": {"queue_full": {"message": "Busy. ${request_id}"}}},
    "budgets": [
        {
            "scope": "tenant",
            "window": "daily",
            "limit_usd": "2.50",
            "limit_tokens": 1000,
            "mode": "strict",
            "warn_at_percent": [90],
        }
    ],
}


PLAIN = ("version", "timezone", "failed_attempts", "language", "error_messages")
"""Sections that are no lists."""


async def test_an_empty_tenant_exports_an_empty_document(world: World) -> None:
    exported = (await world.call("GET", "/config/export")).json()
    nothing = {section: [] for section in FULL if section not in PLAIN}
    plain = {"version": 1, "timezone": "UTC", "failed_attempts": "reported", "language": "en", "error_messages": {}}
    assert exported == {**plain, **nothing}


async def test_what_was_applied_is_what_is_exported(world: World) -> None:
    await world.made("/config/apply", FULL)
    exported = (await world.call("GET", "/config/export", role="viewer")).json()
    exported["pools"].sort(key=lambda pool: pool["group_name"])  # made at one instant, so their ids have no order
    alike = (
        "departments",
        "teams",
        "users",
        "pools",
        "default_fallbacks",
        "routes",
        "prices",
        "language",
        "error_messages",
    )
    for section in alike:
        assert exported[section] == FULL[section]
    (provider,) = exported["providers"]
    assert {name: provider[name] for name in FULL["providers"][0]} == FULL["providers"][0]


async def test_an_export_names_secrets_and_has_none(world: World) -> None:
    body = {"name": "up", "provider": "openai", "api_key": "sk-0123456789abcd"}
    await world.made("/providers", body)
    exported = await world.call("GET", "/config/export")
    assert exported.json()["providers"][0]["api_key_secret_name"] == "provider:up"
    assert "sk-0123456789abcd" not in exported.text
