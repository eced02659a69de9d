"""A long chat is read as any body is, or not at all; whatever its texts are, and however it was cut."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ai_gateway.domain.traffic import Shaped
from ai_gateway.gateway.envelope import ORDINARY, BodyLimits
from ai_gateway.gateway.long_chat import LONGEST_BYTES, LongChat, open_long_chat
from ai_gateway.gateway.small_chat import MOST_AROUND
from ai_gateway.providers.openai import OpenAICodec
from gateway.test_small_chat import HEAD, PICTURE, TOOL, TOOL_USE, a_body, any_call, bodies

PROSE = "a word and another one, " * 4000
CODE = 'if x == "a":\n\treturn "\\\\"\n' * 4000
KINDS = {
    "prose": PROSE,
    "lines": "So it was said, and so it was done.\n" * 3000,
    "code": CODE,
    "json": json.dumps([{"id": one, "path": "C:\\x"} for one in range(4000)]),
    "brackets": "[{" * 40_000,
    "letters of three bytes": "这是一个关于网关的问题。" * 4000,
    "letters of four bytes": "\U0001f600" * 30_000,
    "one odd letter": PROSE + "é",
    "base64": "QUJD" * 30_000,
    "control characters": "\x00\x1f\x7f" * 20_000,
}


def opened(body: bytes, limits: BodyLimits = ORDINARY) -> LongChat | None:
    return open_long_chat(body, limits)


def a_long_body(text: str = PROSE, *, ascii_only: bool = True, **members: Any) -> bytes:
    messages = [{"role": "user", "content": text}]
    asked = {"model": "m", "messages": messages, **members}
    return json.dumps(asked, ensure_ascii=ascii_only, separators=(",", ":")).encode()


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS.keys())
def test_texts_of_every_kind_are_read(text: str, *, ascii_only: bool) -> None:
    body = a_long_body(text, ascii_only=ascii_only, max_tokens=5)
    chat = opened(body)
    assert chat is not None
    assert chat.call(HEAD) == any_call(body, BodyLimits(depth=10**6))


LIMITS = st.sampled_from([ORDINARY, BodyLimits(), BodyLimits(depth=3), BodyLimits(containers=1000)])
FILLERS = st.sampled_from(["", PROSE, CODE, "模" * 9000])


@given(bodies(), FILLERS, LIMITS)
@example(b'{"model":"m","messages":[{"role":"u","content":[[]],"content":"x"}]}', "", ORDINARY)
@example(b'{"model":"m","messages":[{"role":"u","content":"\xff"}]}', "", ORDINARY)
@example(b'{"model":"m","messages":[{"role":"u","content":"\n"}]}', "", ORDINARY)
@example(b'{"model":"m","messages":[{"role":"u"}],"messages":[{"role":"u"}]}', "", ORDINARY)
@example(b'{"model":"m","messages":[{"role":"u"}],"tools":[{"a":1}]}', "", ORDINARY)
@example(b'{"model":"m","messages":\n[{"role":"u","content": "' + b"%" * 70_000 + b'"}]}', "", ORDINARY)
@example(b'{"model":"m","messages":\n[{"role":"u","content": "' + b"[" * 70_000 + b'"}]}', "", ORDINARY)
@example(a_long_body()[:-1] + b',"stop":[{"a":1}]}', "", ORDINARY)
@example(b'{"messages":[' + b'{"role":"u","content":"' + b"%" * 70_000 + b'"}],"n":1,"x":[{}]}', "", ORDINARY)
@example(b'{"model":"m","messages":\x0b[{"role":"u"}]}', "", ORDINARY)
def test_what_is_read_is_the_call_that_any_body_makes(body: bytes, filler: str, limits: BodyLimits) -> None:
    """The filler stands in the first text, so that each way of reading is taken."""
    text = json.dumps(filler)[1:-1].encode()
    body = body.replace(b'"content":"', b'"content":"' + text, 1)
    chat = opened(body, limits)
    if chat is not None:
        call = any_call(body, limits)
        assert chat.call(HEAD) == call
        assert call is not None
        sent = OpenAICodec().encode(Shaped(call, call.fields), "up").body
        assert joined(chat.body_with(b'"up"')) == joined(sent)


ODD_BYTES = [b"\0", b"\n", b"\x1f", b'"', b"\\", b"\\x", b"\\u12g4", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\\ud800"]


@given(st.sampled_from([PROSE, CODE, "模" * 9000]), st.data())
def test_any_byte_that_is_wrong_is_found(text: str, data: st.DataObject) -> None:
    """Whatever bytes are put anywhere: what is refused is not read here."""
    body = bytearray(a_long_body(text, ascii_only=False, max_tokens=5))
    odd = st.sampled_from(ODD_BYTES)
    at = data.draw(st.integers(0, len(body)))
    body[at : at + data.draw(st.integers(0, 2))] = data.draw(odd | st.binary(min_size=1, max_size=3))
    chat = opened(bytes(body))
    if chat is not None:
        assert chat.call(HEAD) == any_call(bytes(body))


@pytest.mark.parametrize("depth", [20, 60, 70, 100, 130, 250])
@pytest.mark.parametrize("text", [PROSE, CODE])
def test_what_is_deep_is_not_hidden_behind_another_content(text: str, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    body = a_long_body(text).replace(b'"content":', b'"content":' + deep + b',"content":', 1)
    chat = opened(body)
    assert chat is None or any_call(body) is not None
    assert depth < 70 or chat is None


@pytest.mark.parametrize("text", [PROSE, CODE])
def test_chats_of_agents_are_read(text: str) -> None:
    messages = [{"role": "user", "content": text}, TOOL_USE | {"content": None}, {"role": "tool", "tool_call_id": "c"}]
    parts = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    for listed in (messages, parts):
        body = a_body(messages=listed, stream=True, max_tokens=5)
        chat = opened(body)
        assert chat is not None
        assert chat.call(HEAD) == any_call(body)


@pytest.mark.parametrize("text", [PROSE, CODE])
@pytest.mark.parametrize(
    "members",
    [
        {"tools": [TOOL]},
        {"tools": [TOOL], "max_tokens": 5},
        {"user": "x" * MOST_AROUND},
        {"max_tokens": None},
    ],
)
def test_what_stands_around_is_judged_as_a_small_chats_is(text: str, members: dict[str, Any]) -> None:
    body = a_long_body(text, **members)
    assert opened(body) is None
    assert any_call(body) is not None


@pytest.mark.parametrize("text", [PROSE, CODE])
def test_pictures_and_what_is_unknown_are_for_who_reads_any_body(text: str) -> None:
    """A picture's bytes say nothing of what it costs."""
    for content in ([{"type": "text", "text": text}, PICTURE], {"type": "new", "text": text}):
        body = a_body(messages=[{"role": "user", "content": content}])
        assert opened(body) is None
        assert any_call(body) is not None
    assert opened(a_body(messages=[{"role": "user", "content": text, "new": 1}])) is None


def test_what_is_much_longer_is_for_who_makes_no_object_of_it() -> None:
    assert opened(a_long_body("a" * LONGEST_BYTES)) is None


@pytest.mark.parametrize("begins", [b'{"model":"a","messages":', b'{"messages":'])
def test_messages_go_out_as_the_bytes_they_are(begins: bytes) -> None:
    ends = b',"n":1}' if b"model" in begins else b',"model":"a"}'
    messages = json.dumps([{"role": "user", "content": PROSE}]).encode()
    chat = opened(begins + messages + ends)
    assert chat is not None
    sent = chat.body_with(b'"up"')
    assert isinstance(sent, tuple)
    assert any(piece is chat.messages for piece in sent)
    assert joined(sent) == begins.replace(b'"a"', b'"up"') + messages + ends.replace(b'"a"', b'"up"')


def joined(body: bytes | tuple[bytes | memoryview, ...]) -> bytes:
    return body if isinstance(body, bytes) else b"".join(body)
