"""What conditions and texts of rules may know of a request, read when somebody asks: most rules ask for nothing, and
nearly all that do ask for one name. What is told of the request is what its caller sent, whatever rules have made of it
by then, so the order of rules changes no condition.

A request that nobody sends (a preview of rules) is known in the same words, with nobody as its caller where none is
named.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.config import Course, Tenant
from ai_gateway.domain.rules import FactValue
from ai_gateway.domain.traffic import Call, Caller
from ai_gateway.providers.shaping.requests import form_of

MOST_TOOLS: Final = 64


@final
class RequestFacts:
    """The Facts of one request. `used_percent` looks how full the caller's fullest limit is, None where nothing limits
    it."""

    __slots__ = ("call", "caller", "course", "tenant", "used_percent")

    def __init__(
        self,
        call: Call,
        course: Course,
        tenant: Tenant,
        caller: Caller | None,
        used_percent: Callable[[], int] | None = None,
    ) -> None:
        self.call = call
        self.course = course
        self.tenant = tenant
        self.caller = caller
        self.used_percent = used_percent

    def value(self, name: str) -> FactValue:
        return _READ[name](self)


def _date(it: RequestFacts) -> str:
    return datetime.fromtimestamp(it.call.head.received_wall, it.tenant.zone).date().isoformat()


def _member(it: RequestFacts, name: str) -> Any:
    found = form_of(it.call.head.operation, it.call.fields).get((name,))
    return None if found is msgspec.UNSET else found


def _temperature(it: RequestFacts) -> float | None:
    found = _member(it, "temperature")
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _user(it: RequestFacts) -> str | None:
    found = _member(it, "user")
    return found if isinstance(found, str) else None


def _tools(it: RequestFacts) -> tuple[str, ...]:
    return form_of(it.call.head.operation, it.call.fields).tool_names()[:MOST_TOOLS]


_READ: Final[Mapping[str, Callable[[RequestFacts], FactValue]]] = MappingProxyType(
    {
        "request.id": lambda it: it.call.head.request_id,
        "request.date": _date,
        "request.operation": lambda it: it.call.head.operation.value,
        "request.model": lambda it: it.call.model,
        "request.stream": lambda it: it.call.stream,
        "request.max_tokens": lambda it: it.call.max_output,
        "request.temperature": _temperature,
        "request.tools": _tools,
        "request.user": _user,
        "request.bytes": lambda it: it.call.body_bytes,
        "caller.tenant_id": lambda it: it.tenant.id,
        "caller.tenant_name": lambda it: it.tenant.name,
        "caller.department_id": lambda it: None if it.caller is None else it.caller.department_id,
        "caller.team_id": lambda it: None if it.caller is None else it.caller.team_id,
        "caller.user_id": lambda it: None if it.caller is None else it.caller.user_id,
        "caller.key_id": lambda it: None if it.caller is None else it.caller.key.id,
        "caller.key_name": lambda it: None if it.caller is None else it.caller.key.name,
        "route.name": lambda it: it.course.route or it.course.name,
        "route.pool": lambda it: it.course.pool,
        "budget.used_percent": lambda it: 0 if it.used_percent is None else it.used_percent(),
        "budget.limited": lambda it: it.used_percent is not None,
    }
)
