"""Whole answers of Cohere."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Citation, Text
from ai_gateway.domain.faults import Category
from ai_gateway.domain.reply import Reply, Stop
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.cohere_reply import citation_of, read_reply, stop_of
from providers.translation.cohere_wire import FINISHES, USAGES, parts, unary


@given(parts(), FINISHES, USAGES)
def test_an_answer_has_the_parts_that_were_sent(said: Any, finish: str, usage: Any) -> None:
    reply = read_reply(unary(said, finish, usage))
    assert isinstance(reply, Reply)
    assert (reply.id, reply.choices[0].parts) == ("r1", said)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        (
            {
                "billed_units": {"input_tokens": 25, "output_tokens": 9},
                "tokens": {"input_tokens": 91},
                "cached_tokens": 80,
            },
            Usage(25, 9),
        ),
        ({"tokens": {"input_tokens": 91.0, "output_tokens": 11}}, Usage(91, 11)),
        ({"billed_units": {"input_tokens": "x"}}, None),
        (None, None),
    ],
)
def test_what_is_billed_is_counted(usage: Any, read: Usage | None) -> None:
    reply = read_reply(unary((Text("x"),), "COMPLETE", usage))
    assert isinstance(reply, Reply)
    assert reply.usage == read


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("COMPLETE", Stop.END),
        ("STOP_SEQUENCE", Stop.STOP_SEQUENCE),
        ("MAX_TOKENS", Stop.LENGTH),
        ("TOOL_CALL", Stop.TOOL_CALLS),
        ("ERROR_LIMIT", Stop.CONTEXT),
        ("ERROR_TOXIC", Stop.CONTENT_FILTER),
        (None, Stop.UNKNOWN),
    ],
)
def test_every_finish_has_our_stop(finish: Any, stop: Stop) -> None:
    assert stop_of(finish, has_calls=False) is stop
    assert stop_of("COMPLETE", has_calls=True) is Stop.TOOL_CALLS


@pytest.mark.parametrize(("finish", "category"), [("ERROR", Category.PROVIDER_ERROR), ("TIMEOUT", Category.TIMEOUT)])
def test_a_generation_that_failed_is_a_failure(finish: str, category: Category) -> None:
    error = read_reply(unary((Text("half"),), finish, None))
    assert isinstance(error, ProviderError)
    assert classify(ProviderType.COHERE, error).category is category


def test_a_citation_knows_its_document_if_we_numbered_it() -> None:
    source = {"type": "document", "id": "doc:3", "document": {"title": "T", "url": "https://x.test"}}
    said = {"start": 1, "end": 4, "text": "abc", "sources": [source]}
    assert citation_of(said) == Citation(
        url="https://x.test", title="T", document=3, answer_start=1, answer_end=4, extra={"cohere": said}
    )
    assert citation_of({"type": "PLAN"}) is None


def test_a_citation_is_of_the_text_that_it_names() -> None:
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    cited = [{"start": 0, "end": 1, "content_index": 2}, {"start": 0, "end": 1}, {"type": "THINKING_CONTENT"}]
    message = {"content": content, "citations": cited}
    reply = read_reply(json.dumps({"message": message, "finish_reason": "COMPLETE"}).encode())
    assert isinstance(reply, Reply)
    _, first, second = reply.choices[0].parts
    assert isinstance(first, Text)
    assert isinstance(second, Text)
    assert (len(first.citations), len(second.citations)) == (1, 1)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"id":"1","message":"no"}', b'{"message":7}', b"[1]"])
def test_an_answer_without_a_message_is_none(body: bytes) -> None:
    read = read_reply(body)
    assert isinstance(read, ProviderError)
    assert read.message


@given(st.binary())
def test_nothing_makes_it_raise(body: bytes) -> None:
    assert isinstance(read_reply(body), ProviderError)
