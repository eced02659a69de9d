"""Asks an endpoint's model for one word, where its tenant wants to know more than a free question can tell: a list of
models may be served while every model is down.

It is a request like any other in the two ways that matter. It is written to the journal before it is sent and has its
receipt when it ends, so that it is in the ledger and in the tenant's spending whatever happens to this process; and
what was refused for want of budget is not asked. It has no key, because nobody sent it: the ledger says `health-check`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Final, final

import msgspec

from ai_gateway.domain.budgets import Limits
from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.domain.config import Endpoint, Price, PriceBook, ProviderType
from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Call, Charge, Head, Hold, Outcome, Receipt, Shaped
from ai_gateway.policy import pricing
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers import Codec, ProviderKind, codec_for
from ai_gateway.runtime import ids
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.credentials import NO_TOKENS, Tokens, needs_token, sign
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.probe import MOST_BYTES, SECONDS, Checked, fault_on_the_wire
from ai_gateway.runtime.shortages import fault_of
from ai_gateway.runtime.upstream import Outgoing, TooSlow, Upstream, UpstreamError

KEY_ID: Final = "health-check"
MOST_OUTPUT: Final = 16
"""Tokens. Less is refused by models that think before they speak."""
INPUT_TOKENS: Final = 8
"""What the question costs at most, where the provider does not say."""

_QUESTION: Final = msgspec.Raw(b'[{"role":"user","content":"Say OK."}]')


class Prices(msgspec.Struct, frozen=True):
    """The price books that hold for a tenant now, the configuration's revision that they are of, and what the tenant
    may spend, in the days of its zone."""

    own: PriceBook
    book: PriceBook
    revision: int
    limits: Limits = ()
    zone: tzinfo = UTC


class PaidDoors(msgspec.Struct, frozen=True):
    upstream: Upstream
    clock: Clock
    journal: Journal
    meters: Meters
    kinds: Mapping[ProviderType, ProviderKind]
    prices: Callable[[str], Prices]
    tokens: Tokens = NO_TOKENS


@final
class PaidProbe:
    def __init__(self, doors: PaidDoors) -> None:
        self._doors = doors

    async def check(self, endpoint: Endpoint, model: str) -> Checked:
        """What the model answered, or why it did not. Never raises a Fault."""
        clock = self._doors.clock
        request_id = ids.request_id(clock.wall())
        started, wall = clock.now(), clock.wall()
        status: int | None = None
        try:
            codec, shaped = self._question(endpoint, model, request_id, started, wall)
            prices = self._doors.prices(endpoint.tenant_id)
            orphan, price = self._orphan(endpoint, model, shaped, wall, prices)
            hold = self._hold(prices, orphan, wall)
            orphan = msgspec.structs.replace(orphan, day=hold.day)
        except Fault as refused:
            return Checked(status=None, latency_ms=0.0, fault=refused)
        outcome, usage, fault = Outcome.CUT, Usage(), None
        try:
            self._doors.journal.hold(orphan, wall, orphan.cost_nano_usd)
            try:
                status, usage = await self._ask(endpoint, codec, shaped, model)
                outcome = Outcome.OK
            except Fault as refused:
                outcome, fault = Outcome.PROVIDER_ERROR, refused
            except UpstreamError as error:
                outcome = Outcome.TIMEOUT if isinstance(error, TooSlow) else Outcome.PROVIDER_ERROR
                fault = fault_on_the_wire(error)
            finally:
                receipt = self._settle(orphan, price, outcome, usage, (clock.now() - started) * 1000)
                used = receipt.usage.input_tokens + receipt.usage.output_tokens
                self._doors.meters.book(hold, receipt.cost_nano_usd, used)
        except Fault as refused:  # the journal takes nothing more: nothing was sent
            return Checked(status=None, latency_ms=0.0, fault=refused)
        finally:
            self._doors.meters.settle(hold)
        return Checked(status=status, latency_ms=receipt.total_ms, fault=fault, paid=True)

    def _question(
        self, endpoint: Endpoint, model: str, request_id: str, started: float, wall: float
    ) -> tuple[Codec, Shaped]:
        kind = self._doors.kinds[endpoint.provider].of(endpoint)
        operation, dialect = Operation.CHAT, Dialect.OPENAI
        codec = codec_for(kind, dialect, operation)
        if codec is None:
            operation, dialect = Operation.MESSAGES, Dialect.ANTHROPIC
            codec = codec_for(kind, dialect, operation)
        assert codec is not None, "every provider type speaks one of the two"
        most = kind.differences.output_field if dialect is Dialect.OPENAI else "max_tokens"
        fields = {
            "model": msgspec.Raw(msgspec.json.encode(model)),
            "messages": _QUESTION,
            most: msgspec.Raw(str(MOST_OUTPUT).encode()),
        }
        head = Head(request_id=request_id, operation=operation, dialect=dialect, received=started, received_wall=wall)
        return codec, Shaped(Call(head=head, model=model, fields=fields, max_output=MOST_OUTPUT), fields)

    def _hold(self, prices: Prices, orphan: Receipt, wall: float) -> Hold:
        """Raises BudgetExceeded, RateLimited: nobody waits for a check."""
        charge = Charge(
            legs=(("tenant", orphan.tenant_id),),
            worst_nano=orphan.cost_nano_usd,
            worst_tokens=INPUT_TOKENS + MOST_OUTPUT,
            at=wall,
            limits=prices.limits,
            zone=prices.zone,
            revision=prices.revision,
        )
        taken = self._doors.meters.take(orphan.request_id, charge)
        if isinstance(taken, Hold):
            return taken
        raise fault_of(taken, charge)

    def _orphan(
        self, endpoint: Endpoint, model: str, shaped: Shaped, wall: float, prices: Prices
    ) -> tuple[Receipt, Price | None]:
        """What is booked if nothing is heard of it again: all that it may cost."""
        price = pricing.find_price(prices.own, prices.book, endpoint, model, wall)
        usage = Usage(input_tokens=INPUT_TOKENS, output_tokens=MOST_OUTPUT)
        head = shaped.call.head
        receipt = Receipt(
            request_id=head.request_id,
            attempt_id=ids.attempt_id(head.request_id, 1),
            tenant_id=endpoint.tenant_id,
            key_id=KEY_ID,
            requested_model=model,
            model=model,
            endpoint=endpoint.name,
            provider=endpoint.provider,
            usage=usage,
            cost_nano_usd=0 if price is None else pricing.cost_nano(price, usage),
            priced=price is not None,
            price_version=None if price is None else price.version,
            credential=endpoint.ownership,
            outcome=Outcome.ORPHAN,
            estimated=True,
            started_at=wall,
            ttft_ms=None,
            total_ms=0.0,
            operation=head.operation,
            revision=prices.revision,
        )
        return receipt, price

    async def _ask(self, endpoint: Endpoint, codec: Codec, shaped: Shaped, model: str) -> tuple[int, Usage]:
        """Raises Fault, UpstreamError."""
        kind = self._doors.kinds[endpoint.provider].of(endpoint)
        if endpoint.api_key is not None and needs_token(kind, endpoint.api_key):
            await self._doors.tokens.ready(endpoint.api_key, SECONDS)
        encoded = codec.encode(shaped, model)
        request = Outgoing(
            method=encoded.method,
            url=endpoint.base_url,
            path=encoded.path,
            headers=sign(encoded.headers, kind, endpoint, encoded, self._doors.clock, tokens=self._doors.tokens),
            body=encoded.body,
            reach=endpoint.reach,
            connect_seconds=min(endpoint.timeouts.connect, SECONDS),
            head_seconds=SECONDS,
        )
        await self._doors.journal.safe()
        answer = await self._doors.upstream.send(request)
        try:
            body = await answer.read(MOST_BYTES, SECONDS)
        finally:
            answer.close()
        if not 200 <= answer.status < 300:
            raise classify(endpoint.provider, codec.read_error(answer.status, answer.headers, body))
        reading = codec.read_reply(shaped.call.head.operation, body)
        if reading.error is not None:
            raise classify(endpoint.provider, reading.error)
        return answer.status, reading.usage or Usage(input_tokens=INPUT_TOKENS, output_tokens=MOST_OUTPUT)

    def _settle(self, orphan: Receipt, price: Price | None, outcome: Outcome, usage: Usage, total_ms: float) -> Receipt:
        receipt = msgspec.structs.replace(
            orphan,
            usage=usage,
            cost_nano_usd=0 if price is None else pricing.cost_nano(price, usage),
            outcome=outcome,
            estimated=False,
            total_ms=round(total_ms, 3),
        )
        self._doors.journal.append(receipt)
        return receipt
