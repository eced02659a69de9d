"""Where money is watched, nobody is asked whose price nobody knows: a budget that cannot see a cost is none."""

from ai_gateway.domain.budgets import Limits, Unit
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.doors import Doors
from ai_gateway.policy.unpriced import price_unknown, priced_only
from ai_gateway.runtime.plans import Plan


def is_money_watched(limits: Limits) -> bool:
    """Limits of tokens and requests count what they count, whatever it costs."""
    return any(limit.unit is Unit.USD for limit in limits)


def priced_plan(doors: Doors, admitted: Admitted, plan: Plan) -> Plan:
    """The plan without the candidates that have no price. Raises InvalidRequest (`price_unknown`) if none remains."""
    head, tenant = admitted.head, admitted.caller.tenant
    course = priced_only(plan.course, tenant.prices, admitted.snapshot.book, head.received_wall)
    known_as = course.name if course is plan.course else f"{course.name} (priced)"
    priced = doors.plans.of(tenant.id, course, head.dialect, head.operation, known_as)
    if not priced.stages:
        raise price_unknown(plan.course.name)
    return priced
