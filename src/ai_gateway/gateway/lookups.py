"""The data plane's questions that no provider answers: which models a key may use, and what one request cost."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from ai_gateway.domain.config import Tenant
from ai_gateway.domain.faults import GatewayFault, InvalidRequest, NotFound
from ai_gateway.domain.traffic import Receipt
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.answers import JSON
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.dispatch import Carried
from ai_gateway.gateway.doors import Doors
from ai_gateway.policy import pricing, routing

MOST_MODELS: Final = 1000
EPOCH: Final = "1970-01-01T00:00:00Z"
_HIDDEN: Final[dict[str, Any]] = {"endpoint": None, "provider": None, "price_version": None}
"""Of an attempt, for callers who are told of no provider."""


async def list_models(doors: Doors, admitted: Admitted, client: Client) -> Carried:
    """GET /v1/models and /v1/models/{id}: one body that both SDKs parse. Takes Anthropic's `limit`, `after_id`,
    `before_id`; without `limit` everything is listed, as OpenAI does."""
    caller = admitted.caller
    names = list(routing.visible_models(caller.tenant, caller.key.allowed_models))
    if (wanted := admitted.head.target_id) is not None:
        if wanted not in names:
            raise NotFound(f"The model '{wanted[:200]}' does not exist here.", code="model_not_found", param="model")
        body: Any = _model(wanted)
    else:
        body = _page(names, parse_qs(admitted.head.query))
    await client.answer(200, (JSON,), msgspec.json.encode(body))
    return Carried()


async def show_request(doors: Doors, admitted: Admitted, client: Client) -> Carried:
    """GET /v1/requests/{id}: what a request of this key used and cost. Waits for the history at most 250 ms."""
    request_id = admitted.head.target_id or ""
    tenant_id, key_id = admitted.caller.tenant.id, admitted.caller.key.id
    receipts = {it.attempt_id: it for it in doors.journal.find(tenant_id, request_id)}
    try:
        async with asyncio.timeout(doors.limits.history_seconds):
            for receipt in await doors.history.receipts_of(tenant_id, request_id):
                receipts.setdefault(receipt.attempt_id, receipt)
    except (TimeoutError, ConnectionError) as error:
        if not receipts:
            raise GatewayFault(
                "The ledger cannot be read at the moment.", code="history_unavailable", retry_after_seconds=1
            ) from error
    own = sorted((it for it in receipts.values() if it.key_id == key_id), key=lambda it: it.started_at)
    if not own:
        raise NotFound("There is no such request of this key.", code="request_not_found")
    body = _request(request_id, own)
    if _hides_providers(admitted.caller.tenant, own):
        body["attempts"] = [it | _HIDDEN | {"model": own[0].requested_model} for it in body["attempts"]]
    await client.answer(200, (JSON,), msgspec.json.encode(body))
    return Carried()


def _hides_providers(tenant: Tenant, receipts: list[Receipt]) -> bool:
    """Whether the route that the request took hides its providers; of one that is gone nobody knows any more."""
    try:
        return routing.resolve(tenant, receipts[0].route or receipts[0].requested_model).hides_providers
    except NotFound:
        return receipts[0].route is not None


def _page(names: list[str], query: dict[str, list[str]]) -> dict[str, Any]:
    after, before = query.get("after_id", [""])[0], query.get("before_id", [""])[0]
    if after:
        names = names[names.index(after) + 1 :] if after in names else []
    if before:
        names = names[: names.index(before)] if before in names else []
    shown = names[: _limit(query["limit"][0])] if "limit" in query else names
    return {
        "object": "list",
        "data": [_model(name) for name in shown],
        "has_more": len(shown) < len(names),
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def _limit(text: str) -> int:
    if not (text.isdecimal() and len(text) <= len(str(MOST_MODELS)) and 1 <= int(text) <= MOST_MODELS):
        raise InvalidRequest(f"'limit' is a number from 1 to {MOST_MODELS}.", param="limit")
    return int(text)


def _model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "ai-gateway",
        "type": "model",
        "display_name": name,
        "created_at": EPOCH,
    }


def _request(request_id: str, receipts: list[Receipt]) -> dict[str, Any]:
    total = sum(it.cost_nano_usd for it in receipts)
    return {
        "id": request_id,
        "object": "gateway.request",
        "client_request_id": receipts[0].client_request_id,
        "requested_model": receipts[0].requested_model,
        "cost_usd": pricing.dollars(total),
        "cost_nano_usd": total,
        "input_tokens": sum(it.usage.input_tokens for it in receipts),
        "output_tokens": sum(it.usage.output_tokens for it in receipts),
        "attempts": [_attempt(it) for it in receipts],
    }


def _attempt(receipt: Receipt) -> dict[str, Any]:
    """`usage` is what is paid for, `delivered_tokens` what of its output the caller got. A row of kind `adjust` is a
    correction of the attempt whose id its own begins with."""
    return {
        "attempt_id": receipt.attempt_id,
        "kind": receipt.kind,
        "endpoint": receipt.endpoint,
        "provider": receipt.provider.value,
        "model": receipt.model,
        "outcome": receipt.outcome.value,
        "usage": receipt.usage,
        "delivered_tokens": receipt.usage.output_tokens
        if receipt.delivered_tokens is None
        else receipt.delivered_tokens,
        "cached": receipt.cached,
        "cost_nano_usd": receipt.cost_nano_usd,
        "priced": receipt.priced,
        "price_version": receipt.price_version,
        "estimated": receipt.estimated,
        "started_at": datetime.fromtimestamp(receipt.started_at, UTC).isoformat(timespec="milliseconds"),
        "ttft_ms": receipt.ttft_ms,
        "total_ms": receipt.total_ms,
    }
