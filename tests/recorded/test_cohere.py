"""Everything that was recorded of Cohere's API."""

import json
from collections import Counter
from typing import Any

import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    Maker,
    Part,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import Category
from ai_gateway.domain.reply import Reply
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.cohere_back import CohereBack
from ai_gateway.providers.translation.cohere_embeddings import CohereEmbeddings
from ai_gateway.providers.translation.cohere_reply import STOPS
from ai_gateway.providers.translation.embeddings import Vectors, Wanted
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.losses import Losses
from providers.translation.partitions import decoded
from recorded.corpus import Exchange, load, needs_corpus

pytestmark = needs_corpus

BACK = CohereBack()
CHAT = {"cohere.chat"}


def spoken(*, status: int = 200) -> list[Exchange]:
    """Those of the second version."""
    return [it for it in load(CHAT) if "/v2/" in it.url and it.status == status]


def test_every_recorded_answer_decodes(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [it for it in spoken() if not it.is_stream]
    for exchange in answers:
        reply = BACK.read_reply(exchange.body)
        assert isinstance(reply, Reply), exchange.id
        said = json.loads(exchange.body)
        (choice,) = reply.choices
        assert choice.stop is STOPS[said["finish_reason"]], exchange.id
        message = said["message"]
        expected = len(message.get("content") or ()) + len(message.get("tool_calls") or ()) + ("tool_plan" in message)
        assert len(choice.parts) == expected, exchange.id
        cited = sum(len(part.citations) for part in choice.parts if isinstance(part, Text))
        assert cited == len(message.get("citations") or ()), exchange.id
        billed = said["usage"]["billed_units"]
        assert reply.usage is not None
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (
            billed["input_tokens"],
            billed["output_tokens"],
        )
    old = Counter(it.url.split("cohere.com")[1] for it in load({*CHAT, "cohere.generate"}) if "/v2/" not in it.url)
    with capsys.disabled():
        print(f"\ncohere.chat: {len(answers)} of {len(answers)} answers; not spoken (older APIs): {dict(old)}")
    assert len(answers) >= 25


def test_every_recorded_stream_decodes_whole_and_in_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    streams = [it for it in spoken() if it.is_stream]
    for exchange in streams:
        whole = decoded(BACK.decoder(), exchange.body)
        reply = fold(whole)
        assert isinstance(reply, Reply), exchange.id
        assert reply.choices[0].parts, exchange.id
        assert reply.usage is not None, exchange.id
        for size in (1, 7, 4096):
            pieces = [exchange.body[at : at + size] for at in range(0, len(exchange.body), size)]
            assert decoded(BACK.decoder(), *pieces) == whole, exchange.id
    with capsys.disabled():
        print(f"\ncohere.chat: {len(streams)} of {len(streams)} streams")
    assert len(streams) >= 10


def test_a_recorded_request_is_written_as_it_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [it for it in load(CHAT) if "/v2/" in it.url and it.request is not None]
    for exchange in asked:
        losses = Losses("Cohere", drops=False)
        draft = BACK.write_request(conversation_of(exchange.asked), str(exchange.asked["model"]), losses)
        assert usual(draft.body) == usual(exchange.asked), exchange.id
        assert losses.dropped == (), exchange.id
        assert exchange.url.endswith(draft.path)
    with capsys.disabled():
        print(f"\ncohere requests: {len(asked)} of {len(asked)}")
    assert len(asked) >= 25


def test_every_recorded_refusal_is_classified_as_a_reader_would() -> None:
    (long,) = spoken(status=400)
    error = BACK.read_error(long.status, long.headers, long.body)
    assert classify(ProviderType.COHERE, error).category is Category.CONTEXT_LENGTH
    (unknown,) = (it for it in load({"cohere.embed"}) if it.status == 404)
    error = CohereEmbeddings().read_error(unknown.status, unknown.headers, unknown.body)
    assert classify(ProviderType.COHERE, error).category is Category.NOT_FOUND


def test_recorded_embeddings_decode_and_their_requests_are_written_as_they_were_sent() -> None:
    exchanges = [it for it in load({"cohere.embed"}) if it.status == 200]
    assert len(exchanges) == 2
    for exchange in exchanges:
        vectors = CohereEmbeddings().read(exchange.body)
        asked: Any = exchange.asked
        assert isinstance(vectors, Vectors)
        assert len(vectors.vectors) == len(asked["texts"])
        assert vectors.usage is not None
        wanted = Wanted(tuple(asked["texts"]), others={"input_type": asked["input_type"]})
        body = CohereEmbeddings().write(wanted, asked["model"], Losses("it", drops=False)).body
        assert body == asked | {"embedding_types": ["float"]}


def conversation_of(asked: dict[str, Any]) -> Conversation:
    choice = {None: None, "REQUIRED": ToolChoice(ChoiceMode.REQUIRED), "NONE": ToolChoice(ChoiceMode.NONE)}
    functions = [tool["function"] for tool in asked.get("tools") or ()]
    return Conversation(
        turns=tuple(_turn(message) for message in asked["messages"]),
        stream=asked.get("stream", False),
        stop=tuple(asked.get("stop_sequences") or ()),
        sampling=Sampling(temperature=asked.get("temperature")),
        tools=tuple(Tool(it["name"], it.get("description"), it["parameters"]) for it in functions),
        tool_choice=choice[asked.get("tool_choice")],
    )


def usual(asked: dict[str, Any]) -> dict[str, Any]:
    """A body without what says nothing, each content a list."""
    body = json.loads(json.dumps({"stream": False} | asked))
    for message in body["messages"]:
        if isinstance(message.get("content"), str):
            message["content"] = [{"type": "text", "text": message["content"]}]
        for name in [name for name, value in message.items() if value in (None, [])]:
            del message[name]
    return {name: value for name, value in body.items() if value is not None}


def _turn(message: dict[str, Any]) -> Turn:
    content = message.get("content") or ()
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    parts = [_part(block) for block in blocks]
    if message["role"] == "tool":
        texts = tuple(part for part in parts if isinstance(part, Text))
        return Turn(Role.USER, (ToolResult(message["tool_call_id"], texts),))
    for call in message.get("tool_calls") or ():
        parts.append(ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"]))
    return Turn(Role(message["role"]), tuple(parts))


def _part(block: dict[str, Any]) -> Part:
    return Thinking(block["thinking"], maker=Maker.COHERE) if block["type"] == "thinking" else Text(block["text"])
