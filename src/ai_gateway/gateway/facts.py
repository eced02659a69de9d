"""What rules may know of a request on the line: policy/request_facts.py over its caller's limits as they stand."""

from functools import partial

from ai_gateway.domain.config import Course
from ai_gateway.domain.traffic import Call, Charge
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.doors import Doors
from ai_gateway.policy.quotas import legs_of
from ai_gateway.policy.request_facts import RequestFacts
from ai_gateway.runtime.cells import percent_used


def facts_of(doors: Doors, admitted: Admitted, call: Call, course: Course) -> RequestFacts:
    caller = admitted.caller
    look = partial(_used_percent, doors, admitted, call.head.received_wall) if caller.limits else None
    return RequestFacts(call, course, caller.tenant, caller, look)


def _used_percent(doors: Doors, admitted: Admitted, at: float) -> int:
    caller = admitted.caller
    nothing = Charge(
        legs=caller.legs or legs_of(caller),
        worst_nano=0,
        at=at,
        limits=caller.limits,
        zone=caller.tenant.zone,
        revision=admitted.snapshot.revision,
    )
    return max((percent_used(cell) for cell in doors.meters.cells_for(nothing)), default=0)
