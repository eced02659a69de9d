"""Idempotency-Keys in this process: who runs now, and the replies that were given last.

The vault decides between processes. What runs here is known here, so the thousand that ask at once for what one of
them has begun are answered without asking it. Only who names a key ever waits for it, and not for long.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, final

import msgspec

from ai_gateway.domain.faults import GatewayFault, InvalidRequest
from ai_gateway.domain.repeats import Claim, Kept, Place, Standing
from ai_gateway.runtime.ports import Replies

ALIVE_SECONDS: Final = 30.0
KEPT_SECONDS: Final = 86_400.0


class RepeatLimits(msgspec.Struct, frozen=True):
    """Seconds to wait for the vault; bytes of one reply that is kept, of the replies that are in memory too, and of
    all in the vault."""

    wait_seconds: float = 0.25
    reply_bytes: int = 4 << 20
    memory_bytes: int = 16 << 20
    vault_bytes: int = 4 << 30


class Turn(msgspec.Struct, frozen=True):
    """It is this request that runs. `rerun_of`: another one had the key and ended without a word, so nobody knows what
    came of it."""

    claim: Claim
    rerun_of: str | None


class _Known(msgspec.Struct, frozen=True):
    print: str
    reply: Kept
    expires: float


@final
class Repeats:
    """`wall` gives Unix seconds. `owner` names this process, anew at every start. `dropped` is told what the vault did
    not take."""

    def __init__(
        self,
        replies: Replies,
        owner: str,
        wall: Callable[[], float],
        dropped: Callable[[str], None],
        limits: RepeatLimits = RepeatLimits(),
    ) -> None:
        self.limits = limits
        self._replies = replies
        self._owner = owner
        self._wall = wall
        self._dropped = dropped
        self._running: dict[Place, Claim] = {}
        self._known: OrderedDict[Place, _Known] = OrderedDict()
        self._known_bytes = 0

    async def begin(self, place: Place, print: str, request_id: str) -> Turn | Kept:
        """This request's turn, or the reply that was given. Raises InvalidRequest (another body: 422; still running:
        409; given and not kept: 409) and GatewayFault (503: the vault does not answer)."""
        now = self._wall()
        running = self._running.get(place)
        if running is not None:
            raise _other_body() if running.print != print else _still_running()
        known = self._known.get(place)
        if known is not None and known.expires >= now:
            if known.print != print:
                raise _other_body()
            return known.reply
        claim = Claim(place, print, request_id, self._owner, now + ALIVE_SECONDS)
        self._running[place] = claim
        is_turn = False
        try:
            standing = await self._ask(claim, now)
            is_turn = (standing.owner, standing.request_id) == (self._owner, request_id) and not standing.finished
        finally:
            if not is_turn:
                del self._running[place]
        return Turn(claim, standing.rerun_of) if is_turn else _reply_in(standing, print)

    async def finish(self, turn: Turn, reply: Kept | None) -> None:
        """Keep what was said, before its last bytes leave. None: it was more than is kept."""
        claim = turn.claim
        expires = self._wall() + KEPT_SECONDS
        if reply is not None:
            self._remember(claim.place, _Known(claim.print, reply, expires))
        try:
            async with asyncio.timeout(self.limits.wait_seconds):
                if not await self._replies.keep(claim, reply, expires):
                    self._dropped("reply_of_another")
        except (TimeoutError, ConnectionError):
            self._dropped("reply")
        finally:
            self._running.pop(claim.place, None)

    async def free(self, turn: Turn) -> None:
        """Nothing was spent: whoever sends the key again is a first one."""
        try:
            async with asyncio.timeout(self.limits.wait_seconds):
                await self._replies.free(turn.claim)
        except (TimeoutError, ConnectionError):
            self._dropped("key")
        finally:
            self._running.pop(turn.claim.place, None)

    def leave(self, turn: Turn) -> None:
        """It ended and nobody can say how: who sends the key again is told so."""
        self._running.pop(turn.claim.place, None)

    async def renew(self) -> None:
        """Say that what runs here is alive, and of nothing else: who was left without a word is not waited for by
        other processes because this one is busy. Raises ConnectionError."""
        if self._running:
            running = [claim.request_id for claim in self._running.values()]
            await self._replies.renew(self._owner, running, self._wall() + ALIVE_SECONDS)

    async def cut(self) -> int:
        """Raises ConnectionError."""
        return await self._replies.cut(self._wall(), self.limits.vault_bytes)

    async def _ask(self, claim: Claim, now: float) -> Standing:
        try:
            async with asyncio.timeout(self.limits.wait_seconds):
                return await self._replies.claim(claim, now)
        except (TimeoutError, ConnectionError) as error:
            raise _vault_is_away() from error

    def _remember(self, place: Place, known: _Known) -> None:
        before = self._known.pop(place, None)
        self._known_bytes += len(known.reply.body) - (0 if before is None else len(before.reply.body))
        self._known[place] = known
        while self._known_bytes > self.limits.memory_bytes:
            _, oldest = self._known.popitem(last=False)
            self._known_bytes -= len(oldest.reply.body)


def _reply_in(standing: Standing, print: str) -> Kept:
    if standing.print != print:
        raise _other_body()
    if not standing.finished:
        raise _still_running()
    if standing.reply is None:
        raise InvalidRequest(
            f"The request with this Idempotency-Key was answered ({standing.request_id}), and its answer was not kept.",
            action="Send a new key to have it run, and paid for, again.",
            code="idempotent_reply_not_kept",
            status=409,
            param="Idempotency-Key",
        )
    return standing.reply


def _other_body() -> InvalidRequest:
    return InvalidRequest(
        "This Idempotency-Key was used with another request.",
        action="Send a new key with a new request, and the same key only with the same body at the same address.",
        code="idempotency_key_reused",
        status=422,
        param="Idempotency-Key",
    )


def _still_running() -> InvalidRequest:
    return InvalidRequest(
        "The request with this Idempotency-Key is still running.",
        action="Send it again in a moment; it is answered with the same reply once that is there.",
        code="idempotency_in_progress",
        status=409,
        param="Idempotency-Key",
        retry_after_seconds=1,
    )


def _vault_is_away() -> GatewayFault:
    return GatewayFault(
        "Whether this Idempotency-Key was used cannot be looked up at the moment; nothing was sent.",
        action="Send it again in a moment with the same key.",
        code="idempotency_unavailable",
        retry_after_seconds=1,
    )
