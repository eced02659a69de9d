"""Streams under rules through the whole line: what is kept of them, and what their callers are told when they break."""

import json
from typing import Any

import msgspec

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AppendText, Facts, PipeText
from gateway.test_ruling import CHAT, HOUSE, a_ruled_line, body, sent, text_of
from providers.shaping.responding import a_call, a_message, a_response, read, response_of, said, stream_of
from support.builders import a_candidate, a_course, a_snapshot, a_tenant, an_endpoint
from support.line import Line, a_line
from support.ruled import a_response_rule, a_rule_set, bouncer, censor
from support.upstream import EVENTS, Script
from support.wire import chat_events

RESPONSES = "/v1/responses"


class Words:
    """A template without variables."""

    def __init__(self, text: str) -> None:
        self._text = text

    def fill(self, facts: Facts) -> str:
        return self._text


async def ask(line: Line, response: dict[str, Any], **members: Any) -> bytes:
    line.upstream.will_play(Script(200, EVENTS, tuple(stream_of(response))))
    asked = {"model": HOUSE, "input": "hi", "stream": True} | members
    answered = await line.post(RESPONSES, json.dumps(asked).encode())
    assert answered.status == 200
    return answered.body


async def test_a_conversation_goes_on_from_what_its_caller_was_told() -> None:
    line = await a_ruled_line(a_response_rule(PipeText(censor)), a_response_rule(AppendText(Words(" Bye.")), number=3))
    first = response_of(await ask(line, a_response(a_message(said("The secret is a secret.")))))
    assert first["id"] != "resp_1"
    texts = [part["text"] for item in first["output"] for part in item["content"]]
    assert texts == ["The [gone] is a [gone].", " Bye."]
    second = response_of(
        await ask(
            line,
            a_response(a_message(said("So.")), previous_response_id=None),
            input="and?",
            previous_response_id=first["id"],
        )
    )
    assert second["previous_response_id"] == first["id"]
    asked = sent(line)["input"]
    assert [part["text"] for item in asked for part in item["content"]] == ["hi", *texts, "and?"]
    line.assert_at_rest()


async def test_every_event_that_names_the_response_has_our_id() -> None:
    line = await a_ruled_line(a_response_rule(PipeText(censor)))
    told = read(await ask(line, a_response(a_call('{"a":"a secret"}'))))
    ids = {it["response"]["id"] for it in told if "response" in it}
    assert len(ids) == 1
    assert "resp_1" not in ids
    assert told[-1]["response"]["output"][0]["arguments"] == '{"a":"a [gone]"}'


async def test_what_is_blocked_after_a_stream_broke_is_what_its_caller_is_told() -> None:
    openai = an_endpoint()
    course = a_course(HOUSE, a_candidate(openai), route=HOUSE, rules=a_rule_set(a_response_rule(PipeText(bouncer))))
    course = msgspec.structs.replace(course, retries=msgspec.structs.replace(course.retries, max_attempts=3))
    line = await a_line(a_snapshot(a_tenant("t1", openai, courses=(course,))))
    whole = chat_events("So: ", "the secret", " of ours")
    line.upstream.will_stream(whole[0])
    line.upstream.will_stream(*whole)
    answered = await line.post(CHAT, body(stream=True))
    assert text_of(answered.body) == "So: "
    last = json.loads(answered.body.split(b"data: ")[-1])
    assert last["error"]["code"] == Blocked.default_code
    assert len(line.upstream.sent) == 2, "nobody else is asked"
    line.assert_at_rest()
