"""What conditions and texts of rules may know of a request, read when somebody asks: most rules ask for nothing, and
nearly all that do ask for one name. What is told of the request is what its caller sent, whatever rules have made of it
by then, so the order of rules changes no condition."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.config import Course
from ai_gateway.domain.rules import FactValue
from ai_gateway.domain.traffic import Call, Charge
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.budget_headers import percent_used
from ai_gateway.gateway.doors import Doors
from ai_gateway.policy.quotas import legs_of
from ai_gateway.providers.shaping.requests import form_of

MOST_TOOLS: Final = 64


@final
class RequestFacts:
    """The Facts of one request."""

    __slots__ = ("admitted", "call", "course", "doors")

    def __init__(self, doors: Doors, admitted: Admitted, call: Call, course: Course) -> None:
        self.doors = doors
        self.admitted = admitted
        self.call = call
        self.course = course

    def value(self, name: str) -> FactValue:
        return _READ[name](self)


def _date(it: RequestFacts) -> str:
    return datetime.fromtimestamp(it.call.head.received_wall, it.admitted.caller.tenant.zone).date().isoformat()


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


def _used_percent(it: RequestFacts) -> int:
    caller = it.admitted.caller
    if not caller.limits:
        return 0
    nothing = Charge(
        legs=caller.legs or legs_of(caller),
        worst_nano=0,
        at=it.call.head.received_wall,
        limits=caller.limits,
        zone=caller.tenant.zone,
        revision=it.admitted.snapshot.revision,
    )
    return max((percent_used(cell) for cell in it.doors.meters.cells_for(nothing)), default=0)


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
        "caller.tenant_id": lambda it: it.admitted.caller.tenant.id,
        "caller.tenant_name": lambda it: it.admitted.caller.tenant.name,
        "caller.department_id": lambda it: it.admitted.caller.department_id,
        "caller.team_id": lambda it: it.admitted.caller.team_id,
        "caller.user_id": lambda it: it.admitted.caller.user_id,
        "caller.key_id": lambda it: it.admitted.caller.key.id,
        "caller.key_name": lambda it: it.admitted.caller.key.name,
        "route.name": lambda it: it.course.route or it.course.name,
        "route.pool": lambda it: it.course.pool,
        "budget.used_percent": _used_percent,
        "budget.limited": lambda it: bool(it.admitted.caller.limits),
    }
)
