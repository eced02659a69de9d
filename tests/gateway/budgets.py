"""Callers with limits and providers that spend, for the dialogues about budgets."""

from typing import Any

import msgspec

from ai_gateway.domain.budgets import Leg, Limit, Unit, Window
from ai_gateway.domain.config import Tenant
from ai_gateway.runtime.upstream import Outgoing
from support.builders import a_key, a_snapshot, a_tenant, an_endpoint
from support.line import Line, a_line
from support.upstream import JSON, Script, Step

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
KEY, TEAM, DEPARTMENT, USER, TENANT = LEGS = (
    ("key", "key_1"),
    ("team", "team_1"),
    ("department", "dep_1"),
    ("user", "usr_1"),
    ("tenant", "t1"),
)
LEVELS = {"team_id": "team_1", "department_id": "dep_1", "user_id": "usr_1"}
INPUT_NANO, OUTPUT_NANO = 150, 600
"""Of a token, as the builders' price says."""
DOLLAR = 1_000_000_000


def a_limit(leg: Leg, amount: int, **more: Any) -> Limit:
    return Limit(**{"leg": leg, "window": Window.DAILY, "unit": Unit.USD, "amount": amount, "name": leg[1]} | more)


def limited_tenant(*limits: Limit, **more: Any) -> Tenant:
    by_leg: dict[Leg, tuple[Limit, ...]] = {}
    for limit in limits:
        by_leg[limit.leg] = (*by_leg.get(limit.leg, ()), limit)
    return a_tenant("t1", *more.pop("endpoints", (an_endpoint(),)), limits=by_leg, **more)


async def a_limited_line(*limits: Limit, **more: Any) -> Line:
    """The key TOKEN stands on all five levels."""
    tenant = more.pop("tenant", None) or limited_tenant(*limits)
    return await a_line(a_snapshot(tenant, keys={"sk-gw-test": a_key(**LEVELS)}), **more)


def a_body(max_tokens: int | None = None, **more: Any) -> bytes:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]} | more
    return msgspec.json.encode(body if max_tokens is None else body | {"max_tokens": max_tokens})


def worst_of(body: bytes, output: int) -> int:
    return len(body) * INPUT_NANO + output * OUTPUT_NANO


def a_reply(prompt: int, completion: int) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}
    return msgspec.json.encode({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage})


def sent_body(request: Outgoing) -> dict[str, Any]:
    assert isinstance(request.body, bytes)
    return msgspec.json.decode(request.body)


def spends_all(asked_bytes: int, *before: Step) -> Any:
    """A provider that always writes as much as it may, and counts each byte of the question as a token."""

    def play(request: Outgoing) -> Script:
        members = sent_body(request)
        most = members.get("max_completion_tokens", members.get("max_tokens"))
        assert isinstance(most, int), "a cap was sent"
        return Script(200, JSON, (a_reply(asked_bytes, most),), before)

    return play
