"""External guardrails on the line: what they are shown, and that nothing goes on before they have let it."""

import json
from typing import Any

import pytest

from ai_gateway.domain.rules import AskHook, OnError
from ai_gateway.domain.traffic import Outcome
from gateway.test_ruling import CHAT, HOUSE, a_ruled_line, body, sent, text_of
from support.line import Line
from support.ruled import a_hook, a_request_rule, a_response_rule
from support.upstream import Script
from support.wire import CHAT_REPLY, DONE, chat_events


def says(verdict: str, *texts: str, reason: str = "") -> Script:
    return Script(body=[json.dumps({"verdict": verdict, "texts": texts, "reason": reason}).encode()])


def shown(line: Line) -> list[dict[str, Any]]:
    asked = [it for it in line.upstream.sent if it.url.host == "guard.example"]
    return [json.loads(bytes(it.body)) for it in asked]  # type: ignore[arg-type]


async def test_a_request_is_shown_before_it_is_sent_and_may_be_changed() -> None:
    line = await a_ruled_line(a_request_rule(hook=a_hook()))
    line.upstream.will_play(says("redact", "[gone]", reason="a name"))
    line.upstream.will_answer(CHAT_REPLY)
    assert (await line.post(CHAT, body())).status == 200
    assert [(it["phase"], it["texts"], it["route"], it["tenant_id"]) for it in shown(line)] == [
        ("request", ["hi"], HOUSE, "t1")
    ]
    assert sent(line)["messages"] == [{"role": "user", "content": "[gone]"}]
    assert [it.reason for it in line.ended[-1].steps] == ["rule 1: redacted by the guardrail (a name), once"]
    line.assert_at_rest()


async def test_or_blocked() -> None:
    line = await a_ruled_line(a_request_rule(hook=a_hook()))
    line.upstream.will_play(says("block", reason="weapons"))
    answered = await line.post(CHAT, body())
    assert (answered.status, answered.error["code"]) == (400, "guardrail_blocked")
    assert len(line.upstream.sent) == 1
    assert [it.reason for it in line.ended[-1].steps] == ["rule 1: blocked by the guardrail (weapons), once"]


async def test_one_that_is_away_is_closed_unless_its_rule_says_open() -> None:
    closed = await a_ruled_line(a_request_rule(hook=a_hook()))
    closed.upstream.will_play(Script(status=503))
    answered = await closed.post(CHAT, body())
    assert (answered.status, answered.error["code"]) == (500, "rule_failed")
    assert len(closed.upstream.sent) == 1
    opened = await a_ruled_line(a_request_rule(hook=a_hook(on_error=OnError.SKIP), on_error=OnError.SKIP))
    opened.upstream.will_play(Script(status=503))
    opened.upstream.will_answer(CHAT_REPLY)
    answered = await opened.post(CHAT, body())
    assert (answered.status, answered.headers["x-gateway-rules-skipped"]) == (200, "1")


async def test_a_whole_answer_waits_for_it() -> None:
    line = await a_ruled_line(a_response_rule(AskHook(a_hook())))
    line.upstream.will_answer(CHAT_REPLY)
    line.upstream.will_play(says("redact", "Hm."))
    answered = await line.post(CHAT, body())
    assert answered.json()["choices"][0]["message"]["content"] == "Hm."
    assert [(it["phase"], it["texts"]) for it in shown(line)] == [("response", ["Hello!"])]
    line.assert_at_rest()


@pytest.mark.parametrize("said", [says("block"), Script(status=500)])
async def test_an_answer_that_it_does_not_let_go_was_paid_for(said: Script) -> None:
    line = await a_ruled_line(a_response_rule(AskHook(a_hook())))
    line.upstream.will_answer(CHAT_REPLY)
    line.upstream.will_play(said)
    answered = await line.post(CHAT, body())
    assert answered.status in (400, 500)
    assert b"Hello" not in answered.body
    (receipt,) = line.ended[-1].receipts
    assert (receipt.outcome, receipt.usage.output_tokens) == (Outcome.OK, 3)
    line.assert_at_rest()


async def test_a_stream_goes_on_window_by_window() -> None:
    line = await a_ruled_line(a_response_rule(AskHook(a_hook(window=10))))
    line.upstream.will_stream(*chat_events("one two ", "three ", "four five", " six"))
    line.upstream.will_play(says("pass"), says("redact", "4 5 6"), says("pass"))
    answered = await line.post(CHAT, body(stream=True))
    assert text_of(answered.body) == "one two three 4 5 6"
    assert answered.body.endswith(DONE)
    assert [(it["texts"], it["window"], it["context"]) for it in shown(line)] == [
        (["one two three "], 0, ""),
        (["four five six"], 1, "two three "),
    ]
    line.assert_at_rest()


async def test_a_stream_that_it_blocks_ends_there() -> None:
    line = await a_ruled_line(a_response_rule(AskHook(a_hook(window=10))))
    line.upstream.will_stream(*chat_events("one two three ", "four five six ", "seven"))
    line.upstream.will_play(says("pass"), says("block"))
    answered = await line.post(CHAT, body(stream=True))
    assert text_of(answered.body) == "one two three "
    assert json.loads(answered.body.split(b"data: ")[-1])["error"]["code"] == "guardrail_blocked"
    assert DONE not in answered.body
    line.assert_at_rest()


async def test_nothing_of_a_stream_is_given_before_the_first_verdict() -> None:
    line = await a_ruled_line(a_response_rule(AskHook(a_hook(window=4000))))
    line.upstream.will_stream(*chat_events("short"))
    line.upstream.will_play(says("block"))
    answered = await line.post(CHAT, body(stream=True))
    assert b"short" not in answered.body
    (asked,) = shown(line)
    assert (asked["texts"], asked["final"]) == (["short"], True)
    line.assert_at_rest()
