from ai_gateway.domain.conversation import (
    Audio,
    Image,
    Maker,
    Opaque,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
from ai_gateway.domain.reply import Stop
from ai_gateway.providers.translation.responses_output import Names, ended, items_of, opened, response_id

SPACE = [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}, {"type": "web_search"}]


def test_an_id_has_the_form_of_the_api() -> None:
    assert (response_id("resp_1"), response_id("msg_1")) == ("resp_1", "resp_msg_1")


def test_texts_that_follow_each_other_are_one_message() -> None:
    parts = (Text("a"), Refusal("b"), ToolCall("c", "f", "{}"), Text("d"))
    items = list(items_of(parts, "resp_1", Names()))
    assert [item["type"] for item in items] == ["message", "function_call", "message"]
    assert [part["type"] for part in items[0]["content"]] == ["output_text", "refusal"]
    assert len({item["id"] for item in items}) == 3


def test_every_kind_of_part_has_an_item() -> None:
    search = {"type": "web_search_call"}
    parts = (
        Thinking("t", None, "e", Maker.OPENAI, "rs"),
        ToolCall("c", "g", "x", ToolKind.CUSTOM),
        Image(Source(data="AA==", media_type="image/webp")),
        Audio(Source(data="AA=="), "words"),
        Opaque("responses", "web_search_call", search),
        Opaque("anthropic", "server_tool_use", {}),
    )
    items = list(items_of(parts, "resp_1", Names()))
    assert [item["type"] for item in items] == [
        "reasoning",
        "custom_tool_call",
        "image_generation_call",
        "message",
        "web_search_call",
    ]
    assert (items[2]["result"], items[2]["output_format"]) == ("AA==", "webp")
    assert items[3]["content"][0]["text"] == "words"


def test_a_tool_of_a_namespace_is_called_as_the_caller_knows_it() -> None:
    names = Names(SPACE)
    assert names.of("n__f") == {"name": "f", "namespace": "n"}
    assert names.of("other") == {"name": "other"}


def test_the_end_says_why() -> None:
    begun = opened("1", "m", None)
    assert (begun["id"], begun["status"], begun["created_at"]) == ("resp_1", "in_progress", 0)
    cut = ended(begun, [], Stop.LENGTH, None, "flex")
    assert (cut["status"], cut["incomplete_details"], cut["service_tier"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
        "flex",
    )
    refused = list(items_of((Refusal("no"),), "1", Names()))
    assert ended(begun, refused, Stop.REFUSAL, None, None)["status"] == "completed"
