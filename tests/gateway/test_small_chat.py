"""A small chat is read as any body is, or not at all: whatever is None here was read all the same."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Call, Shaped
from ai_gateway.gateway.calls import read_any_call
from ai_gateway.gateway.envelope import ORDINARY, BodyLimits
from ai_gateway.gateway.input_bound import SMALL_BYTES
from ai_gateway.gateway.small_chat import MOST_AROUND, SmallChat, open_small_chat
from ai_gateway.providers.openai import OpenAICodec
from support.builders import a_head

HEAD = a_head()
LIMITS = ORDINARY
USER = {"role": "user", "content": "Hi"}
TOOL_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":[1]}'}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["a"]}}}

TOOL_USE = {"role": "assistant", "tool_calls": [TOOL_CALL]}


def whole(body: bytes) -> SmallChat | None:
    """One that is not streamed, as lanes want it."""
    chat = open_small_chat(body, LIMITS)
    return None if chat is None or chat.stream else chat


def a_body(**members: Any) -> bytes:
    return msgspec.json.encode({"model": "m", "messages": [USER], **members})


TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        '"messages":',
        '"messages":[',
        ']},"n":9,"x":[',
        "\\",
        '"',
        "{[",
        "]",
        '\\"messages":[]',
        "\ud83d",
        "é",
        "模",
        "\0",
    ]
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system", "assistant"]), "content": TEXTS},
        optional={"name": TEXTS, "tool_calls": st.just([TOOL_CALL]), "odd": TEXTS},
    )
    | st.just({"role": "user", "content": [{"type": "text", "text": "a"}, PICTURE]}),
    max_size=3,
)
ODD = st.none() | st.booleans() | st.integers(-1, 3) | st.floats() | TEXTS | st.just([]) | st.just({"messages": [1]})
CALM: dict[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from(["gpt-4o", "m", "模型", 'a"b']),
    "messages": MESSAGES,
    "max_tokens": st.sampled_from([1, 64]),
    "max_completion_tokens": st.sampled_from([1, 64]),
    "n": st.sampled_from([0, 1, 3, None]),
    "stream": st.sampled_from([True, False, None]),
    "stream_options": st.sampled_from([None, {"include_usage": True}, {}]),
    "temperature": st.sampled_from([0.7, 1, 1e300]),
    "metadata": st.sampled_from([{}, {"messages": [{}]}, {"a": {"b": [[]]}}]),
    "tools": st.just([TOOL]),
    "user": TEXTS,
}
ODD = st.none() | st.booleans() | st.integers(-1, 3) | st.floats() | TEXTS | st.just([]) | st.just({"messages": [1]})
NAMES = ["model", "messages", "messages", "max_tokens", "n", "stream", 'a"messages', "messagеs"]  # another letter


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Mostly what callers send, in any order and layout; else with members that are odd, or there twice, or written
    another way, and bytes that are wrong."""
    mood = draw(st.sampled_from(["calm", "calm", "odd", "broken"]))
    more = draw(st.lists(st.sampled_from(list(CALM)), max_size=4))
    members = {name: draw(CALM[name]) for name in draw(st.permutations(["model", "messages"])) + more}
    listed = list(members.items())
    if mood == "odd":
        listed += draw(st.lists(st.tuples(st.sampled_from(NAMES), ODD), max_size=2))
        listed = draw(st.permutations(listed))
    colon, comma = draw(st.sampled_from([(":", ","), (":", ","), (": ", ", "), (" :", ","), (":\n", " , ")]))
    ascii_only = draw(st.booleans())
    keys = [json.dumps(name, ensure_ascii=ascii_only) for name, _ in listed]
    if mood == "odd" and draw(st.booleans()):
        keys[0] = keys[0].replace("m", "\\u006d", 1)
    values = [json.dumps(value, ensure_ascii=ascii_only) for _, value in listed]
    body = ("{" + comma.join(key + colon + value for key, value in zip(keys, values, strict=True)) + "}").encode(
        "utf-8", "surrogatepass"
    )
    if mood == "broken":
        at, odd = (
            draw(st.integers(0, len(body))),
            draw(st.sampled_from([b"", b",", b"]", b'"', b"\xff", b"{", b"1e999"])),
        )
        body = body[:at] + odd + body[at + draw(st.integers(0, 2)) :]
    return body


def any_call(body: bytes, limits: BodyLimits = LIMITS) -> Call | None:
    try:
        return read_any_call(HEAD, body, limits)
    except InvalidRequest:
        return None


@given(bodies(), st.sampled_from([LIMITS, BodyLimits(), BodyLimits(depth=3)]))
@example(b'{"messages":[],"messages":[],"model":"m"}', LIMITS)
@example(b'{"messages" :[],"metadata":{"messages":[]},"model":"m"}', LIMITS)
@example(b'{"metadata":{"messages":[{"role":"u"}]},"messages" :[{"role":"u"}],"model":"m"}', LIMITS)
@example(b'{"model":"m","messages":[{"role":"u","content":"\xff"}]}', LIMITS)
@example(a_body(messages=[TOOL_USE]), BodyLimits(depth=5))
@example(a_body(messages=[USER] * 80), BodyLimits(depth=70, containers=30))
@example(a_body(user="x"), BodyLimits(members=2))
@example(b'{"model":"m","messages":\x0b[]}', LIMITS)
def test_what_is_read_is_the_call_that_any_body_makes(body: bytes, limits: BodyLimits) -> None:
    chat = open_small_chat(body, limits)
    if chat is not None:
        assert chat.call(HEAD) == any_call(body, limits)
        assert (chat.model, chat.cap, chat.choices) == (
            chat.call(HEAD).model,
            chat.call(HEAD).max_output,
            chat.call(HEAD).choices,
        )
        assert (chat.cap is None) is not bool({"max_tokens", "max_completion_tokens"} & set(chat.fields))


@given(bodies(), bodies(), st.sampled_from([LIMITS, BodyLimits(), BodyLimits(depth=3)]))
@example(b'{"messages":[],"model":"m","n":1}', b'{"messages":[],"model":"m"}', LIMITS)
@example(b'{"model":"m","messages":[]}', b'{"model":"m","messages":[],"tools":[]}', LIMITS)
@example(b'{"model":"m","messages":[],"tools":[]}', b'{"model":"m","messages":[],"tools":[]}', LIMITS)
@example(b'{"model":"m","messages":[],"messages":[]}', b'{"model":"m","messages":[]}', LIMITS)
@example(b'{"model":"m","messages":[}', b'{"model":"m","messages":[]}', LIMITS)
@example(b'{"model":"m","messages":}', b'{"model":"m","messages":[]}', LIMITS)
@example(b'{"messages":"model":"m"}', b'{"messages":[],"model":"m"}', LIMITS)
@example(a_body(messages=[TOOL_USE] * 80), a_body(), BodyLimits(depth=70, containers=30))
def test_who_was_like_another_is_read_as_if_nobody_had_been_before(
    body: bytes, before: bytes, limits: BodyLimits
) -> None:
    for one in (before, body):
        last = open_small_chat(one, LIMITS)
        if last is not None:
            assert open_small_chat(body, limits, last.mould) == open_small_chat(body, limits)


@given(bodies(), st.sampled_from(["up", "模", 'a"b']))
def test_a_provider_is_sent_what_its_codec_encodes(body: bytes, model: str) -> None:
    chat = whole(body)
    if chat is not None:
        call = chat.call(HEAD)
        sent = OpenAICodec().encode(Shaped(call, call.fields), model).body
        assert chat.body_with(msgspec.json.encode(model)) == sent


@pytest.mark.parametrize(
    "body",
    [
        a_body(),
        a_body(max_tokens=64, temperature=0.7, n=2),
        a_body(stream=False, tools=[TOOL], stop=["a"], response_format={"type": "json_object"}),
        a_body(messages=[USER, TOOL_USE | {"content": None}]),
        a_body(messages=[{"role": "tool", "tool_call_id": "c1", "content": '{"a":"\\u00e9"}]'}]),
        a_body(messages=[{"role": "user", "content": [{"type": "text", "text": "é"}, PICTURE]}]),
        b'{"messages":[{"role":"user","content":"Hi"}],"model":"m","max_tokens":5}',
        b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}',
        b' {\n  "model": "m",\n  "messages":\n  [ ]\n}\n',
    ],
)
def test_usual_bodies_are_read(body: bytes) -> None:
    chat = whole(body)
    assert chat is not None
    assert chat.call(HEAD) == any_call(body)


@pytest.mark.parametrize(
    "body",
    [
        a_body(max_tokens=None),
        a_body(max_completion_tokens=None, max_tokens=5),
        a_body(messages=[{"role": "user", "content": "Hi", "new": [[]]}]),
        a_body(messages="Hi"),
        a_body(tools=[TOOL, "x" * MOST_AROUND]),
        a_body(messages=[{"role": "user", "content": "x" * SMALL_BYTES}]),
        b'{"metadata":{},"model":"m","messages":[]}',
        b'{"model":"m","prompt":"x"}',
    ],
)
def test_what_is_not_usual_is_for_who_reads_any_body(body: bytes) -> None:
    assert whole(body) is None
    assert any_call(body) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"model":"m","messages":[{"role":"user","content":"Hi"}]',
        b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}}',
        b'{"model":"m","messages":[],"model":"n"}',
        rb'{"model":"m","messages":[],"mod\u0065l":"n"}',
        b'{"model":"m","messages":[],"messages":[]}',
        b'{"model":"m","messages":[],"temperature":1e999}',
        b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\n"}]}',
        rb'{"model":"m","user":"\ud800","messages":[]}',
    ],
)
def test_what_is_wrong_is_for_who_can_name_it(body: bytes) -> None:
    assert whole(body) is None
    assert any_call(body) is None


def test_a_stream_is_opened_and_is_no_chat_to_answer_whole() -> None:
    body = a_body(stream=True, stream_options={"include_usage": True})
    chat = open_small_chat(body, LIMITS)
    assert chat is not None
    assert (chat.stream, chat.call(HEAD)) == (True, any_call(body))
    assert whole(body) is None


def test_what_stands_around_is_remembered_and_the_messages_are_not() -> None:
    one, two = (open_small_chat(a_body(messages=[{"role": "user", "content": it}]), LIMITS) for it in ("1", "2"))
    assert one is not None
    assert two is not None
    assert one.mould is two.mould
    assert one.fields["messages"] != two.fields["messages"]


def test_long_bodies_are_sent_as_the_same_bytes() -> None:
    """Where the codec sends a long member as it came, in pieces."""
    call = any_call(body := a_body(messages=[{"role": "user", "content": "x" * 40_000}]))
    chat = whole(body)
    assert call is not None
    assert chat is not None
    sent = OpenAICodec().encode(Shaped(call, call.fields), "up").body
    assert chat.body_with(b'"up"') == b"".join(sent)  # type: ignore[arg-type]
