"""The law with the real pipes: for every dialect, every partition of the bytes and every place of a text, a stream
under rules adds up to the whole answer under the same rules; and what a scanner looks for is in neither."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AnswerRules, MakePipe
from ai_gateway.policy.scanning import ScanSpec, arguments_pipe, compile_replace, compile_scan
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.shaping import EventShaper
from ai_gateway.providers.shaping.anthropic_events import MessageShaper
from ai_gateway.providers.shaping.anthropic_reply import shape_message
from ai_gateway.providers.shaping.chat_events import ChatShaper
from ai_gateway.providers.shaping.chat_reply import shape_chat
from ai_gateway.providers.shaping.codec import ShapingCodec
from ai_gateway.providers.shaping.completions_events import CompletionShaper
from ai_gateway.providers.shaping.completions_reply import shape_completion
from ai_gateway.providers.shaping.responses_events import ResponseShaper
from ai_gateway.providers.shaping.responses_reply import shape_response
from ai_gateway.providers.shaping.tables import shape_reply, texts_of_events, texts_of_reply
from providers.calls import a_shaped
from providers.shaping import responding
from providers.shaping.adding_up import chat_of, message_of, settle, shaped, without_nothing
from providers.shaping.responding import a_call, a_message, a_response, a_thought, response_of, said
from providers.shaping.streams import chat_streams, chunk, frame, message_streams
from providers.shaping.test_completions_events import completion_of, stream_of, whole_of
from providers.translation.partitions import CUTS, pieces_of

EMAIL, CARD, KEY = "joe.doe@corp.example", "4111 1111 1111 1111", "sk-proj-Ab1Cd2Ef3Gh4Ij5Kl6Mn"
SECRETS = (EMAIL, CARD, KEY, "nightfall")
FOUND = compile_scan(ScanSpec(detect=("email", "card", "api_key", "secret"), words=("nightfall",)))
PATTERN = compile_scan(ScanSpec(pattern=r"se(cret)?|1[0-9]+", max_length=12))
NAMES = compile_replace("the end", "The End", ignore_case=True).pipe
REDACTS = FOUND.redactor(1, "[redacted]")
PIPES: st.SearchStrategy[tuple[MakePipe, ...]] = st.lists(
    st.sampled_from([REDACTS, PATTERN.redactor(2, "[x]"), NAMES]), min_size=1, max_size=3
).map(tuple)
RULES = st.builds(
    AnswerRules,
    request_id=st.just("req_7"),
    pipes=PIPES,
    arguments=st.just(arguments_pipe),
    metadata=st.sampled_from([{}, {"by": "us"}]),
    appended=st.sampled_from(["", " Bye."]),
    hidden_as=st.sampled_from([None, "ours"]),
)
SCANS = AnswerRules(pipes=(REDACTS,), arguments=arguments_pipe)
WORDS = st.lists(
    st.sampled_from(
        [*SECRETS, EMAIL[:7], EMAIL[7:], CARD[:9], CARD[9:], "the ", "end", "é", '"', "\\", "\n", "secret"]
    ),
    max_size=5,
).map(lambda words: "; ".join(words) + ";")


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=5))})
    return [text[a:b] for a, b in pairwise(cuts)]


@given(chat_streams(), RULES, CUTS)
def test_chat(events: list[bytes], answer: AnswerRules, cuts: list[int]) -> None:
    body = b"".join(events)
    want = json.loads(shape_chat(json.dumps(chat_of(body)).encode(), answer))
    for choice in want["choices"]:
        settle(choice.get("message", {}))
    assert without_nothing(chat_of(shaped(ChatShaper(answer), body, cuts))) == without_nothing(want)


@given(message_streams(), RULES, CUTS)
def test_messages(events: list[bytes], answer: AnswerRules, cuts: list[int]) -> None:
    body = b"".join(events)
    want = json.loads(shape_message(json.dumps(message_of(body)).encode(), answer))
    assert without_nothing(message_of(shaped(MessageShaper(answer), body, cuts))) == without_nothing(want)


@st.composite
def responses(draw: st.DrawFn) -> tuple[dict[str, Any], list[bytes]]:
    items = [
        a_thought(draw(WORDS)),
        a_message(said(draw(WORDS)), {"type": "refusal", "refusal": draw(WORDS)}),
        a_call(json.dumps({draw(WORDS): draw(WORDS), "n": [4111111111111111, 1.5]}, ensure_ascii=draw(st.booleans()))),
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "sh", "input": draw(WORDS)},
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "code": draw(WORDS),
            "outputs": [{"type": "logs", "logs": draw(WORDS)}],
        },
    ]
    response = a_response(*draw(st.lists(st.sampled_from(items), max_size=4, unique_by=lambda it: it["type"])))
    return response, responding.stream_of(response, lambda text: pieces(draw, text))


@given(responses(), RULES, CUTS)
def test_responses(told: tuple[dict[str, Any], list[bytes]], answer: AnswerRules, cuts: list[int]) -> None:
    response, events = told
    got = shaped(ResponseShaper(answer), b"".join(events), cuts)
    assert response_of(got) == json.loads(shape_response(json.dumps(response).encode(), answer))


@given(st.data(), WORDS, WORDS, RULES)
def test_completions(data: st.DataObject, one: str, two: str, answer: AnswerRules) -> None:
    texts = [data.draw(st.composite(pieces)(one)), data.draw(st.composite(pieces)(two))]
    got = completion_of(shaped(CompletionShaper(answer), b"".join(stream_of(*texts))))
    assert got == whole_of(answer, *texts)


def chat(draw: st.DrawFn, text: str) -> bytes:
    deltas = [chunk({"content": it}) for it in pieces(draw, text)]
    thoughts = [chunk({"reasoning_content": it}) for it in pieces(draw, text)]
    calls = [
        chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": it}}]})
        for it in pieces(draw, json.dumps({"a": text, text: [text]}, ensure_ascii=draw(st.booleans())))
    ]
    return b"".join(frame(it) for it in [*thoughts, *deltas, *calls, chunk({}, finish="stop")]) + b"data: [DONE]\n\n"


def messages(draw: st.DrawFn, text: str) -> bytes:
    lines = [
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": it} for it in pieces(draw, text)]),
        (
            {"type": "thinking", "thinking": ""},
            [{"type": "thinking_delta", "thinking": it} for it in pieces(draw, text)],
        ),
        (
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            [{"type": "input_json_delta", "partial_json": it} for it in pieces(draw, json.dumps({"a": text}))],
        ),
    ]
    told: list[dict[str, Any]] = [{"type": "message_start", "message": {"content": []}}]
    for index, (block, deltas) in enumerate(lines):
        told.append({"type": "content_block_start", "index": index, "content_block": block})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    told += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}, {"type": "message_stop"}]
    return b"".join(frame(it, name=it["type"]) for it in told)


def response(draw: st.DrawFn, text: str) -> bytes:
    whole = a_response(a_thought(text, text), a_message(said(text)), a_call(json.dumps({"a": text})))
    return b"".join(responding.stream_of(whole, lambda it: pieces(draw, it)))


def completion(draw: st.DrawFn, text: str) -> bytes:
    return b"".join(stream_of(pieces(draw, text)))


SAYS: list[tuple[Callable[[AnswerRules], EventShaper], Callable[[st.DrawFn, str], bytes], Callable[[bytes], Any]]] = [
    (ChatShaper, chat, chat_of),
    (MessageShaper, messages, message_of),
    (ResponseShaper, response, response_of),
    (CompletionShaper, completion, completion_of),
]


@pytest.mark.parametrize(("shaper", "says", "adds_up"), SAYS)
@given(data=st.data(), text=WORDS)
def test_no_secret_leaves_in_any_pieces(shaper: Any, says: Any, adds_up: Any, data: st.DataObject, text: str) -> None:
    got = shaped(shaper(SCANS), data.draw(st.composite(lambda draw: says(draw, text))()))
    seen = json.dumps(adds_up(got), ensure_ascii=False)
    assert not [secret for secret in SECRETS if secret in seen or secret.encode() in got]


@pytest.mark.parametrize(("shaper", "says", "adds_up"), SAYS)
@given(data=st.data(), secret=st.sampled_from(SECRETS))
def test_what_is_blocked_is_blocked_before_its_last_letter_is_out(
    shaper: Any, says: Any, adds_up: Any, data: st.DataObject, secret: str
) -> None:
    body = data.draw(st.composite(lambda draw: says(draw, f"so: {secret}; and on"))())
    blocks = shaper(AnswerRules(pipes=(FOUND.blocker(1),), arguments=arguments_pipe))
    out: list[bytes] = []
    with pytest.raises(Blocked):
        out.extend(blocks.feed(event + b"\n\n") for event in body.split(b"\n\n"))
    assert secret.encode() not in b"".join(out)


def test_completions_have_a_whole_form_too() -> None:
    body = json.dumps({"choices": [{"text": f"ask {EMAIL}", "finish_reason": "stop"}]}).encode()
    assert json.loads(shape_completion(body, SCANS))["choices"][0]["text"] == "ask [redacted]"


OPERATIONS = [Operation.CHAT, Operation.MESSAGES, Operation.RESPONSES, Operation.COMPLETIONS, Operation.IMAGES]
JSONS = b"""{"choices":[|{"message":|{"delta":|{"content":|{"output":[|{"type":"message",|"text":|"x"|}|]|,|null
{"data":[|"finish_reason":"stop"|data: |event: x""".replace(b"\n", b"|").split(b"|")
PIECES_OF_JSON = st.lists(st.sampled_from([*JSONS, b"\n\n", b"\n", b"\r", b"\xff"]), max_size=14).map(b"".join)


@given(st.sampled_from(OPERATIONS), st.binary(max_size=40) | PIECES_OF_JSON, CUTS)
def test_no_bytes_of_a_provider_are_an_error(operation: Operation, noise: bytes, cuts: list[int]) -> None:
    dialect = Dialect.ANTHROPIC if operation is Operation.MESSAGES else Dialect.OPENAI
    codec = ShapingCodec(KINDS[ProviderType.MOCK].codecs[dialect], SCANS)
    codec.read_reply(operation, noise)
    watch = codec.watch(a_shaped(operation, '{"model":"m","stream":true}'))
    for piece in pieces_of(noise, cuts):
        watch.feed(piece)
    watch.end()
    shape_reply(operation)(noise, SCANS)
    texts_of_reply(operation, noise)
    texts_of_events(operation, noise)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (Operation.CHAT, b'{"choices":[{"message":{"content":"%b"}}]}'),
        (Operation.MESSAGES, b'{"type":"message","content":[{"type":"text","text":"%b"}]}'),
        (Operation.RESPONSES, b'{"output":[{"type":"message","content":[{"type":"output_text","text":"%b"}]}]}'),
        (Operation.COMPLETIONS, b'{"choices":[{"text":"%b"}]}'),
        (Operation.IMAGES, b'{"data":[{"revised_prompt":"%b"}]}'),
    ],
)
def test_what_only_lenient_clients_can_read_is_read_too(operation: Operation, body: bytes) -> None:
    for odd in (
        b"\xff \\u006aoe.doe@corp.example",
        b"\t\\u006aoe.doe@corp.example",
        b"\\ud83d \\u006aoe.doe@corp.example",
    ):
        got = shape_reply(operation)(body % odd, SCANS)
        assert "[redacted]" in got.decode()
        assert b"doe@corp" not in got
