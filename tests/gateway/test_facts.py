from typing import Any

import msgspec

from ai_gateway.domain.rules import FACTS
from ai_gateway.gateway.admission import admit
from ai_gateway.gateway.facts import facts_of
from ai_gateway.policy.request_facts import RequestFacts
from gateway.budgets import KEY, a_limit
from support.builders import TOKEN, a_call, a_course, a_head, a_key, a_snapshot, a_tenant, an_endpoint
from support.line import a_line


async def known_of(members: dict[str, Any] | None = None, *, limits: Any = None, **changes: Any) -> RequestFacts:
    tenant = a_tenant("t1", an_endpoint(), limits=limits or {}, name="Acme", **changes)
    line = await a_line(a_snapshot(tenant, keys={TOKEN: a_key(team_id="team_1", name="bot")}))
    head = a_head(credentials=(TOKEN.encode(),))
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in (members or {}).items()}
    call = a_call(head, fields=fields, stream=True, max_output=9)
    return facts_of(line.doors, admit(line.doors, head), call, a_course("fast", route="support"))


async def test_every_fact_has_a_value() -> None:
    facts = await known_of({"temperature": 0.5, "user": "ann"})
    assert {name: facts.value(name) for name in FACTS} == {
        "request.id": "req_018cc0000000aaaaaaaaaaaaaaaa",
        "request.date": "2026-01-01",
        "request.operation": "chat",
        "request.model": "gpt-4o-mini",
        "request.stream": True,
        "request.max_tokens": 9,
        "request.temperature": 0.5,
        "request.tools": (),
        "request.user": "ann",
        "request.bytes": 100,
        "caller.tenant_id": "t1",
        "caller.tenant_name": "Acme",
        "caller.department_id": None,
        "caller.team_id": "team_1",
        "caller.user_id": None,
        "caller.key_id": "key_1",
        "caller.key_name": "bot",
        "route.name": "support",
        "route.pool": "fast",
        "budget.used_percent": 0,
        "budget.limited": False,
    }


async def test_a_limit_that_is_half_used_is_50_percent() -> None:
    facts = await known_of(limits={KEY: (a_limit(KEY, 1_000),)})
    assert (facts.value("budget.limited"), facts.value("budget.used_percent")) == (True, 0)
