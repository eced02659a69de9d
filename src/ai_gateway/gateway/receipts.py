"""One attempt becomes one Receipt: what it used, what that costs, and how it ended.

A provider that reported usage is believed; 0 is a report. Where it reported none although it had begun to answer (cut,
cancelled, or a server that never says), the receipt is an estimate and says so: four bytes a token, a token an event.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.domain.config import Candidate, Price
from ai_gateway.domain.faults import Category, Fault
from ai_gateway.domain.traffic import Outcome, Receipt, Shaped
from ai_gateway.gateway.admission import Admitted
from ai_gateway.policy import pricing

BYTES_PER_TOKEN = 4
_OK: Final = Outcome.OK
_COUNT_TOKENS: Final = Operation.COUNT_TOKENS
_ORPHAN: Final = Outcome.ORPHAN
_CALLERS_FAULT = frozenset(
    {Category.INVALID_REQUEST, Category.CONTEXT_LENGTH, Category.CONTENT_FILTER, Category.NOT_FOUND}
)


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One call to one endpoint. `started` monotonic, `started_wall` Unix seconds."""

    id: str
    candidate: Candidate
    started: float
    started_wall: float


class Measured(msgspec.Struct, frozen=True, gc=False):
    """How an attempt ended. `usage` None: nothing was reported; `delivered_tokens` is then the estimate's output, or
    None where the provider never began to answer and nothing is owed. `left_with`: what the caller had of it when he
    left, if he did."""

    outcome: Outcome
    ended: float
    usage: Usage | None = None
    first_byte: float | None = None
    delivered_tokens: int | None = None
    left_with: int | None = None


def outcome_of(fault: Fault) -> Outcome:
    if fault.category in _CALLERS_FAULT:
        return Outcome.CLIENT_ERROR
    return Outcome.TIMEOUT if fault.category is Category.TIMEOUT else Outcome.PROVIDER_ERROR


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What an attempt's receipt says whatever happens: the orphan is what is booked for an attempt that is sent and of
    which nothing is ever heard again (its input, flagged); `price` is the one in force when it was sent."""

    orphan: Receipt
    price: Price | None


def draft_receipt(admitted: Admitted, shaped: Shaped, attempt: Attempt, day: int) -> Draft:
    """`day` is the hold's."""
    head, caller, candidate = admitted.head, admitted.caller, attempt.candidate
    endpoint = candidate.endpoint
    price = pricing.find_price(
        caller.tenant.prices, admitted.snapshot.book, endpoint, candidate.model, attempt.started_wall
    )
    free = head.operation is _COUNT_TOKENS
    usage = Usage() if free else Usage(-(-shaped.call.body_bytes // BYTES_PER_TOKEN))
    orphan = Receipt(  # by place, which is half of what 28 names cost
        head.request_id,
        attempt.id,
        caller.tenant.id,
        caller.key.id,
        shaped.named or shaped.call.model,
        candidate.model,
        endpoint.name,
        endpoint.provider,
        usage,
        0 if free or price is None else pricing.cost_nano(price, usage),
        free or price is not None,  # priced
        None if price is None else price.version,
        endpoint.ownership,
        _ORPHAN,
        True,  # estimated
        attempt.started_wall,
        None,  # ttft_ms
        0.0,  # total_ms
        head.operation,
        admitted.snapshot.revision,
        shaped.route,
        caller.team_id,
        caller.department_id,
        caller.user_id,
        "charge",
        head.client_request_id,
        day,
    )
    return Draft(orphan, price)


def write_receipt(draft: Draft, attempt: Attempt, measured: Measured) -> Receipt:
    orphan, price = draft.orphan, draft.price
    usage, estimated = _usage(orphan, measured)
    first_byte, left_with = measured.first_byte, measured.left_with
    return msgspec.structs.replace(
        orphan,
        usage=usage,
        cost_nano_usd=0 if price is None or orphan.operation is _COUNT_TOKENS else pricing.cost_nano(price, usage),
        outcome=measured.outcome,
        estimated=estimated,
        ttft_ms=None if first_byte is None else _ms(first_byte - attempt.started),
        total_ms=round((measured.ended - attempt.started) * 1000, 3),
        delivered_tokens=None if left_with is None else min(left_with, usage.output_tokens),
    )


def _usage(orphan: Receipt, measured: Measured) -> tuple[Usage, bool]:
    if measured.usage is not None:
        return _raised(measured.usage, measured)
    if measured.delivered_tokens is None or orphan.operation is _COUNT_TOKENS:
        return Usage(), False
    return Usage(input_tokens=orphan.usage.input_tokens, output_tokens=measured.delivered_tokens), True


def _raised(reported: Usage, measured: Measured) -> tuple[Usage, bool]:
    """A report is believed. Of a stream that was cut before its last report (Anthropic tells the input at the start
    and the output at the end) it is a floor, which what was delivered raises."""
    delivered = measured.delivered_tokens or 0
    if measured.outcome is _OK or reported.output_tokens >= delivered:
        return reported, False
    return msgspec.structs.replace(reported, output_tokens=delivered), True


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
