"""External guardrails: what a rule asks over HTTP before text may go on.

A guardrail is somebody's own service and is trusted with the text it is shown, and with nothing else: it sees the
texts, where they come from and which request they are of. It goes through the gateway's own upstream, so it obeys the
rules of egress, and it is waited for as long as its rule says, from the first byte to the last. Whatever it does wrong
(away, slow, another status than 200, an answer that is none) is a RuleError, and the rule's mode decides whether the
text is refused or goes on; what it says is believed.

It is asked with {"version", "phase", "request_id", "tenant_id", "route", "texts", "context", "window", "final"} and
answers {"verdict": "pass" | "block" | "redact", "texts": [...], "reason": "..."}; `texts` with "redact" only, as many
as it was asked about. `reason` is for the decision record.
"""

from enum import StrEnum
from typing import Final, final

import msgspec

from ai_gateway.domain.config import Reach
from ai_gateway.domain.rules import Hook, RuleError
from ai_gateway.domain.traffic import Header
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.upstream import Outgoing, Upstream, UpstreamError

MOST_ANSWER_BYTES: Final = 8 << 20
LONGEST_REASON: Final = 200
_LEAST_SECONDS: Final = 0.001


class Phase(StrEnum):
    """What the texts are of."""

    REQUEST = "request"
    RESPONSE = "response"
    STREAM = "stream"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105  a verdict
    BLOCK = "block"
    REDACT = "redact"


class Inquiry(msgspec.Struct, frozen=True):
    """`window` counts the parts of a stream from 0, `context` is what went before this one (its last characters);
    `final`: nothing follows. A request and a whole answer are one window."""

    phase: Phase
    request_id: str
    tenant_id: str
    route: str
    texts: tuple[str, ...]
    context: str = ""
    window: int = 0
    final: bool = True
    version: int = 1


class Finding(msgspec.Struct, frozen=True):
    verdict: Verdict
    texts: tuple[str, ...] = ()
    reason: str = ""


_DECODER: Final = msgspec.json.Decoder(Finding)


@final
class Guardrails:
    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock

    async def ask(self, hook: Hook, inquiry: Inquiry) -> Finding:
        """Raises RuleError; its text says nothing of the address."""
        until = self._clock.now() + hook.seconds
        url = parse_base_url(hook.url)
        try:
            answer = await self._upstream.send(
                Outgoing(
                    method="POST",
                    url=url,
                    path="",
                    headers=_headers(hook),
                    body=msgspec.json.encode(inquiry),
                    reach=Reach.CHECKED,
                    connect_seconds=hook.seconds,
                    head_seconds=hook.seconds,
                )
            )
            try:
                body = await answer.read(MOST_ANSWER_BYTES, max(_LEAST_SECONDS, until - self._clock.now()))
            finally:
                answer.close()
        except UpstreamError as error:
            raise RuleError(f"the guardrail did not answer ({type(error).__name__})") from None
        if answer.status != 200:
            raise RuleError(f"the guardrail answered with status {answer.status}")
        return _finding(body, len(inquiry.texts))


def _headers(hook: Hook) -> tuple[Header, ...]:
    headers = (("content-type", "application/json"), ("accept", "application/json"), ("accept-encoding", "identity"))
    return headers if hook.key is None else (*headers, ("authorization", f"Bearer {hook.key.reveal()}"))


def _finding(body: bytes, asked: int) -> Finding:
    try:
        found = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise RuleError("the guardrail's answer is none that the gateway knows") from None
    if found.verdict is Verdict.REDACT and len(found.texts) != asked:
        raise RuleError("the guardrail gave back another number of texts than it was asked about")
    reason = "".join(letter if letter.isprintable() else " " for letter in found.reason[:LONGEST_REASON])
    return msgspec.structs.replace(found, reason=reason)
