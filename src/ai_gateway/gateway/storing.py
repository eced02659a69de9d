"""Responses that are kept for their tenant: what a conversation goes on from, and what is told of one later.

The id that a caller is told is ours and random; whatever the provider called the answer, it is renamed on its way out.
So the conversation belongs to the tenant and not to one of its accounts: the next turn is sent whole to whoever serves
it, and nobody can name another tenant's.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.faults import InvalidRequest, NotFound
from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.domain.traffic import Call
from ai_gateway.gateway import envelope
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.doors import Doors
from ai_gateway.providers.stored_input import id_of, items_of, listed, output_of, renamed, response_in
from ai_gateway.runtime import ids
from ai_gateway.runtime.stored_responses import StoredResponses

_OK: Final = 200


async def with_conversation(doors: Doors, admitted: Admitted, client: Client, call: Call) -> Call:
    """The call with all that went before it, and its answer kept where it shall be. Raises InvalidRequest, NotFound,
    GatewayFault."""
    fields = call.fields
    if "background" in fields and envelope.read_bool(fields, "background"):
        raise InvalidRequest(
            "Responses are not made in the background here: what they cost would be known only after they were paid.",
            action="Leave 'background' out, or stream the response.",
            code="unsupported_parameter",
            param="background",
        )
    previous = (
        envelope.read_str(fields, "previous_response_id", longest=128) if "previous_response_id" in fields else None
    )
    is_kept = _keeps(doors, admitted) and envelope.read_bool(fields, "store") is not False
    if previous is None and not is_kept:
        return call
    items = items_of(fields.get("input"))
    if previous is not None:
        before = await _find(doors, admitted, previous)
        items = [*items_of(msgspec.Raw(before.input)), *output_of(before.body), *items]
        whole = listed(items)
        added = len(whole) - len(bytes(fields.get("input", msgspec.Raw(b""))))
        rest = {name: raw for name, raw in fields.items() if name != "previous_response_id"}
        call = msgspec.structs.replace(
            call, fields=rest | {"input": msgspec.Raw(whole)}, body_bytes=call.body_bytes + max(0, added)
        )
    if is_kept:
        client.edit(Keeper(doors.responses, admitted.caller.tenant.id, previous, listed(items)))
    return call


@final
class Keeper:
    """Renames one answer on its way to the caller, and keeps it once all of it is there."""

    def __init__(self, stored: StoredResponses, tenant_id: str, previous: str | None, given: bytes) -> None:
        self._stored = stored
        self._tenant_id = tenant_id
        self._previous = previous
        self._given = given
        self._id = ids.response_id()
        self._theirs: str | None = None
        self._seen: tuple[bytes, bytes] = (b"", b"")

    def whole(self, status: int, body: bytes) -> bytes:
        before, told = self._seen
        if body is before or body is told:
            return told
        theirs = id_of(body) if status == _OK else None
        if theirs is None:
            return body
        told = renamed(body, theirs, self._id, self._previous)
        self._seen = (body, told)
        self._keep(told)
        return told

    def first(self, events: bytes) -> bytes:
        response = response_in(events)
        self._theirs = None if response is None else id_of(response)
        return self._renamed(events)

    def last(self, events: bytes) -> bytes:
        if self._theirs is None:
            return events
        told = self._renamed(events)
        response = response_in(told)
        if response is not None and id_of(response) == self._id:
            self._keep(response)
        return told

    def _renamed(self, events: bytes) -> bytes:
        return events if self._theirs is None else renamed(events, self._theirs, self._id, self._previous)

    def _keep(self, response: bytes) -> None:
        self._stored.keep(self._tenant_id, StoredResponse(self._id, response, self._given))


def _keeps(doors: Doors, admitted: Admitted) -> bool:
    return doors.responses.limits.days > 0 and admitted.caller.tenant.stores_responses


async def _find(doors: Doors, admitted: Admitted, response_id: str) -> StoredResponse:
    found = None
    if _keeps(doors, admitted):
        found = await doors.responses.find(admitted.caller.tenant.id, response_id)
    if found is None:
        raise NotFound(
            f"Previous response with id '{response_id}' not found.",
            action="Send the whole conversation as 'input'. A response is kept for a time only, and not at all where "
            "'store' is false or the tenant keeps none.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    return found
