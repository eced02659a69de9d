"""One attempt, from the place that was taken for it to its receipt: encode, sign, send, relay, book.

However it ends, also when its task is cancelled, it ends in exactly one receipt, which is in the journal before the
caller sees the end, and in exactly one word to the endpoint's breaker. What the caller is told of a failure is not
decided here: another attempt may make up for it.
"""

import asyncio
from typing import Final, final

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import FailedAttempts, OnDisconnect
from ai_gateway.domain.faults import (
    Blocked,
    Fault,
    ProviderFailed,
    RateLimited,
    RuleFailed,
)
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.gateway import relay
from ai_gateway.gateway.attempt_faults import differs, draining, fault_on_the_wire, outcome_on_the_wire
from ai_gateway.gateway.client import Client, Interruption, lines_of
from ai_gateway.gateway.continuing import Rescue
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.failed_attempts import owes_estimate
from ai_gateway.gateway.growing import grow_by_steps
from ai_gateway.gateway.guarding import guard_of_stream, guard_whole
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.marks import Marks
from ai_gateway.gateway.own_headers import gateway_headers, gateway_lines
from ai_gateway.gateway.purse import Purse
from ai_gateway.gateway.receipts import (
    BYTES_PER_TOKEN,
    Attempt,
    Measured,
    draft_receipt,
    outcome_of,
    write_receipt,
)
from ai_gateway.gateway.relay import Diverged
from ai_gateway.gateway.ruling import codec_under
from ai_gateway.gateway.sent import Sent
from ai_gateway.gateway.world import Taken
from ai_gateway.policy import pricing
from ai_gateway.policy.discretion import freed, loggable
from ai_gateway.policy.error_handler import classify
from ai_gateway.policy.quotations import unquoted
from ai_gateway.providers.continuation import Continuation
from ai_gateway.providers.output_caps import capped
from ai_gateway.providers.short_end import Bill
from ai_gateway.runtime import ids
from ai_gateway.runtime.entries import Progress
from ai_gateway.runtime.tracing import next_span
from ai_gateway.runtime.upstream import Answer, Outgoing, TooSlow, UpstreamError

SHORTEST_SECONDS = 0.001
_OK: Final = Outcome.OK  # a member of an enum is a look-up in Python each time


@final
class Trial:
    """`rescue` remembers what a stream delivered; with a `continuation` this attempt brings the rest of an answer that
    the caller has a part of; with `sent` it was begun elsewhere. `diverged`: it brought another answer instead.
    `dropped`: what of the request the provider's API could not say and the route leaves out."""

    def __init__(
        self,
        doors: Doors,
        journey: Journey,
        client: Client,
        taken: Taken,
        number: int,
        *,
        rescue: Rescue | None = None,
        continuation: Continuation | None = None,
        sent: Sent | None = None,
    ) -> None:
        self.member = member = taken.member
        candidate, head = member.candidate, journey.admitted.head
        self._now = doors.clock.now
        self._doors = doors
        self._journey = journey
        self._client = client
        self._taken = taken
        self._number = number
        self._rescue = rescue
        self._continuation = continuation
        self._shaped = shaped = journey.shaped if continuation is None else continuation.shaped
        rules = shaped.answer
        self._codec = member.codec if rules is None else codec_under(rules, member, shaped.call.head.operation)
        self._timeouts = timeouts = candidate.timeouts or candidate.endpoint.timeouts
        self._sent = sent
        if sent is None:
            attempt_id = ids.attempt_id(head.request_id, number)
            self._attempt = attempt = Attempt(attempt_id, candidate, taken.at, doors.clock.wall())
            self._draft = draft_receipt(journey.admitted, shaped, attempt, journey.funded.hold.day)
        else:
            self._attempt, self._draft = sent.attempt, sent.draft
        self._ends = min(head.received + timeouts.total, journey.deadline)
        self._streaming: relay.Streaming | None = None
        self._purse: Purse | None = None
        self.diverged = False
        self.dropped: tuple[str, ...] = ()
        self._delivered: int | None = None
        self._owes_estimate = False
        self._first_byte: float | None = None
        self._receipt: Receipt | None = None
        self._is_sent = False

    @property
    def is_late(self) -> bool:
        """The time of a request at this endpoint was over before it could be asked."""
        return self._attempt.started >= self._ends

    def hold(self) -> None:
        """Into the journal, before anybody is asked anything. Raises GatewayFault where it cannot be written."""
        charge = self._journey.hold.charge
        self._doors.journal.hold(self._draft.orphan, charge.at, charge.worst_nano)

    async def run(self) -> Fault | None:
        """None where the caller has the whole answer, or has left."""
        answer: Answer | None = None
        try:
            answer = await (self._ask() if self._sent is None else self._go_on(self._sent))
            if self._shaped.call.stream and relay.is_stream(answer):
                streaming = await self._begin(answer)
                await streaming.carry(self._client, self._stream_headers(answer), self._book_success)
            else:
                await self._whole(answer)
        except (Blocked, RuleFailed) as refusal:
            self._leave(Outcome.CANCELLED)
            return refusal
        except Fault as fault:
            if answer is not None and isinstance(fault, RateLimited):
                self.member.throttle.refused(answer.headers, self._now(), fault.retry_after_seconds)
            self._owes_estimate = owes_estimate(self._failed_attempts, answer)
            is_cut = fault.code == relay.CUT_CODE and self._client.committed
            return self._fail(fault, Outcome.CUT if is_cut else outcome_of(fault))
        except UpstreamError as error:
            self._owes_estimate = owes_estimate(self._failed_attempts, answer, error)
            if isinstance(error, TooSlow) and self._is_callers_time_over():
                self._leave(Outcome.TIMEOUT)
                return self._fault_of(error)
            return self._fail(self._fault_of(error), outcome_on_the_wire(error, self._client))
        except Diverged:
            self.diverged = True
            self._leave(Outcome.CANCELLED)
            return differs()
        except asyncio.CancelledError:
            return await self._interrupted(answer)
        finally:
            if answer is not None:
                answer.close()
            if self._receipt is None:  # a fault of our own, on its way to the edge
                self._leave(Outcome.CUT)
            self._streaming = None  # it knows this attempt, for its deadlines and marks: no ring is left behind
        return None

    async def _ask(self) -> Answer:
        key = self.member.signer.awaited
        if key is not None:
            await self._doors.tokens.ready(key, self.left())
        outgoing = self._outgoing()
        if self._doors.journal.is_strict:
            await self._doors.journal.safe()
        self._is_sent = True
        return await self._doors.upstream.send(outgoing)

    async def _go_on(self, sent: Sent) -> Answer:
        """Whatever has happened to it in the meantime happens here."""
        answer = sent.answer
        self._is_sent = answer is not None
        try:
            if self._client.interruption is not None:
                raise asyncio.CancelledError
            if answer is None:
                return await self._ask()
            await answer.head(self._at_most(self._remaining(self._timeouts.response)))
        except BaseException:
            if answer is not None:
                answer.close()
            raise
        return answer

    def _is_callers_time_over(self) -> bool:
        """Whoever waits less than an endpoint may take has not shown that it is slow."""
        head = self._journey.admitted.head
        return head.timeout_seconds is not None and self._now() >= head.received + head.timeout_seconds

    def receipt(self) -> Receipt:
        assert self._receipt is not None, "every attempt ends in a receipt"
        return self._receipt

    def _outgoing(self) -> Outgoing:
        endpoint = self._attempt.candidate.endpoint
        timeouts, shaped = self._timeouts, self._shaped
        if self._journey.admitted.caller.limits:
            shaped = capped(shaped, self._attempt.candidate, self._journey.funded.clamped)
        encoded = self._codec.encode(shaped, self._attempt.candidate.model)
        self.dropped = encoded.dropped
        call, headers = shaped.call, encoded.headers
        if call.head.traceparent is not None:
            headers = (*headers, ("traceparent", next_span(call.head.traceparent, self._attempt.id)))
        waits = timeouts.first_token if call.stream else timeouts.response
        return Outgoing(  # by place, which is half of what names cost
            encoded.method,
            endpoint.base_url,
            encoded.path,
            self.member.signer.sign(headers, encoded, self._doors.clock, self._doors.tokens),
            encoded.body,
            endpoint.reach,
            min(timeouts.connect, self.left()),
            self._at_most(self._remaining(waits)),
        )

    async def _whole(self, answer: Answer) -> None:
        call = self._shaped.call
        body = await answer.read(
            self._doors.limits.answer_bytes, self._at_most(self._remaining(self._timeouts.response))
        )
        reading = relay.judge_whole(answer, body, self._codec, self._shaped, self._classify)
        usage = reading.usage
        body = body if reading.body is None else reading.body
        self._hear(answer)
        if call.stream:
            fault = ProviderFailed("The AI provider does not stream this model.", code="provider_not_streaming")
            unread = len(body) // BYTES_PER_TOKEN if owes_estimate(self._failed_attempts, answer) else None
            self._close(Measured(Outcome.PROVIDER_ERROR, self._now(), usage, delivered_tokens=unread), fault)
            raise fault
        delivered = self._at_most_asked(len(body) // BYTES_PER_TOKEN)
        blocked = reading.blocked
        if self._shaped.answer is not None and blocked is None:
            body, blocked = await guard_whole(self._doors, self._journey, self._shaped.answer, body)
        receipt = self._close(Measured(_OK, self._now(), usage, delivered_tokens=delivered))
        if blocked is not None:
            raise blocked
        if self._doors.journal.is_strict:
            await self._doors.journal.safe()
        cost = pricing.dollars(receipt.cost_nano_usd) if self._number == 1 else self._request_cost()
        passed = self._passed_lines(answer)
        own = gateway_lines(self._doors, self._journey, self._attempt, self._number)
        lines = None if passed is None or own is None else f"{passed}{own}x-gateway-cost-usd: {cost}\r\n"
        if self.dropped and lines is not None:
            lines += f"x-gateway-dropped: {', '.join(self.dropped)}\r\n"
        if not self._client.answer_lines(200, lines, body):
            headers = (*self._passed(answer), *self._headers(), ("x-gateway-cost-usd", cost))
            await self._client.answer(200, headers, body)

    async def _begin(self, answer: Answer) -> relay.Streaming:
        marks = Marks(self._doors.clock, self._mark)
        streaming = self._streaming = relay.Streaming(
            answer,
            self._codec,
            self._shaped,
            self._classify,
            self,
            marks=marks,
            delivered=None if self._rescue is None else self._rescue.delivered,
            continuation=self._continuation,
            purse=self._open_purse(),
            guard=guard_of_stream(self._doors, self._journey),
        )
        await streaming.begin()
        self._first_byte = self._now()
        self._hear(answer)
        return streaming

    # The deadlines of a stream

    def first(self) -> float:
        return self._at_most(self._remaining(self._timeouts.first_token))

    def between(self) -> float:
        return self._at_most(self._timeouts.between_tokens)

    def left(self) -> float:
        """Seconds until the whole request must be over."""
        return max(SHORTEST_SECONDS, self._ends - self._now())

    def _open_purse(self) -> Purse | None:
        """Where the hold covers a step only."""
        steps = self._journey.funded.steps
        if steps is None:
            return None
        self._purse = Purse(steps, grow_by_steps(self._doors, self._journey.hold))
        return self._purse

    async def _book_success(self) -> None:
        """Where the end is ours, what the provider reported by then is no report of the whole."""
        if self._receipt is None:
            assert self._streaming is not None
            if self._purse is not None and self._streaming.is_cut_short:
                used = self._close(self._measured(Outcome.CANCELLED)).usage
                self._purse.bill = Bill(used.input_tokens, used.output_tokens, self._request_cost())
            else:
                self._close(self._measured(_OK))
        await self._doors.journal.safe()

    def _mark(self) -> None:
        """How far the stream has come: the floor of what is booked if this process ends now."""
        measured = self._measured(Outcome.ORPHAN)
        so_far = write_receipt(self._draft, self._attempt, measured)
        usage = so_far.usage
        self._doors.journal.progress(
            Progress(
                request_id=so_far.request_id,
                attempt_id=so_far.attempt_id,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost_nano=so_far.cost_nano_usd,
                total_ms=so_far.total_ms,
            )
        )

    def _passed(self, answer: Answer) -> list[tuple[str, str]]:
        """A translated answer has other bytes, and other limits than those of its dialect were told; and all of them
        tell whose they are."""
        if self._codec.translates:
            return [relay.JSON]
        if self._client.hides_providers:
            return relay.neutral_headers(answer)
        return self._without_rates(relay.passed_headers(answer))

    def _passed_lines(self, answer: Answer) -> str | None:
        """The same as header lines; None where one would break. What comes again is looked at once."""
        if self._journey.place is not None or self._client.hides_providers or self._codec is not self.member.codec:
            return lines_of(self._passed(answer))
        return relay.passed_lines(self.member, answer.headers)

    def _stream_headers(self, answer: Answer) -> tuple[tuple[str, str], ...]:
        if self._codec.translates or self._client.hides_providers:
            passed = [relay.EVENT_STREAM]
        else:
            passed = self._without_rates(relay.stream_headers(answer))
        return (*passed, ("cache-control", "no-cache"), *self._headers())

    def _without_rates(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """A caller with rates is told his own, and not those of an account that he shares."""
        if self._journey.place is None:
            return headers
        return [it for it in headers if not it[0].startswith(relay.PASSED_PREFIXES)]

    def _hear(self, answer: Answer) -> None:
        """The provider has answered: how soon, and what it says of its rate limits."""
        now = self._now()
        self._taken.answered(now)
        limits = self.member.throttle.limits
        if limits is not None:
            limits.hear(answer.headers, now)

    def _fail(self, fault: Fault, outcome: Outcome) -> Fault:
        if self._receipt is None:
            self._close(self._measured(outcome), fault)
        return fault

    def _leave(self, outcome: Outcome) -> None:
        """Book an end that says nothing of the endpoint."""
        if self._receipt is None:
            self._close(self._measured(outcome))

    async def _interrupted(self, answer: Answer | None) -> Fault | None:
        why = self._client.take_interruption()
        if why is Interruption.LEFT and self._streaming is not None and self._first_byte is not None:
            self._delivered = self._streaming.delivered_events
            if answer is not None and self._journey.plan.course.on_disconnect is OnDisconnect.DRAIN:
                await self._doors.leftovers.hear_out(self._streaming, answer, self._doors.clock)
        self._leave(Outcome.CANCELLED if why is Interruption.LEFT else Outcome.CUT)
        if why is None:
            raise asyncio.CancelledError
        return None if why is Interruption.LEFT else draining()

    def _measured(self, outcome: Outcome) -> Measured:
        """What a stream used so far; nothing where the provider had not begun to answer."""
        streaming = self._streaming
        is_heard = self._first_byte is not None or self._continuation is not None
        delivered = streaming.delivered_events if streaming is not None and is_heard else None
        if delivered is None and self._is_sent and (outcome is Outcome.CANCELLED or self._owes_estimate):
            delivered = 0
        usage = None if streaming is None else streaming.usage
        if self._delivered is not None and streaming is not None and streaming.is_over and usage is not None:
            delivered = None  # he left, and the provider's last word was heard: it is believed
        if delivered is not None:
            delivered = self._at_most_asked(delivered)
        return Measured(outcome, self._now(), usage, self._first_byte, delivered, self._delivered)

    def _at_most_asked(self, tokens: int) -> int:
        """An estimate is never more than what was held for it: an event is not always a token."""
        journey = self._journey
        call = journey.shaped.call
        if journey.funded.steps is not None or (call.max_output is None and not journey.admitted.caller.limits):
            return tokens
        return min(tokens, journey.hold.charge.worst_tokens - call.body_bytes)

    def _close(self, measured: Measured, fault: Fault | None = None) -> Receipt:
        """The one place where an attempt's receipt comes from. `fault`: what the endpoint did wrong."""
        receipt = write_receipt(self._draft, self._attempt, measured)
        self._receipt = receipt
        self._doors.journal.append(receipt)
        usage = receipt.usage
        used = usage.input_tokens + usage.output_tokens
        self._doors.meters.book(self._journey.hold, receipt.cost_nano_usd, used)
        if measured.outcome is _OK:
            self._taken.succeed(measured.ended, receipt.total_ms, receipt.ttft_ms, used)
        elif fault is None:
            self._taken.leave(measured.ended, used)
        else:
            self._taken.fail(fault, measured.ended, used, blames=measured.outcome is not Outcome.CLIENT_ERROR)
        return receipt

    @property
    def _failed_attempts(self) -> FailedAttempts:
        return self._journey.admitted.caller.tenant.failed_attempts

    def _request_cost(self) -> str:
        """In dollars: this attempt and those before it."""
        return pricing.dollars(self._doors.meters.booked(self._journey.hold)[0])

    def _classify(self, error: ProviderError) -> Fault:
        endpoint = self._attempt.candidate.endpoint
        return classify(endpoint.provider, unquoted(freed(error, endpoint), self._shaped))

    def _fault_of(self, error: UpstreamError) -> Fault:
        return fault_on_the_wire(error, loggable(f"{type(error).__name__}: {error}", self._attempt.candidate.endpoint))

    def _headers(self) -> tuple[tuple[str, str], ...]:
        headers = gateway_headers(self._doors, self._journey, self._attempt, self._number)
        return (*headers, ("x-gateway-dropped", ", ".join(self.dropped))) if self.dropped else headers

    def _remaining(self, seconds: float | None) -> float | None:
        """What is left of a time that began with the attempt: a comment every second is not a first token."""
        return None if seconds is None else max(SHORTEST_SECONDS, self._attempt.started + seconds - self._now())

    def _at_most(self, seconds: float | None) -> float:
        return self.left() if seconds is None else min(seconds, self.left())
