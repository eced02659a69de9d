import json
from typing import Any

import pytest

from ai_gateway.domain.stored_responses import StoredResponse
from support.line import BEARER, Answered, Line, a_line, ask

BODY = b'{"id":"resp_1","object":"response","output":[]}'
ITEMS = [{"type": "message", "role": "user", "content": str(number)} for number in range(5)]


async def a_line_with_one() -> Line:
    line = await a_line()
    line.doors.responses.keep("t1", StoredResponse("resp_1", BODY, json.dumps(ITEMS).encode()))
    line.doors.responses.keep("t2", StoredResponse("resp_2", BODY, b"[]"))
    return line


async def delete(line: Line, path: str) -> Answered:
    return await ask(line.app, "DELETE", path, BEARER)


async def test_a_response_is_told_as_it_was() -> None:
    line = await a_line_with_one()
    answered = await line.get("/v1/responses/resp_1")
    assert (answered.status, answered.body) == (200, BODY)
    line.assert_at_rest()


@pytest.mark.parametrize("response_id", ["resp_2", "resp_3", "x" * 500])
async def test_what_is_not_the_tenants_does_not_exist(response_id: str) -> None:
    line = await a_line_with_one()
    for answered in (
        await line.get(f"/v1/responses/{response_id}"),
        await line.get(f"/v1/responses/{response_id}/input_items"),
        await delete(line, f"/v1/responses/{response_id}"),
    ):
        assert (answered.status, answered.error["code"]) == (404, "response_not_found")


async def test_it_is_deleted_once() -> None:
    line = await a_line_with_one()
    answered = await delete(line, "/v1/responses/resp_1")
    assert answered.json() == {"id": "resp_1", "object": "response", "deleted": True}
    assert (await delete(line, "/v1/responses/resp_1")).status == 404
    assert (await line.get("/v1/responses/resp_1")).status == 404


@pytest.mark.parametrize(
    ("query", "contents", "has_more"),
    [
        ("", "43210", False),
        ("?order=asc", "01234", False),
        ("?order=asc&limit=2", "01", True),
        ("?order=asc&after=item_1_1&limit=3", "234", False),
        ("?after=unknown", "", False),
    ],
)
async def test_what_the_model_was_told_comes_in_pages(query: str, contents: str, *, has_more: bool) -> None:
    line = await a_line_with_one()
    page: Any = (await line.get(f"/v1/responses/resp_1/input_items{query}")).json()
    assert "".join(item["content"] for item in page["data"]) == contents
    assert (page["object"], page["has_more"]) == ("list", has_more)
    assert page["first_id"] == (page["data"][0]["id"] if contents else None)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x"])
async def test_a_wrong_limit_is_refused(query: str) -> None:
    line = await a_line_with_one()
    assert (await line.get(f"/v1/responses/resp_1/input_items?{query}")).status == 400


async def test_it_is_not_streamed_again_and_needs_a_key() -> None:
    line = await a_line_with_one()
    assert (await line.get("/v1/responses/resp_1?stream=true")).error["code"] == "not_streamable"
    assert (await line.get("/v1/responses/resp_1", {})).status == 401
    assert (await ask(line.app, "PUT", "/v1/responses/resp_1", BEARER)).status == 405
