"""Calls an endpoint's free check once, to tell an administrator whether a provider config works: does the address
answer, is the key taken. It costs nothing and goes through the same doors as a request."""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import Endpoint
from ai_gateway.domain.faults import Fault, GatewayFault, ProviderFailed, ProviderTooSlow
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers import ProviderKind, UpstreamRequest
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.credentials import NO_TOKENS, Tokens, needs_token, sign
from ai_gateway.runtime.upstream import EgressRefused, Outgoing, TooSlow, Upstream, UpstreamError

MOST_BYTES: Final = 4 << 20
SECONDS: Final = 10.0


class Checked(msgspec.Struct, frozen=True):
    """`fault` None: the endpoint answered as it should. `status` None: nothing answered. `paid`: the question was one
    that costs, and has its row in the ledger."""

    status: int | None
    latency_ms: float
    fault: Fault | None
    paid: bool = False


@final
class Probe:
    def __init__(self, upstream: Upstream, clock: Clock, tokens: Tokens = NO_TOKENS) -> None:
        self._upstream = upstream
        self._clock = clock
        self._tokens = tokens

    async def check(self, endpoint: Endpoint, kind: ProviderKind) -> Checked:
        started = self._clock.now()
        status: int | None = None
        fault: Fault | None = None
        try:
            status, fault = await self._ask(endpoint, kind)
        except Fault as refused:
            fault = refused
        except UpstreamError as error:
            fault = fault_on_the_wire(error)
        return Checked(status=status, latency_ms=round((self._clock.now() - started) * 1000, 3), fault=fault)

    async def _ask(self, endpoint: Endpoint, kind: ProviderKind) -> tuple[int, Fault | None]:
        kind = kind.of(endpoint)
        codec = next(iter((*kind.codecs.values(), *kind.translated.values())))
        if kind.free_check is None:
            raise GatewayFault("This provider type has no check that costs nothing.", code="no_free_check")
        if endpoint.api_key is not None and needs_token(kind, endpoint.api_key):
            await self._tokens.ready(endpoint.api_key, SECONDS)
        headers = (("accept", "application/json"), ("accept-encoding", "identity"), ("anthropic-version", "2023-06-01"))
        question = UpstreamRequest("GET", kind.free_check, headers)
        answer = await self._upstream.send(
            Outgoing(
                method=question.method,
                url=endpoint.base_url,
                path=question.path,
                headers=sign(headers, kind, endpoint, question, self._clock, tokens=self._tokens),
                body=b"",
                reach=endpoint.reach,
                connect_seconds=min(endpoint.timeouts.connect, SECONDS),
                head_seconds=SECONDS,
            )
        )
        try:
            body = await answer.read(MOST_BYTES, SECONDS)
        finally:
            answer.close()
        if 200 <= answer.status < 300:
            return answer.status, None
        error: ProviderError = codec.read_error(answer.status, answer.headers, body)
        return answer.status, classify(endpoint.provider, error)


def fault_on_the_wire(error: UpstreamError) -> Fault:
    """What an administrator is told of a question that got no answer."""
    detail = str(error)
    if isinstance(error, TooSlow):
        return ProviderTooSlow(detail=detail)
    if isinstance(error, EgressRefused):
        return ProviderFailed(
            "The address that is configured for this AI provider may not be called.",
            code="egress_denied",
            detail=detail,
        )
    return ProviderFailed(
        "The AI provider cannot be reached at its address.", code="provider_unreachable", detail=detail
    )
