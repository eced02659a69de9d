"""Providers say a thing in deltas, in a part's end, in an item's end, or only at the end of all: it is read once."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import Citation, Maker, Opaque, Text, Thinking, ToolCall, ToolKind
from ai_gateway.domain.reply import Choice, Ended, Failed, Reply, Stop
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.responses_decoder import ResponsesReader
from ai_gateway.providers.translation.sse_decoder import SseDecoder
from providers.translation.responses_examples import event

CREATED = event("response.created", response={"id": "resp_1", "model": "m", "created_at": 5})


def item_event(kind: str, item: Any, index: int = 0) -> bytes:
    return event(f"response.output_item.{kind}", output_index=index, item=item)


def completed(*output: Any, status: str = "completed") -> bytes:
    return event(f"response.{status}", response={"id": "resp_1", "output": output, "status": status})


def choice_of(*events: bytes) -> Choice:
    decoder = SseDecoder(ResponsesReader())
    reply = fold(decoder.feed(b"".join((CREATED, *events))) + decoder.end())
    assert isinstance(reply, Reply)
    return reply.choices[0]


SAID = {
    "type": "message",
    "content": [{"type": "output_text", "text": "ab", "annotations": [{"type": "url_citation", "url": "u"}]}],
}
TEXT = Text("ab", citations=(Citation(url="u"),))
PLACE = {"output_index": 0, "content_index": 0}
ADDED = event("response.content_part.added", part={"type": "output_text", "text": ""}, **PLACE)
DELTAS = b"".join(event("response.output_text.delta", delta=letter, **PLACE) for letter in "ab")
ANNOTATED = event("response.output_text.annotation.added", annotation={"type": "url_citation", "url": "u"}, **PLACE)
DONE = event("response.content_part.done", part=SAID["content"][0], **PLACE)  # type: ignore[index]


@pytest.mark.parametrize(
    "events",
    [
        (item_event("added", SAID), ADDED, DELTAS, ANNOTATED, DONE, item_event("done", SAID), completed(SAID)),
        (DELTAS, completed(SAID)),
        (DELTAS, ANNOTATED, item_event("done", SAID), completed()),
        (ADDED, DONE, completed()),
        (item_event("done", SAID), completed(SAID)),
        (completed(SAID),),
    ],
)
def test_a_text_is_told_once_however_often_it_is_said(events: tuple[bytes, ...]) -> None:
    assert choice_of(*events).parts == (TEXT,)


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
ARGUMENTS = event("response.function_call_arguments.delta", delta="{}", output_index=0)


@pytest.mark.parametrize(
    "events",
    [
        (item_event("added", CALL | {"arguments": ""}), ARGUMENTS, item_event("done", CALL)),
        (ARGUMENTS, item_event("done", CALL)),
        (completed(CALL),),
    ],
)
def test_so_is_a_call(events: tuple[bytes, ...]) -> None:
    choice = choice_of(*events, completed(CALL))
    assert (choice.parts, choice.stop) == ((ToolCall("c", "f", "{}"),), Stop.TOOL_CALLS)


def test_a_custom_call_and_an_item_that_only_this_api_knows_keep_their_order() -> None:
    call = {"type": "custom_tool_call", "call_id": "c", "name": "g", "input": "x"}
    search = {"type": "web_search_call", "id": "ws"}
    choice = choice_of(
        item_event("added", search, 0),
        item_event("added", call | {"input": ""}, 1),
        event("response.custom_tool_call_input.delta", delta="x", output_index=1),
        item_event("done", call, 1),
        item_event("done", search, 0),
        completed(),
    )
    assert choice.parts == (
        Opaque("responses", "web_search_call", search),
        ToolCall("c", "g", "x", ToolKind.CUSTOM),
    )


@pytest.mark.parametrize(
    ("deltas", "item"),
    [
        (
            [("response.reasoning_summary_text.delta", {"summary_index": n}) for n in (0, 1)],
            {"summary": [{"text": "a"}, {"text": "a"}]},
        ),
        (
            [("response.reasoning_text.delta", {"content_index": n}) for n in (0, 1)],
            {"summary": [], "content": [{"text": "a"}, {"text": "a"}]},
        ),
        ([], {"summary": [{"text": "a"}, {"text": "a"}]}),
    ],
)
def test_sections_of_a_thought_are_one_text(deltas: list[tuple[str, dict[str, int]]], item: dict[str, Any]) -> None:
    thought = {"type": "reasoning", "id": "rs", "encrypted_content": "e", **item}
    choice = choice_of(
        item_event("added", thought | {"encrypted_content": "other", "summary": [], "content": []}),
        *(event(kind, delta="a", output_index=0, **place) for kind, place in deltas),
        item_event("done", thought),
        completed(),
    )
    assert choice.parts == (Thinking("a\n\na", None, "e", Maker.OPENAI, "rs"),)


@pytest.mark.parametrize("in_deltas", [True, False])
def test_log_probabilities_are_told_once(in_deltas: bool) -> None:
    weighed = [{"token": "ab"}]
    said = {"type": "message", "content": [{"type": "output_text", "text": "ab", "logprobs": weighed}]}
    delta = event("response.output_text.delta", delta="ab", logprobs=weighed if in_deltas else [], **PLACE)
    assert choice_of(delta, item_event("done", said), completed(said)).logprobs == {"content": weighed}


@pytest.mark.parametrize(
    "failure",
    [
        event("response.failed", response={"error": {"code": "server_error", "message": "boom"}}),
        event("error", code="server_error", message="boom"),
        event("error", error={"code": "server_error", "message": "boom"}),
    ],
)
def test_a_failure_is_told_in_its_own_words(failure: bytes) -> None:
    (failed,) = SseDecoder(ResponsesReader()).feed(failure)
    assert isinstance(failed, Failed)
    assert (failed.error.code, failed.error.message) == ("server_error", "boom")


def test_a_short_answer_and_a_stream_that_ends_too_soon() -> None:
    response = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [SAID]}
    assert choice_of(event("response.incomplete", response=response)).stop is Stop.LENGTH
    decoder = SseDecoder(ResponsesReader())
    events = decoder.feed(CREATED + DELTAS) + decoder.end()
    assert not any(isinstance(it, Ended) for it in events)


def test_what_it_does_not_know_means_nothing() -> None:
    reader = ResponsesReader()
    assert reader.read(b"", b"[DONE]") == []
    assert reader.read(b"", b'{"type":"response.something_new","delta":"x"}') == []
    assert reader.read(b"", b'{"type":7}') == []
