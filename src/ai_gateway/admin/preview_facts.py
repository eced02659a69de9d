"""What the rules of a preview know of a request that nobody sends: all that they would know of a real one, read from
the same places, with what the asker wants to have assumed over it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.config import Course, Tenant
from ai_gateway.domain.rules import FactValue
from ai_gateway.domain.traffic import Call, Caller
from ai_gateway.providers.shaping.requests import form_of

MOST_TOOLS: Final = 64


@final
class PreviewFacts:
    """A domain.rules.Facts."""

    def __init__(self, known: Mapping[str, FactValue]) -> None:
        self._known = known

    def value(self, name: str) -> FactValue:
        return self._known[name]


def facts_of(call: Call, course: Course, tenant: Tenant, caller: Caller | None, used_percent: int) -> PreviewFacts:
    """`caller` None: nobody is named, so what is known of keys is null."""
    form = form_of(call.head.operation, call.fields)
    day = datetime.fromtimestamp(call.head.received_wall, tenant.zone).date()

    def said(name: str) -> Any:
        found = form.get((name,))
        return None if found is msgspec.UNSET else found

    temperature, user = said("temperature"), said("user")
    is_number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    return PreviewFacts(
        {
            "request.id": call.head.request_id,
            "request.date": day.isoformat(),
            "request.operation": call.head.operation.value,
            "request.model": call.model,
            "request.stream": call.stream,
            "request.max_tokens": call.max_output,
            "request.temperature": temperature if is_number else None,
            "request.tools": form.tool_names()[:MOST_TOOLS],
            "request.user": user if isinstance(user, str) else None,
            "request.bytes": call.body_bytes,
            "caller.tenant_id": tenant.id,
            "caller.tenant_name": tenant.name,
            "caller.department_id": None if caller is None else caller.department_id,
            "caller.team_id": None if caller is None else caller.team_id,
            "caller.user_id": None if caller is None else caller.user_id,
            "caller.key_id": None if caller is None else caller.key.id,
            "caller.key_name": None if caller is None else caller.key.name,
            "route.name": course.route or course.name,
            "route.pool": course.pool,
            "budget.used_percent": used_percent,
            "budget.limited": bool(used_percent) if caller is None else bool(caller.limits),
        }
    )
