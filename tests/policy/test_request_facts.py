from datetime import timedelta, timezone

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Course, Key, KeyId, Tenant, TenantId
from ai_gateway.domain.rules import FACTS, FactValue
from ai_gateway.domain.traffic import Call, Caller, Head
from ai_gateway.policy.request_facts import MOST_TOOLS, RequestFacts

TENANT = Tenant(TenantId("ten_1"), "Acme", zone=timezone(timedelta(hours=2)))
COURSE = Course("assistant", (), route="assistant", pool="fast")
CALLER = Caller(TENANT, Key(KeyId("key_1"), TENANT.id, "laptop"), "team_1", "dep_1", "usr_1")
MIDNIGHT = 1_800_000_000.0  # 2027-01-15 08:00 UTC


def a_call(body: bytes, now: float = MIDNIGHT) -> Call:
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    head = Head("req_preview", Operation.CHAT, Dialect.OPENAI, received=0.0, received_wall=now)
    return Call(head, "assistant", fields, stream=True, max_output=7, body_bytes=len(body))


def known(body: bytes = b"{}", caller: Caller | None = CALLER, used: int | None = 40) -> dict[str, FactValue]:
    look = None if used is None else lambda: used
    facts = RequestFacts(a_call(body), COURSE, TENANT, caller, look)
    return {name: facts.value(name) for name in FACTS}


def test_all_is_known_that_conditions_may_read() -> None:
    tools = b'[{"type":"function","function":{"name":"f"}}]'
    body = b'{"temperature":0.5,"user":"u","tools":' + tools + b"}"
    assert known(body) == {
        "request.id": "req_preview",
        "request.date": "2027-01-15",
        "request.operation": "chat",
        "request.model": "assistant",
        "request.stream": True,
        "request.max_tokens": 7,
        "request.temperature": 0.5,
        "request.tools": ("f",),
        "request.user": "u",
        "request.bytes": len(body),
        "caller.tenant_id": "ten_1",
        "caller.tenant_name": "Acme",
        "caller.department_id": "dep_1",
        "caller.team_id": "team_1",
        "caller.user_id": "usr_1",
        "caller.key_id": "key_1",
        "caller.key_name": "laptop",
        "route.name": "assistant",
        "route.pool": "fast",
        "budget.used_percent": 40,
        "budget.limited": True,
    }


def test_without_a_key_nothing_is_known_of_one() -> None:
    facts = known(caller=None)
    assert {name for name, value in facts.items() if name.startswith("caller.") and value is not None} == {
        "caller.tenant_id",
        "caller.tenant_name",
    }


def test_where_nothing_limits_nothing_is_used() -> None:
    facts = known(used=None)
    assert (facts["budget.limited"], facts["budget.used_percent"]) == (False, 0)
    assert known(used=0)["budget.limited"] is True


@pytest.mark.parametrize("body", [b'{"temperature":"hot","user":3}', b'{"temperature":true}', b'{"temperature":null}'])
def test_what_is_no_number_and_no_name_is_not_known(body: bytes) -> None:
    assert known(body)["request.temperature"] is None
    assert known(body)["request.user"] is None


def test_the_day_is_the_tenants() -> None:
    late = RequestFacts(a_call(b"{}", MIDNIGHT + 14.5 * 3600), COURSE, TENANT, None)
    assert late.value("request.date") == "2027-01-16"


def test_of_many_tools_the_first_are_known() -> None:
    tools = msgspec.json.encode([{"name": f"t{number}"} for number in range(MOST_TOOLS + 1)])
    names = known(b'{"tools":' + tools + b"}")["request.tools"]
    assert isinstance(names, tuple)
    assert len(names) == MOST_TOOLS
