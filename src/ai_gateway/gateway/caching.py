"""Routes that give an answer again to who asks exactly the same. It lies behind the gate, the budgets and the holds,
where every request passes, so an exhausted key is refused whatever is in memory; a hit is a row of the ledger that
says so, and costs the share that the route names of what the answer cost when a provider gave it.

An answer is found by all that it depends on: tenant, revision of the configuration, route, operation, the caller's
headers that go to providers, and the whole body after the route's rules. Errors and answers that broke off are never
kept.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import CacheSettings
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.gateway import dispatch
from ai_gateway.gateway.client import Client, Message
from ai_gateway.gateway.dispatch import Carried
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.own_headers import is_limited, limit_headers
from ai_gateway.gateway.receipts import Attempt, draft_receipt
from ai_gateway.gateway.recording import Recording
from ai_gateway.policy import pricing
from ai_gateway.runtime import ids
from ai_gateway.runtime.answer_cache import MOST_BYTES_EACH, CachedAnswer

HIT: Final = ("x-gateway-cache", "hit")
MISS: Final = ("x-gateway-cache", "miss")
_encode: Final = msgspec.json.Encoder().encode


async def carry_cached(doors: Doors, journey: Journey, client: Client, settings: CacheSettings) -> Carried:
    """As `dispatch.carry`, which is asked where no answer is known."""
    tenant_id = journey.admitted.caller.tenant.id
    name = name_of(doors, journey)
    known = doors.answers.find(name, tenant_id, doors.clock.now())
    if known is not None:
        return await _give_again(doors, journey, client, _receipt(doors, journey, known, settings), known)
    client.say_besides(MISS)
    recording = Recording(MOST_BYTES_EACH)

    async def hear(message: Message) -> None:
        recording.hear(message)

    client.overhear(hear)
    carried = await dispatch.carry(doors, journey, client)
    body = recording.body
    is_asked_for = journey.funded.clamped is None and journey.funded.steps is None  # not one that was cut to a budget
    is_good = is_asked_for and carried.fault is None and recording.is_whole and recording.status == 200
    if is_good and body is not None and carried.receipts[-1].outcome is Outcome.OK:
        whose = carried.receipts[-1]
        answer = CachedAnswer(
            tenant_id=tenant_id,
            until=doors.clock.now() + settings.ttl_seconds,
            headers=recording.headers,
            body=body,
            endpoint=whose.endpoint,
            provider=whose.provider,
            model=whose.model,
            cost_nano=whose.cost_nano_usd,
            price_version=whose.price_version,
            priced=whose.priced,
        )
        doors.answers.keep(name, answer)
    return carried


def name_of(doors: Doors, journey: Journey) -> bytes:
    admitted, shaped = journey.admitted, journey.shaped
    head = admitted.head
    scope = (admitted.caller.tenant.id, admitted.snapshot.revision, journey.plan.course.name, head.operation)
    ruled = None if shaped.answer is None else shaped.answer.likeness
    return doors.digest_key(_encode((scope, head.query, head.forward, shaped.call.model, shaped.fields, ruled)))


async def _give_again(doors: Doors, journey: Journey, client: Client, receipt: Receipt, known: CachedAnswer) -> Carried:
    """Booked before it is given, like every answer."""
    doors.journal.append(receipt)
    doors.meters.book(journey.hold, receipt.cost_nano_usd)
    if doors.journal.is_strict:
        await doors.journal.safe()
    cost = ("x-gateway-cost-usd", pricing.dollars(receipt.cost_nano_usd))
    limits = limit_headers(doors, journey) if is_limited(journey) else ()
    await client.answer(200, (*known.headers, HIT, cost, *limits), known.body)
    return Carried((receipt,))


def _receipt(doors: Doors, journey: Journey, known: CachedAnswer, settings: CacheSettings) -> Receipt:
    head = journey.admitted.head
    now = doors.clock.now()
    attempt = Attempt(ids.attempt_id(head.request_id, 1), journey.plan.candidates[0], now, doors.clock.wall())
    draft = draft_receipt(journey.admitted, journey.shaped, attempt, journey.hold.day)
    return msgspec.structs.replace(
        draft.orphan,
        endpoint=known.endpoint,
        provider=known.provider,
        model=known.model,
        usage=Usage(),
        cost_nano_usd=pricing.share_nano(known.cost_nano, settings.hit_price_percent),
        priced=known.priced or not settings.hit_price_percent,
        price_version=known.price_version if settings.hit_price_percent else None,
        outcome=Outcome.OK,
        estimated=False,
        total_ms=round((now - head.received) * 1000, 3),
        cached=True,
    )
