"""Values with everything filled in that a test does not talk about."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.domain.config import (
    BaseUrl,
    Candidate,
    Course,
    Endpoint,
    EndpointId,
    Key,
    KeyDigest,
    KeyId,
    Ownership,
    Price,
    PriceBook,
    ProviderType,
    Retries,
    Snapshot,
    Tenant,
    TenantId,
    Tier,
)
from ai_gateway.domain.key_ring import ring_of
from ai_gateway.domain.prices import Schedule, rates_of
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.traffic import Call, Caller, Head, Outcome, Receipt, Shaped
from ai_gateway.policy import access
from support.clock import NOON

TOKEN = "sk-gw-test"
PROVIDER_KEY = "sk-canary-provider-0123456789"
MODEL = "gpt-4o-mini"
CLAUDE = "claude-haiku-4-5"
ONCE = Retries(max_attempts=1)


def digest_key(token: bytes) -> KeyDigest:
    return access.digest(b"a pepper of sixteen bytes", token)


def an_endpoint(name: str = "up-1", **changes: Any) -> Endpoint:
    fields = {
        "id": EndpointId(f"pc_{name}"),
        "tenant_id": TenantId("t1"),
        "name": name,
        "provider": ProviderType.OPENAI,
        "base_url": BaseUrl("https", "api.test", 443, "/v1"),
        "models": (MODEL,),
        "api_key": Secret(PROVIDER_KEY),
    }
    fields |= changes
    return Endpoint(**{"payees": (fields["provider"].value,)} | fields)


def a_claude_endpoint(name: str = "claude-1", **changes: Any) -> Endpoint:
    fields = {"provider": ProviderType.ANTHROPIC, "base_url": BaseUrl("https", "claude.test", 443, "")}
    return an_endpoint(name, **{"models": (CLAUDE,)} | fields | changes)


def a_candidate(endpoint: Endpoint | None = None, model: str = MODEL, weight: int = 1) -> Candidate:
    return Candidate(endpoint=endpoint or an_endpoint(), model=model, weight=weight)


def a_course(name: str = "fast", *candidates: Candidate, **changes: Any) -> Course:
    """One attempt, where nothing else is said."""
    fields = {"name": name, "tiers": (a_tier(*candidates, pool=name),), "pool": name, "retries": ONCE}
    return Course(**fields | changes)


def a_tier(*candidates: Candidate, **changes: Any) -> Tier:
    return Tier(**{"candidates": candidates or (a_candidate(),)} | changes)


def a_price(model: str = MODEL, **changes: Any) -> Price:
    """$0.15 and $0.60 per million tokens: 150,000 and 600,000 pico-dollars a token. A lane is said as `input_pico`."""
    lanes = {"input": 150_000, "output": 600_000}
    lanes |= {name.removesuffix("_pico"): changes.pop(name) for name in list(changes) if name.endswith("_pico")}
    fields = {
        "version": f"price_{model}",
        "model": model,
        "provider": None,
        "standard": Schedule(rates_of(**lanes), changes.pop("steps", ())),
        "effective_from": 0.0,
    }
    return Price(**fields | changes)


def a_book(*prices: Price) -> PriceBook:
    return PriceBook(prices)


def a_tenant(tenant_id: str = "t1", *endpoints: Endpoint, courses: tuple[Course, ...] = (), **changes: Any) -> Tenant:
    models: dict[str, Course] = {}
    for endpoint in endpoints:
        for model in endpoint.models:
            members = tuple(a_candidate(it, model) for it in endpoints if model in it.models)
            models[model] = Course(name=model, tiers=(Tier(candidates=members),), retries=ONCE)
    fields = {
        "id": TenantId(tenant_id),
        "name": tenant_id,
        "endpoints": {it.name: it for it in endpoints},
        "courses": {it.name: it for it in courses},
        "models": models,
        "prices": a_book(a_price(), a_price(CLAUDE)),
    }
    return Tenant(**fields | changes)


def a_key(key_id: str = "key_1", tenant_id: str = "t1", **changes: Any) -> Key:
    return Key(**{"id": KeyId(key_id), "tenant_id": TenantId(tenant_id), "name": key_id} | changes)


def a_snapshot(*tenants: Tenant, keys: Mapping[str, Key] | None = None, **changes: Any) -> Snapshot:
    """Tenant t1 with an OpenAI and an Anthropic endpoint and the key TOKEN, where nothing else is said."""
    tenants = tenants or (a_tenant("t1", an_endpoint(), a_claude_endpoint()),)
    keys = {TOKEN: a_key()} if keys is None else keys
    fields = {
        "revision": 7,
        "tenants": {it.id: it for it in tenants},
        "keys": ring_of((digest_key(token.encode()), key) for token, key in keys.items()),
    }
    return Snapshot(**fields | changes)


def a_head(**changes: Any) -> Head:
    fields = {
        "request_id": "req_018cc0000000aaaaaaaaaaaaaaaa",
        "operation": Operation.CHAT,
        "dialect": Dialect.OPENAI,
        "received": 1_000.0,
        "received_wall": NOON,
    }
    return Head(**fields | changes)


def a_call(head: Head | None = None, **changes: Any) -> Call:
    fields = {"model": MODEL, "fields": {"model": msgspec.Raw(b'"gpt-4o-mini"')}, "body_bytes": 100}
    return Call(**{"head": head or a_head()} | fields | changes)


def a_shaped(call: Call | None = None, **changes: Any) -> Shaped:
    call = call or a_call()
    return Shaped(**{"call": call, "fields": call.fields} | changes)


def a_caller(**changes: Any) -> Caller:
    fields = {"tenant": a_tenant("t1", an_endpoint()), "key": a_key()}
    return Caller(**fields | {"team_id": None, "department_id": None, "user_id": None} | changes)


def a_receipt(attempt_id: str = "att_1", **changes: Any) -> Receipt:
    fields = {
        "request_id": "req_1",
        "attempt_id": attempt_id,
        "tenant_id": "t1",
        "key_id": "key_1",
        "requested_model": "fast",
        "model": MODEL,
        "endpoint": "up-1",
        "provider": ProviderType.OPENAI,
        "usage": Usage(input_tokens=12, output_tokens=3),
        "cost_nano_usd": 3_600,
        "priced": True,
        "price_version": "price_1",
        "credential": Ownership.TENANT,
        "outcome": Outcome.OK,
        "estimated": False,
        "started_at": NOON,
        "ttft_ms": None,
        "total_ms": 12.5,
        "operation": Operation.CHAT,
        "revision": 7,
    }
    return Receipt(**fields | changes)
