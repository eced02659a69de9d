"""A request that names an Idempotency-Key runs once; who sends it again is given the same reply.

It runs to its end also when its caller has left: the caller who comes back for it is the one that the header is for.
Its reply is kept before its last bytes leave, so whoever heard the end will hear the same again. What is kept is every
success, and every failure that cost something; a failure that cost nothing frees the key. A request that ended without
a word (the process died) frees it too, once that is known, and the next reply says so: `x-gateway-rerun-of` names the
request whose cost is in the ledger besides.
"""

from collections.abc import Awaitable, Callable
from typing import Final, final

from ai_gateway.domain.faults import Fault
from ai_gateway.domain.repeats import Kept, Place
from ai_gateway.gateway.admission import Admitted, without_idempotency_key
from ai_gateway.gateway.client import Client, Message
from ai_gateway.gateway.dispatch import Carried
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.recording import Recording
from ai_gateway.runtime.repeats import Repeats, Turn

Serve = Callable[[Doors, Admitted, Client], Awaitable[Carried]]

REPLAYED: Final = ("idempotent-replayed", "true")


async def serve_once(doors: Doors, admitted: Admitted, body: bytes, client: Client, serve: Serve) -> Carried:
    """Raises Fault: what `serve` raises, and InvalidRequest or GatewayFault as `Repeats.begin` says."""
    head, tenant_id = admitted.head, admitted.caller.tenant.id
    assert head.idempotency_key is not None, "asked only for requests that name a key"
    place = Place(tenant_id, doors.digest_key(b"idempotency " + head.idempotency_key).hex())
    asked = f"{head.operation}?{head.query}\0".encode()
    print = doors.digest_key(asked + body).hex()
    begun = await doors.repeats.begin(place, print, head.request_id)
    if isinstance(begun, Kept):
        headers = (*begun.headers, REPLAYED, ("x-gateway-replay-of", begun.request_id))
        await client.answer(begun.status, headers, begun.body)
        return Carried()
    if begun.rerun_of is not None:
        client.say_besides(("x-gateway-rerun-of", begun.rerun_of))
    tape = Tape(doors.repeats, begun)
    client.record(tape.hear, body)
    try:
        carried = await serve(doors, without_idempotency_key(admitted), client)
    except Fault:
        await doors.repeats.free(begun)
        raise
    except BaseException:
        doors.repeats.leave(begun)
        raise
    if not tape.is_kept:
        tape.has_cost = any(it.cost_nano_usd for it in carried.receipts)
        if not tape.has_cost:
            await doors.repeats.free(begun)
        elif client.answered:
            doors.repeats.leave(begun)
    return carried


@final
class Tape:
    """Hears what is sent to the caller. With `has_cost` any answer is kept, otherwise only a success."""

    def __init__(self, repeats: Repeats, turn: Turn) -> None:
        self._repeats = repeats
        self._turn = turn
        self._recording = Recording(repeats.limits.reply_bytes)
        self.has_cost = False
        self.is_kept = False

    async def hear(self, message: Message) -> None:
        recording = self._recording
        recording.hear(message)
        if recording.is_whole and (200 <= recording.status < 300 or self.has_cost):
            self.is_kept = True
            await self._repeats.finish(self._turn, self._reply())

    def _reply(self) -> Kept | None:
        recording, body = self._recording, self._recording.body
        if body is None:
            return None
        return Kept(self._turn.claim.request_id, recording.status, recording.headers, body)
