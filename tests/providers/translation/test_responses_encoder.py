"""The grammar of a streamed response: what is announced is filled and closed, in an order that readers rely on."""

from typing import Any

from hypothesis import given

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Citation, Image, Maker, Opaque, Source, Text, ToolKind
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Cited,
    Counted,
    Ended,
    Event,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Reply,
    Signed,
    Stop,
    Stopped,
    Weighed,
)
from ai_gateway.providers.translation.responses_encoder import ResponsesEncoder
from providers.translation.responses_examples import events_in, replies
from providers.translation.unfolding import unfold


def stream(*events: Event) -> list[dict[str, Any]]:
    encoder = ResponsesEncoder()
    return events_in(b"".join(map(encoder.write, events)) + encoder.end())


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


BEGAN = Began("1", "m", 5)


def test_a_text_has_the_whole_grammar() -> None:
    events = stream(BEGAN, PartBegan(0, 0, PartKind.TEXT), Piece(0, 0, 'a"'), Piece(0, 0, "\n"), Stopped(0, Stop.END))
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert events[4]["delta"] == 'a"'
    assert events[6]["text"] == 'a"\n'
    assert events[-1]["response"]["output"] == [events[-2]["item"]]


def test_a_thought_and_a_refusal_and_calls_have_theirs() -> None:
    events = stream(
        BEGAN,
        PartBegan(0, 0, PartKind.THINKING, maker=Maker.ANTHROPIC),
        Piece(0, 0, "hm"),
        Signed(0, 0, "sig"),
        PartEnded(0, 0),
        PartBegan(0, 1, PartKind.REFUSAL),
        Piece(0, 1, "no"),
        PartBegan(0, 2, PartKind.TOOL_CALL, "c", "f"),
        Piece(0, 2, "{}"),
        PartBegan(0, 3, PartKind.TOOL_CALL, "d", "g", ToolKind.CUSTOM),
        Piece(0, 3, "x"),
    )
    assert kinds(events)[2:] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "output_item.added",
        "function_call_arguments.delta",
        "output_item.added",
        "custom_tool_call_input.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "custom_tool_call_input.done",
        "output_item.done",
        "completed",
    ]
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert output[0]["encrypted_content"] == "gateway:anthropic:sig"
    assert (output[2]["arguments"], output[3]["input"]) == ("{}", "x")


def test_pieces_of_calls_may_come_mixed() -> None:
    calls = [PartBegan(0, n, PartKind.TOOL_CALL, f"c{n}", "f") for n in (0, 1)]
    events = stream(BEGAN, *calls, Piece(0, 1, "b"), Piece(0, 0, "a"), Piece(0, 1, "b"))
    assert [item["arguments"] for item in events[-1]["response"]["output"]] == ["a", "bb"]


def test_texts_of_one_message_are_its_parts_and_say_where_they_are_from() -> None:
    events = stream(
        BEGAN,
        PartBegan(0, 0, PartKind.TEXT),
        Piece(0, 0, "a"),
        Cited(0, 0, Citation(url="u")),
        PartEnded(0, 0),
        PartWhole(0, 1, Text("b", citations=(Citation(url="v"),))),
        Weighed(0, {"content": [{"token": "b"}]}),
    )
    assert kinds(events).count("output_text.annotation.added") == 2
    (message,) = events[-1]["response"]["output"]
    assert [part["text"] for part in message["content"]] == ["a", "b"]
    assert [part["annotations"][0]["url"] for part in message["content"]] == ["u", "v"]


def test_logprobs_stand_with_the_text() -> None:
    events = stream(BEGAN, Piece(0, 0, "a"), Weighed(0, {"content": [{"token": "a"}]}))
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == [{"token": "a"}]


def test_what_comes_whole_is_announced_and_done_at_once() -> None:
    search = {"type": "web_search_call", "id": "ws"}
    events = stream(
        BEGAN,
        PartWhole(0, 0, Opaque("responses", "web_search_call", search)),
        PartWhole(0, 1, Image(Source(data="AA=="))),
        PartWhole(0, 2, Opaque("anthropic", "server_tool_use", {})),
    )
    assert kinds(events)[2:] == ["output_item.added", "output_item.done"] * 2 + ["completed"]


def test_the_signature_of_a_call_follows_it() -> None:
    call = PartBegan(0, 0, PartKind.TOOL_CALL, "c", "f", maker=Maker.GOOGLE)
    events = stream(BEGAN, call, Piece(0, 0, "{}"), Signed(0, 0, "s"), PartEnded(0, 0))
    assert events[-1]["response"]["output"][1]["encrypted_content"] == "gateway-call:google:c:s"


def test_other_choices_are_not_told_and_usage_is() -> None:
    events = stream(
        BEGAN, PartBegan(1, 0, PartKind.TEXT), Piece(1, 0, "x"), Counted(Usage(2, 3), "flex"), Stopped(0, Stop.LENGTH)
    )
    last = events[-1]
    assert (last["type"], last["response"]["output"]) == ("response.incomplete", [])
    assert (last["response"]["usage"]["total_tokens"], last["response"]["service_tier"]) == (5, "flex")


def test_a_sign_of_life_is_a_comment() -> None:
    assert ResponsesEncoder().write(Alive()) == b": ping\n\n"
    assert kinds(stream()) == ["created", "in_progress", "completed"]
    assert kinds(stream(Ended())) == ["created", "in_progress", "completed"]


@given(replies())
def test_every_item_is_announced_once_and_done_once_and_is_in_the_end(reply: Reply) -> None:
    events = stream(*unfold(reply))
    added = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    done = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    output = events[-1]["response"]["output"]
    assert added == list(range(len(output)))
    assert [done[index] for index in range(len(output))] == output
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
