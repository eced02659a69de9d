"""Blocks come back as they were: as parts where those can say all of it, whole where they cannot."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Document,
    Image,
    Opaque,
    Part,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from ai_gateway.providers.translation.anthropic_blocks import (
    ARGUMENTS,
    arguments_of,
    media_type_of,
    read_cache,
    read_part,
    write_cache,
    write_part,
)

EPHEMERAL = {"type": "ephemeral"}
PLAIN_BLOCKS: list[tuple[dict[str, Any], Part]] = [
    ({"type": "text", "text": "hi"}, Text("hi")),
    ({"type": "text", "text": "hi", "cache_control": EPHEMERAL}, Text("hi", CacheTtl.FIVE_MINUTES)),
    (
        {
            "type": "image",
            "source": {"type": "url", "url": "https://a/b.png"},
            "cache_control": {**EPHEMERAL, "ttl": "1h"},
        },
        Image(Source(url="https://a/b.png"), cache=CacheTtl.HOUR),
    ),
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        Image(Source(data="AAAA", media_type="image/png")),
    ),
    ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, Image(Source(file_id="file_1"))),
    (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            "title": "t",
            "context": "c",
            "citations": {"enabled": True},
        },
        Document(Source(data="AAAA", media_type="application/pdf"), None, "t", "c", cites=True),
    ),
    ({"type": "document", "source": {"type": "url", "url": "https://a"}}, Document(Source(url="https://a"))),
    ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, Document(Source(file_id="file_1"))),
    (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        Document(text="words"),
    ),
    (
        {
            "type": "document",
            "source": {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        },
        Document(text="a\nb", blocks=("a", "b")),
    ),
    (
        {
            "type": "search_result",
            "source": "https://a",
            "title": "t",
            "content": [{"type": "text", "text": "a"}],
            "citations": {"enabled": True},
        },
        Document(text="a", title="t", cites=True, blocks=("a",), origin="https://a"),
    ),
    ({"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}, ToolCall("t1", "f", '{"a":1}')),
]
WHOLE_BLOCKS: list[dict[str, Any]] = [
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
    {"type": "text", "text": "hi", "colour": "red"},
    {"type": "text", "text": 3},
    {"type": "text", "text": "hi", "citations": [{"no": "type"}]},
    {"type": "image", "source": {"type": "url", "url": "https://a"}, "transformations": {"oversized_image": "error"}},
    {"type": "image", "source": {"type": "url"}},
    {"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": {}}]}},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": 3},
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a", "x": 1}]},
    {
        "type": "tool_use",
        "id": "t",
        "name": "f",
        "input": {},
        "caller": {"type": "code_execution_20260120", "tool_id": "x"},
    },
    {"type": "tool_use", "id": "t", "name": "f", "input": "text"},
    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference", "tool_name": "f"}]},
    {"type": "tool_result", "content": "no id"},
    {"type": "thinking", "thinking": 3, "signature": "s"},
    {"type": "redacted_thinking"},
]


@pytest.mark.parametrize(("block", "part"), PLAIN_BLOCKS)
def test_a_block_is_a_part_and_comes_back(block: dict[str, Any], part: Part) -> None:
    assert read_part(block) == part
    assert msgspec.json.decode(msgspec.json.encode(write_part(part))) == block


@pytest.mark.parametrize("block", WHOLE_BLOCKS)
def test_a_block_that_no_part_can_say_is_kept_whole(block: dict[str, Any]) -> None:
    part = read_part(block)
    assert part == Opaque("anthropic", block["type"], block)
    assert write_part(part) == block


def test_members_that_are_null_say_nothing() -> None:
    assert read_part({"type": "text", "text": "hi", "citations": None, "cache_control": None}) == Text("hi")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("done", (Text("done"),)),
        ([], ()),
        (
            [{"type": "text", "text": "see"}, {"type": "image", "source": {"type": "url", "url": "u"}}],
            (Text("see"), Image(Source(url="u"))),
        ),
    ],
)
def test_results_have_their_parts_and_their_errors(content: Any, parts: tuple[Any, ...]) -> None:
    block = {"type": "tool_result", "tool_use_id": "t", "content": content, "is_error": True}
    assert read_part(block) == ToolResult("t", parts, is_error=True)


@given(st.one_of(st.text(), st.just('{"a": [1, 2]}'), st.just("[1]"), st.just("{}")))
def test_arguments_come_back_whatever_the_model_wrote(text: str) -> None:
    block = write_part(ToolCall("t", "f", text))
    assert block is not None
    said = msgspec.json.decode(msgspec.json.encode(block["input"]))
    assert isinstance(said, dict)
    again = arguments_of(block["input"])
    assert again == (text if text.strip() else "{}")


def test_text_of_a_custom_tool_is_wrapped_even_if_it_looks_like_an_object() -> None:
    block = write_part(ToolCall("t", "f", "{}", ToolKind.CUSTOM))
    assert block is not None
    assert block["input"] == {ARGUMENTS: "{}"}
    assert arguments_of(block["input"]) == "{}"


@pytest.mark.parametrize("ttl", CacheTtl)
def test_marks_come_back(ttl: CacheTtl) -> None:
    assert read_cache(write_cache(ttl)) is ttl
    assert read_cache({"type": "ephemeral", "ttl": "1d", "scope": "global"}) is CacheTtl.FIVE_MINUTES
    assert read_cache("ephemeral") is read_cache(None) is None


@pytest.mark.parametrize(
    ("base64", "kind"),
    [("iVBORw0KGgoAAA", "image/png"), ("/9j/4AAQ", "image/jpeg"), ("R0lGODlh", "image/gif"),
     ("UklGRiQA", "image/webp"), ("JVBERi0x", "application/pdf"), ("AAAA", None)],
)  # fmt: skip
def test_bytes_that_nobody_named_are_known_by_their_beginning(base64: str, kind: str | None) -> None:
    assert media_type_of(base64) == kind
    image = Image(Source(data=base64))
    assert (write_part(image) is None) == (kind is None)


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Refusal("no"), {"type": "text", "text": "no"}),
        (Audio(Source(file_id="a"), "spoken"), {"type": "text", "text": "spoken"}),
        (Audio(Source(file_id="a")), None),
        (Document(Source(data="AAAA", media_type="text/csv")), None),
        (Opaque("responses", "web_search_call", {"type": "web_search_call"}), None),
        (ToolResult("t"), None),
    ],
)
def test_what_other_makers_say_has_the_nearest_block_or_none(part: Part, block: dict[str, Any] | None) -> None:
    assert write_part(part) == block
