"""What is told of responses that were kept: GET and DELETE /v1/responses/{id}, and what its model was told.

Whoever has the id may read it within its tenant; a response of another tenant does not exist. Both wait for the vault
at most a moment.
"""

from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from ai_gateway.domain.faults import InvalidRequest, NotFound
from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.answers import JSON
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.dispatch import Carried
from ai_gateway.gateway.doors import Doors
from ai_gateway.providers.stored_input import shown

MOST_ITEMS: Final = 100
USUAL_ITEMS: Final = 20
_INPUT: Final = "/input_items"


async def show_response(doors: Doors, admitted: Admitted, client: Client) -> Carried:
    """GET /v1/responses/{id} and /v1/responses/{id}/input_items."""
    target = admitted.head.target_id or ""
    query = parse_qs(admitted.head.query)
    if target.endswith(_INPUT):
        stored = await _find(doors, admitted, target.removesuffix(_INPUT))
        body = msgspec.json.encode(_page(shown(stored.input, stored.id), query))
    else:
        stored = await _find(doors, admitted, target)
        if query.get("stream", ["false"])[0] == "true":
            raise InvalidRequest("A stored response is not streamed again.", code="not_streamable", param="stream")
        body = stored.body
    await client.answer(200, (JSON,), body)
    return Carried()


async def delete_response(doors: Doors, admitted: Admitted, client: Client) -> Carried:
    """DELETE /v1/responses/{id}: what went on from it stays whole."""
    response_id = admitted.head.target_id or ""
    if not await doors.responses.forget(admitted.caller.tenant.id, response_id):
        raise _missing(response_id)
    said = {"id": response_id, "object": "response", "deleted": True}
    await client.answer(200, (JSON,), msgspec.json.encode(said))
    return Carried()


async def _find(doors: Doors, admitted: Admitted, response_id: str) -> StoredResponse:
    found = await doors.responses.find(admitted.caller.tenant.id, response_id)
    if found is None:
        raise _missing(response_id)
    return found


def _page(items: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
    """Newest first, as the API has it, unless `order=asc`."""
    order = query.get("order", ["desc"])[0]
    listed = items if order == "asc" else items[::-1]
    after = query.get("after", [""])[0]
    if after:
        names = [item["id"] for item in listed]
        listed = listed[names.index(after) + 1 :] if after in names else []
    most = _limit(query.get("limit", [str(USUAL_ITEMS)])[0])
    data = listed[:most]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(data) < len(listed),
    }


def _limit(text: str) -> int:
    if not (text.isdecimal() and len(text) <= len(str(MOST_ITEMS)) and 1 <= int(text) <= MOST_ITEMS):
        raise InvalidRequest(f"'limit' is a number from 1 to {MOST_ITEMS}.", param="limit")
    return int(text)


def _missing(response_id: str) -> NotFound:
    return NotFound(
        f"Response with id '{response_id[:200]}' not found.",
        action="Responses are kept for a time, and only where 'store' is not false and the tenant keeps them.",
        code="response_not_found",
    )
