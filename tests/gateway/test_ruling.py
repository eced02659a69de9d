"""A route's rules on the line: what is sent, what is held for it, where it goes, and what a refusal looks like."""

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.budgets import Mode
from ai_gateway.domain.config import CacheSettings, Course, Tenant
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import (
    Facts,
    Normalize,
    OnError,
    PipeText,
    RequestForm,
    RuleError,
    RuleSet,
    SystemMode,
    Tally,
)
from ai_gateway.domain.traffic import Outcome
from gateway.budgets import KEY, a_limit
from support.builders import (
    CLAUDE,
    MODEL,
    TOKEN,
    a_candidate,
    a_claude_endpoint,
    a_course,
    a_key,
    a_snapshot,
    a_tenant,
    an_endpoint,
)
from support.line import Line, a_line
from support.ruled import a_request_rule, a_response_rule, a_rule_set, bouncer, censor
from support.upstream import JSON, Script
from support.wire import CHAT_REPLY, DONE, MESSAGES_REPLY, chat_events

CHAT = "/v1/chat/completions"
HOUSE = "house"


def tenant_of(rules: RuleSet | None, limits: Any = None, **changes: Any) -> Tenant:
    openai, claude = an_endpoint(), a_claude_endpoint()
    course: Course = a_course(HOUSE, a_candidate(openai), route=HOUSE, rules=rules, **changes)
    return a_tenant("t1", openai, claude, courses=(course,), limits=limits or {})


async def a_ruled_line(*rules: Any, **changes: Any) -> Line:
    return await a_line(a_snapshot(tenant_of(a_rule_set(*rules), **changes)))


def body(**members: Any) -> bytes:
    return json.dumps({"model": HOUSE, "messages": [{"role": "user", "content": "hi"}]} | members).encode()


def sent(line: Line, number: int = -1) -> dict[str, Any]:
    out: Any = line.upstream.sent[number].body
    members: dict[str, Any] = json.loads(out if isinstance(out, bytes) else b"".join(map(bytes, out)))
    return members


def cool(form: RequestForm, facts: Facts, tally: Tally) -> None:
    form.put(("temperature",), 0.2)


def brief(form: RequestForm, facts: Facts, tally: Tally) -> None:
    form.put(("max_tokens",), 7)


def preach(form: RequestForm, facts: Facts, tally: Tally) -> None:
    form.system(SystemMode.FORCE, f"You work for {facts.value('caller.tenant_id')}. " * 40)


def pin(model: str) -> Any:
    def act(form: RequestForm, facts: Facts, tally: Tally) -> None:
        form.put(("model",), model)

    return act


def forbid(form: RequestForm, facts: Facts, tally: Tally) -> None:
    tally.found(1, "blocked card")
    raise Blocked("A card number may not be sent.")


class Says:
    """A condition: a fact is this."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def holds(self, facts: Facts) -> bool:
        return facts.value(self._name) == self._value


def stumble(form: RequestForm, facts: Facts, tally: Tally) -> None:
    raise RuleError("there is nothing to cap")


async def test_what_is_sent_is_what_the_rules_made_of_it() -> None:
    line = await a_ruled_line(a_request_rule(cool), a_request_rule(preach, number=2))
    line.upstream.will_answer(CHAT_REPLY)
    answered = await line.post(CHAT, body(temperature=1))
    assert answered.status == 200
    assert answered.body == CHAT_REPLY
    asked = sent(line)
    assert asked["temperature"] == 0.2
    assert [it["role"] for it in asked["messages"]] == ["system", "user"]
    assert asked["messages"][0]["content"].startswith("You work for t1.")
    line.assert_at_rest()


@pytest.mark.parametrize(("rules", "status"), [((), 200), ((a_request_rule(preach),), 402)])
async def test_what_is_held_is_enough_for_what_is_sent(rules: Any, status: int) -> None:
    asked = body(max_tokens=7)
    limit = a_limit(KEY, len(asked) * 150 + 7 * 600 + 1_000, mode=Mode.STRICT)
    tenant = tenant_of(a_rule_set(*rules), limits={KEY: (limit,)})
    line = await a_line(a_snapshot(tenant))
    line.upstream.always = lambda request: Script(200, JSON, (CHAT_REPLY,))
    assert (await line.post(CHAT, asked)).status == status
    line.assert_at_rest()


async def test_a_pinned_model_leads_elsewhere_and_the_books_say_who_was_asked_for() -> None:
    line = await a_ruled_line(a_request_rule(pin(CLAUDE)))
    line.upstream.will_answer(MESSAGES_REPLY)
    answered = await line.post(CHAT, body(max_tokens=9))
    assert answered.status == 200
    assert answered.json()["choices"][0]["message"]["content"] == "Hello!"
    assert line.upstream.sent[-1].url.host == "claude.test"
    (receipt,) = line.ended[-1].receipts
    assert (receipt.requested_model, receipt.model, receipt.route) == (HOUSE, CLAUDE, HOUSE)
    line.assert_at_rest()


@pytest.mark.parametrize("rules", [(a_request_rule(pin("nobody")),), (a_request_rule(stumble),)])
async def test_a_rule_that_fails_refuses_the_request_as_no_fault_of_its_caller(rules: Any) -> None:
    line = await a_ruled_line(*rules)
    answered = await line.post(CHAT, body())
    assert (answered.status, answered.error["code"]) == (500, "rule_failed")
    said = answered.error["gateway"]
    assert (said["category"], said["origin"], said["retryable"]) == ("gateway_fault", "policy", False)
    assert "nobody" not in answered.body.decode()
    assert not line.upstream.sent
    line.assert_at_rest()


async def test_or_it_is_left_out_and_everybody_can_see_that() -> None:
    line = await a_ruled_line(a_request_rule(stumble, number=3, on_error=OnError.SKIP))
    line.upstream.will_answer(CHAT_REPLY)
    answered = await line.post(CHAT, body())
    assert (answered.status, answered.headers["x-gateway-rules-skipped"]) == (200, "3")
    assert [it.reason for it in line.ended[-1].steps] == ["rule 3: skipped, there is nothing to cap"]


async def test_a_request_that_is_blocked_goes_nowhere_and_its_record_says_why() -> None:
    line = await a_ruled_line(a_request_rule(forbid))
    answered = await line.post(CHAT, body())
    assert (answered.status, answered.error["code"]) == (400, "guardrail_blocked")
    assert answered.error["gateway"]["category"] == "content_filter"
    assert answered.error["gateway"]["origin"] == "policy"
    assert not line.upstream.sent
    assert [it.reason for it in line.ended[-1].steps] == ["rule 1: blocked card, once"]
    line.assert_at_rest()


async def test_rules_that_cannot_be_compiled_serve_nobody() -> None:
    line = await a_line(a_snapshot(tenant_of(RuleSet("?", "r", broken="rules[0].do: there is no kind 'fly'"))))
    answered = await line.post(CHAT, body())
    assert (answered.status, answered.error["code"]) == (500, "rule_failed")
    assert "fly" not in answered.body.decode()


async def test_a_whole_answer_leaves_only_through_the_rules() -> None:
    line = await a_ruled_line(a_response_rule(PipeText(censor)))
    line.upstream.will_answer(CHAT_REPLY.replace(b"Hello!", b"The secret is a secret."))
    answered = await line.post(CHAT, body())
    assert answered.json()["choices"][0]["message"]["content"] == "The [gone] is a [gone]."
    assert [it.reason for it in line.ended[-1].steps] == ["rule 2: redacted word, 2 times"]
    line.assert_at_rest()


async def test_an_answer_that_is_blocked_was_paid_for() -> None:
    line = await a_ruled_line(a_response_rule(PipeText(bouncer)))
    line.upstream.will_answer(CHAT_REPLY.replace(b"Hello!", b"The secret is out"))
    answered = await line.post(CHAT, body())
    assert (answered.status, answered.error["code"]) == (400, "guardrail_blocked")
    assert b"secret" not in answered.body
    (receipt,) = line.ended[-1].receipts
    assert (receipt.outcome, receipt.usage.input_tokens, receipt.usage.output_tokens) == (Outcome.OK, 12, 3)
    assert receipt.cost_nano_usd > 0
    assert len(line.upstream.sent) == 1
    line.assert_at_rest()


async def test_a_stream_leaves_only_through_the_rules_also_where_the_word_is_split() -> None:
    line = await a_ruled_line(a_response_rule(PipeText(censor)))
    line.upstream.will_stream(*chat_events("The sec", "ret", " is out"))
    answered = await line.post(CHAT, body(stream=True))
    assert text_of(answered.body) == "The [gone] is out"
    assert answered.body.endswith(DONE)
    (receipt,) = line.ended[-1].receipts
    assert (receipt.outcome, receipt.usage.output_tokens) == (Outcome.OK, 3)
    line.assert_at_rest()


async def test_a_stream_that_is_blocked_ends_in_an_error_and_nothing_of_it_got_out() -> None:
    line = await a_ruled_line(a_response_rule(PipeText(bouncer)))
    line.upstream.will_stream(*chat_events("So: ", "The sec", "ret", " is out"))
    answered = await line.post(CHAT, body(stream=True))
    assert answered.status == 200
    assert text_of(answered.body) == "So: The "
    last = json.loads(answered.body.split(b"data: ")[-1])
    assert last["error"]["code"] == "guardrail_blocked"
    assert DONE not in answered.body
    (receipt,) = line.ended[-1].receipts
    assert receipt.outcome is Outcome.CANCELLED
    assert receipt.cost_nano_usd > 0
    assert line.upstream.answers[-1].closed
    line.assert_at_rest()


async def test_a_stream_that_breaks_under_rules_is_continued_from_what_was_delivered() -> None:
    openai = an_endpoint()
    rules = a_rule_set(a_response_rule(PipeText(censor)))
    course = a_course(HOUSE, a_candidate(openai), route=HOUSE, rules=rules)
    course = msgspec.structs.replace(course, retries=msgspec.structs.replace(course.retries, max_attempts=3))
    line = await a_line(a_snapshot(a_tenant("t1", openai, courses=(course,))))
    whole = chat_events("The secret is a sec", "ret of ours")
    line.upstream.will_stream(whole[0])
    line.upstream.will_stream(*whole)
    answered = await line.post(CHAT, body(stream=True))
    assert text_of(answered.body) == "The [gone] is a [gone] of ours"
    assert answered.body.endswith(DONE)
    line.assert_at_rest()


async def test_a_normalized_answer_is_written_by_us() -> None:
    line = await a_ruled_line(a_response_rule(Normalize()))
    line.upstream.will_answer(CHAT_REPLY.replace(b'"object":"chat.completion",', b""))
    answered = await line.post(CHAT, body())
    assert answered.json()["object"] == "chat.completion"


async def test_hidden_providers_are_not_in_the_answer() -> None:
    line = await a_line(a_snapshot(tenant_of(None, hides_providers=True, hides_models=True)))
    line.upstream.will_answer(CHAT_REPLY)
    answered = await line.post(CHAT, body())
    assert answered.json()["model"] == HOUSE
    assert answered.json()["id"].startswith("chatcmpl-")
    assert answered.json()["id"] != "chatcmpl-1"
    assert MODEL.encode() not in answered.body


async def test_a_cached_answer_is_the_shaped_one_and_only_for_who_has_the_same_rules() -> None:
    never = a_response_rule(PipeText(censor), when=Says("caller.key_id", "key_2"))
    tenant = tenant_of(a_rule_set(never), cache=CacheSettings())
    line = await a_line(a_snapshot(tenant, keys={TOKEN: a_key(), "sk-gw-two": a_key("key_2")}))
    line.upstream.always = lambda request: Script(200, JSON, (CHAT_REPLY.replace(b"Hello!", b"a secret"),))
    for token, expected in ((TOKEN, b"a secret"), ("sk-gw-two", b"a [gone]"), (TOKEN, b"a secret")):
        answered = await line.post(CHAT, body(), {"authorization": f"Bearer {token}"})
        assert expected in answered.body
    assert len(line.upstream.sent) == 2
    again = await line.post(CHAT, body(), {"authorization": "Bearer sk-gw-two"})
    assert again.headers["x-gateway-cache"] == "hit"
    assert b"a [gone]" in again.body


def text_of(stream: bytes) -> str:
    chunks = [json.loads(it[6:]) for it in stream.split(b"\n\n") if it.startswith(b"data: {")]
    return "".join(one["delta"].get("content") or "" for it in chunks for one in it.get("choices", ()))
