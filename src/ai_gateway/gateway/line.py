"""The whole journey of a request that a provider answers, on one screen. Values go one way: each step takes the
earlier ones it needs and makes the next.

    head -> admitted -> call -> course -> shaped -> plan -> funded -> carried (attempts, relay, receipts)
"""

from math import inf
from typing import Final

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.config import Course
from ai_gateway.domain.faults import CircuitOpen, Fault, InvalidRequest
from ai_gateway.domain.traffic import Call
from ai_gateway.gateway import dispatch, funding, rate_gate, reading
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.caching import carry_cached
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.counting import count_here
from ai_gateway.gateway.dispatch import Carried
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.flight import Flight, keep_lane
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.pricing_rule import is_money_watched, priced_plan
from ai_gateway.gateway.refused_rows import put_down_refusal
from ai_gateway.gateway.repeating import serve_once
from ai_gateway.gateway.ruling import plain, rule_request
from ai_gateway.gateway.storing import with_conversation
from ai_gateway.policy import access, routing
from ai_gateway.runtime.rates import RateHold

_RESPONSES: Final = Operation.RESPONSES  # a member of an enum is a look-up in Python each time

_COUNT_TOKENS: Final = Operation.COUNT_TOKENS  # a member of an enum is a look-up in Python each time


async def serve(doors: Doors, admitted: Admitted, client: Client) -> Carried:
    """Raises Fault where the request was refused before anything was sent to a provider."""
    head, caller = admitted.head, admitted.caller
    body = await client.read_body(doors.limits.body_bytes)
    call = reading.read_call(head, body, doors.limits.body)
    access.may_use(caller.key, call.model)
    if head.idempotency_key is not None:
        return await serve_once(doors, admitted, body, client, serve)
    del body  # the call has what of it is to be sent, and may last
    if head.operation is _RESPONSES:
        call = await with_conversation(doors, admitted, client, call)
    course = routing.resolve(caller.tenant, call.model)
    is_ruled = course.rules is not None or course.hides_providers
    shaped, course, tally = (
        await rule_request(doors, admitted, client, call, course) if is_ruled else plain(call, course)
    )
    call = shaped.call
    plan = doors.plans.of(caller.tenant.id, course, head.dialect, head.operation)
    if not plan.stages:
        return await _serve_without(client, call, course)
    place: RateHold | None = None
    used = 0
    try:
        worst = plan.worst(caller.tenant.prices, admitted.snapshot.book, head.received_wall)
        if worst.unpriced and is_money_watched(caller.limits):
            plan = priced_plan(doors, admitted, plan)
            worst = plan.worst(caller.tenant.prices, admitted.snapshot.book, head.received_wall)
        deadline = head.received + min(course.total_seconds, head.timeout_seconds or inf)
        queue = caller.tenant.queue if plan.line is None else plan.line[1]
        if caller.rates:
            place = await rate_gate.enter(doors, rate_gate.Turn(caller, call, worst, queue, deadline))
        if caller.limits:
            need = funding.Need(caller, call, worst, admitted.snapshot.revision, queue, deadline)
            funded = funding.fund_at_once(doors, need) or await funding.fund(doors, need)
        else:
            funded = funding.fund_unlimited(doors, caller, call, worst)
        try:
            journey = Journey(admitted, shaped, plan, funded, deadline, place, tally)
            if course.cache is not None:
                return await carry_cached(doors, journey, client, course.cache)
            carried = await dispatch.carry(doors, journey, client)
            keep_lane(doors, client.memory, journey, carried)
            return carried
        finally:
            used = doors.meters.settle(funded.hold)
    except Fault as refusal:
        put_down_refusal(doors, admitted, shaped, plan, refusal)
        raise
    finally:
        if place is not None:
            rate_gate.leave(doors, place, used)


async def land(doors: Doors, flight: Flight, admitted: Admitted, client: Client) -> Carried:
    """The rest of a request that could not end where it began."""
    journey = flight.journey(admitted)
    try:
        return await dispatch.carry(doors, journey, client, flight.sent())
    finally:
        doors.meters.settle(journey.hold)


async def _serve_without(client: Client, call: Call, course: Course) -> Carried:
    """What needs no provider; raises Fault where one is needed."""
    if call.head.operation is _COUNT_TOKENS and any(tier.candidates for tier in course.tiers):
        return await count_here(client, call)
    raise _nobody_can(course, call.head.operation)


def _nobody_can(course: Course, operation: Operation) -> Fault:
    """The name exists and leads to no endpoint that can serve this call: say which of the two reasons it is."""
    if not any(tier.candidates for tier in course.tiers):
        return CircuitOpen(
            f"The model '{course.name[:200]}' has no endpoint that is switched on.",
            action="Ask your gateway administrator to enable an endpoint of this model.",
            code="no_endpoint",
            retry_after_seconds=30,
        )
    return InvalidRequest(
        f"The model '{course.name[:200]}' has no endpoint that does {operation.value}.",
        action="Use a model that has this operation, or ask your gateway administrator for an endpoint that has it.",
        code="operation_not_served",
        param="model",
    )
