"""A response is kept under an id of ours, and the next turn is sent whole to whoever serves it."""

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.stored_responses import StoredResponse
from ai_gateway.gateway.storing import Keeper
from ai_gateway.runtime.stored_responses import ResponseLimits, StoredResponses
from ai_gateway.store.responses import MemoryResponses
from providers.translation.responses_examples import event, events_in
from support.builders import TOKEN, a_key, a_snapshot, a_tenant, an_endpoint
from support.clock import FakeClock
from support.line import Answered, Line, a_line
from support.upstream import EVENTS, JSON, Script

PATH = "/v1/responses"
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
MESSAGE = {
    "id": "msg_theirs",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "hello", "annotations": []}],
}
WHOLE: dict[str, Any] = {
    "id": "resp_theirs",
    "object": "response",
    "status": "completed",
    "error": None,
    "output": [MESSAGE],
    "previous_response_id": None,
    "usage": USAGE,
}
ANSWER = Script(200, JSON, (json.dumps(WHOLE).encode(),))
CREATED = event("response.created", response=WHOLE | {"status": "in_progress", "output": [], "usage": None})
DELTA = event("response.output_text.delta", delta="hello", item_id="msg_theirs", output_index=0, content_index=0)
COMPLETED = event("response.completed", response=WHOLE)
STREAM = Script(200, EVENTS, (CREATED, DELTA, DELTA, COMPLETED))


def body(**members: Any) -> bytes:
    return json.dumps({"model": "gpt-4o-mini", "input": "hi"} | members).encode()


async def ask(line: Line, **members: Any) -> Answered:
    return await line.post(PATH, body(**members))


def sent(line: Line, number: int = -1) -> dict[str, Any]:
    out: Any = line.upstream.sent[number].body
    members: dict[str, Any] = json.loads(out if isinstance(out, bytes) else b"".join(map(bytes, out)))
    return members


async def test_an_answer_has_an_id_of_ours_and_the_next_turn_goes_on_from_it() -> None:
    line = await a_line()
    line.upstream.will_play(ANSWER, ANSWER)
    first = (await ask(line)).json()
    assert first["id"].startswith("resp_")
    assert first["id"] != "resp_theirs"
    assert first["output"] == WHOLE["output"]
    second = (await ask(line, input="and now?", previous_response_id=first["id"])).json()
    assert second["previous_response_id"] == first["id"] != second["id"]
    asked = sent(line)
    assert "previous_response_id" not in asked
    assert [item["role"] for item in asked["input"]] == ["user", "assistant", "user"]
    assert [item["content"][0]["text"] for item in asked["input"]] == ["hi", "hello", "and now?"]
    assert "id" not in asked["input"][1]
    line.assert_at_rest()


async def test_a_stream_is_kept_once_all_of_it_was_told() -> None:
    line = await a_line()
    line.upstream.will_play(STREAM, ANSWER)
    streamed = await ask(line, stream=True)
    events = events_in(streamed.body)
    assert [it["type"] for it in events] == [
        "response.created",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.completed",
    ]
    ours = events[0]["response"]["id"]
    assert ours == events[-1]["response"]["id"] != "resp_theirs"
    await ask(line, previous_response_id=ours)
    assert [item["content"][0]["text"] for item in sent(line)["input"]] == ["hi", "hello", "hi"]
    line.assert_at_rest()


async def test_three_turns_are_all_there_whatever_becomes_of_the_first() -> None:
    line = await a_line()
    line.upstream.will_play(ANSWER, ANSWER, ANSWER)
    first = (await ask(line)).json()["id"]
    second = (await ask(line, previous_response_id=first)).json()["id"]
    assert await line.doors.responses.forget("t1", first)
    await ask(line, previous_response_id=second)
    assert len(sent(line)["input"]) == 5


async def test_what_is_held_counts_what_went_before() -> None:
    line = await a_line()
    long = StoredResponse("resp_long", b'{"output":[]}', json.dumps([{"type": "x", "y": "z" * 5_000}]).encode())
    line.doors.responses.keep("t1", long)
    line.upstream.will_play(Script(200, JSON, (json.dumps(WHOLE | {"usage": None}).encode(),)))
    await ask(line, previous_response_id="resp_long")
    (receipt,) = line.receipts
    assert receipt.usage.input_tokens > 5_000 // 4


@pytest.mark.parametrize("members", [{"store": False}, {"store": False, "stream": True}])
async def test_what_shall_not_be_kept_goes_through_as_it_is(members: dict[str, Any]) -> None:
    line = await a_line()
    line.upstream.will_play(STREAM if "stream" in members else ANSWER)
    answered = await ask(line, **members)
    assert answered.body == (b"".join(STREAM.body) if "stream" in members else ANSWER.body[0])  # type: ignore[arg-type]
    assert await line.doors.responses.find("t1", "resp_theirs") is None


async def test_a_tenant_may_keep_nothing() -> None:
    tenant = a_tenant("t1", an_endpoint(), stores_responses=False)
    line = await a_line(a_snapshot(tenant, keys={TOKEN: a_key()}))
    line.upstream.will_play(ANSWER)
    assert (await ask(line)).json()["id"] == "resp_theirs"
    line.doors.responses.keep("t1", StoredResponse("resp_1", b"{}", b"[]"))
    assert (await ask(line, previous_response_id="resp_1")).status == 404


async def test_a_gateway_may_keep_nothing() -> None:
    off = StoredResponses(MemoryResponses(), FakeClock().wall, lambda what: None, ResponseLimits(days=0))
    line = await a_line(responses=off)
    line.upstream.will_play(ANSWER)
    assert (await ask(line)).json()["id"] == "resp_theirs"


async def test_another_tenants_response_does_not_exist() -> None:
    line = await a_line()
    line.doors.responses.keep("t2", StoredResponse("resp_1", b"{}", b"[]"))
    refused = await ask(line, previous_response_id="resp_1")
    assert (refused.status, refused.error["code"]) == (404, "previous_response_not_found")
    assert refused.error["param"] == "previous_response_id"
    assert line.upstream.sent == []


async def test_a_vault_that_is_away_is_503_to_who_goes_on_and_nothing_to_others() -> None:
    class Away(MemoryResponses):  # type: ignore[misc]
        async def find(self, *_: object) -> None:  # type: ignore[override]
            raise ConnectionError("away")

    clock = FakeClock()
    line = await a_line(responses=StoredResponses(Away(), clock.wall, lambda what: None, sleep=clock.sleep))
    line.upstream.will_play(ANSWER)
    refused = await ask(line, previous_response_id="resp_1")
    assert (refused.status, refused.error["code"]) == (503, "responses_unavailable")
    assert (await ask(line)).status == 200


async def test_nothing_is_kept_of_what_failed() -> None:
    line = await a_line()
    line.upstream.will_play(Script(400, JSON, (b'{"error":{"message":"no"}}',)))
    assert (await ask(line)).status == 400
    failed = event("response.failed", response=WHOLE | {"error": {"code": "server_error", "message": "boom"}})
    line.upstream.will_play(Script(200, EVENTS, (CREATED, DELTA, failed)))
    streamed = await ask(line, stream=True)
    last = events_in(streamed.body)[-1]
    assert (last["type"], last["error"]["gateway"]["category"]) == ("error", "provider_error")
    ours = events_in(streamed.body)[0]["response"]["id"]
    assert await line.doors.responses.find("t1", ours) is None


async def test_background_and_a_wrong_input_are_refused() -> None:
    line = await a_line()
    for members, param in (({"background": True}, "background"), ({"input": 7}, "input")):
        refused = await ask(line, **members)
        assert (refused.status, refused.error["param"]) == (400, param)
    line.upstream.will_play(ANSWER)
    assert (await ask(line, background=False)).status == 200


async def test_a_reply_that_is_given_again_has_the_same_id() -> None:
    line = await a_line()
    line.upstream.will_play(ANSWER)
    headers = {"authorization": f"Bearer {TOKEN}", "idempotency-key": "k"}
    first = await line.post(PATH, body(), headers)
    again = await line.post(PATH, body(), headers)
    assert again.json()["id"] == first.json()["id"] != "resp_theirs"


def test_an_answer_that_is_written_twice_is_kept_once() -> None:
    kept: list[StoredResponse] = []

    class Counting:
        def keep(self, tenant_id: str, response: StoredResponse) -> None:
            kept.append(response)

    keeper = Keeper(Counting(), "t1", None, b"[]")  # type: ignore[arg-type]
    whole = msgspec.json.encode(WHOLE)
    told = keeper.whole(200, whole)
    assert keeper.whole(200, whole) == keeper.whole(200, told) == told
    assert len(kept) == 1
    assert keeper.last(COMPLETED) == COMPLETED  # of a stream that had no beginning
