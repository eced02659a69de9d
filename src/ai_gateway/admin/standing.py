"""How an endpoint stands right now: the one reading of breakers, checks and operators' words that every answer of the
router shares, so that no two of them can disagree."""

from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.instants import show_instant
from ai_gateway.domain.config import Endpoint, Tenant
from ai_gateway.domain.faults import NotFound
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.policy.health import Source, Verdict
from ai_gateway.runtime.breakers import BreakerView


def tenant_of(desk: Desk) -> Tenant | None:
    """None while the snapshot does not know it yet."""
    tenants = desk.doors.snapshot().tenants
    return next((tenant for tenant_id, tenant in tenants.items() if tenant_id == desk.tenant_id), None)


def endpoints_of(desk: Desk) -> list[Endpoint]:
    """Every endpoint of the tenant that is switched on, by name."""
    tenant = tenant_of(desk)
    return [] if tenant is None else [tenant.endpoints[name] for name in sorted(tenant.endpoints)]


def endpoints_called(desk: Desk, provider: str) -> list[Endpoint]:
    """Those with this name, id or provider type. Raises NotFound that lists what there is."""
    known = endpoints_of(desk)
    found = [it for it in known if provider in (it.name, it.id, it.provider.value)]
    if found:
        return found
    names = sorted({it.name for it in known} | {it.provider.value for it in known})
    raise NotFound(
        "There is no such provider.",
        action=f"Use one of: {', '.join(names)}." if names else "Make a provider config first: POST .../providers.",
        param="provider",
    )


def verdict_of(desk: Desk, endpoint: Endpoint) -> Verdict:
    """An operator's word, else what the breaker and the credential show, else what the checks found."""
    oncall = desk.doors.oncall
    verdict = oncall.healths.verdict(endpoint.id, desk.doors.now())
    if verdict.source is Source.MANUAL:
        return verdict
    breaker = oncall.breakers.view(endpoint.id)
    if breaker.state is State.OPEN or breaker.quarantined:
        return Verdict(
            healthy=False, source=Source.TRAFFIC, reason=_reason(breaker), since=breaker.opened_at or verdict.since
        )
    return verdict


def describe_breaker(desk: Desk, endpoint: Endpoint) -> Answer:
    breaker = desk.doors.oncall.breakers.view(endpoint.id)
    return {
        "provider": endpoint.name,
        "type": str(endpoint.provider),
        "model": None,
        "state": breaker.state.value,
        "failures": breaker.failures,
        "successes": breaker.successes,
        "opened_at": _shown(breaker.opened_at),
        "next_probe_at": _shown(breaker.next_probe_at),
        "forced": breaker.forced,
        "reason": _reason(breaker),
    }


def _reason(breaker: BreakerView) -> str | None:
    """A closed breaker may still not be asked: what rests is said where people look for it."""
    if breaker.reason is not None or breaker.resting_until is None:
        return breaker.reason
    until = show_instant(breaker.resting_until)
    if breaker.quarantined:
        return f"The provider refuses its key; it is tried again at {until}, or when the key is changed."
    return f"The provider limits its rate until {until}."


def _shown(at: float | None) -> str | None:
    return None if at is None else show_instant(at)
