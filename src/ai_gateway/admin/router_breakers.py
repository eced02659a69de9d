"""Circuit breakers: seen, forced open, reset.

`{provider}` is a config's name or id, or a provider type, which means every config of that type. An operator's word
beats every rule, over restarts, until it is reset or its time is over.
"""

from typing import Annotated, Any, Final

from fastapi import Path

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fields import Body, Seconds, Text
from ai_gateway.admin.operations import write_down
from ai_gateway.admin.routing import Route
from ai_gateway.admin.standing import describe_breaker, endpoints_called, endpoints_of
from ai_gateway.domain.config import Endpoint

Provider = Annotated[str, Path(max_length=200, description="A config's name or id, or a provider type.")]


class ForceOpenBody(Body):
    """Without `for_seconds` it stays open until it is reset."""

    for_seconds: Seconds | None = None
    reason: Text | None = None


async def read_breakers(desk: TenantDesk) -> Answer:
    """The breaker of every known endpoint."""
    data = [describe_breaker(desk, endpoint) for endpoint in endpoints_of(desk)]
    return {"data": data, "has_more": False, "next_cursor": None}


async def force_open(desk: TenantDesk, provider: Provider, body: ForceOpenBody | None = None) -> Answer:
    """No request goes there any more, whatever the panic rule says. The answer lists what moved."""
    asked = body or ForceOpenBody()
    endpoints = endpoints_called(desk, provider)
    reason = asked.reason or f"forced open by {desk.principal.actor}"
    desk.doors.oncall.breakers.force_open(endpoints, asked.for_seconds, reason)
    return await _moved(desk, "force_open", endpoints, {"for_seconds": asked.for_seconds, "reason": reason})


async def reset_breakers(desk: TenantDesk, provider: Provider) -> Answer:
    """Closed and trusted at once; cooldowns and quarantined credentials are forgotten too."""
    endpoints = endpoints_called(desk, provider)
    desk.doors.oncall.breakers.reset([it.id for it in endpoints], f"reset by {desk.principal.actor}")
    return await _moved(desk, "reset_breaker", endpoints, {})


async def _moved(desk: Desk, action: str, endpoints: list[Endpoint], detail: dict[str, Any]) -> Answer:
    warnings = await write_down(desk, action, endpoints, detail, desk.doors.oncall.save_breakers)
    answer: Answer = {
        "moved": [endpoint.name for endpoint in endpoints],
        "data": [describe_breaker(desk, endpoint) for endpoint in endpoints],
    }
    return {**answer, "warnings": warnings} if warnings else answer


_BREAKERS: Final = "/router/circuit-breakers"

ROUTES: Final = (
    Route("GET", _BREAKERS, read_breakers, Permission.READ),
    Route("POST", _BREAKERS + "/{provider}/force-open", force_open, Permission.CHANGE),
    Route("POST", _BREAKERS + "/{provider}/reset", reset_breakers, Permission.CHANGE),
)
