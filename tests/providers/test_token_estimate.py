"""Each part of a conversation counts, and never for less than the table says."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    JsonSchema,
    Opaque,
    Part,
    Refusal,
    Role,
    ServerTool,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from ai_gateway.providers.media_size import Pixels
from ai_gateway.providers.token_estimate import (
    MOST_OF_ANY_IMAGE,
    MOST_OF_IMAGE,
    estimate,
    most_input,
    tokens_of_image,
    tokens_of_text,
)
from tests.providers.test_media_size import png

NOTHING = estimate(Conversation(turns=()))


def of_parts(*parts: Part) -> int:
    return estimate(Conversation(turns=(Turn(Role.USER, parts),))) - estimate(
        Conversation(turns=(Turn(Role.USER, ()),))
    )


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PICTURE = Source(data=in_base64(png(1_000, 750)))


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text("abcde"), 8 + 3),
        (Text("日本"), 8 + 6),  # three bytes each
        (Text("a日b"), 8 + 3 + 1),
        (Refusal("no"), 8 + 1),
        (ToolCall("id", "name", '{"a":1}'), 24 + 2 + 4),
        (ToolResult("id", (Text("ab"),)), 24 + 8 + 1),
        (Thinking("abcd", "signature"), 8 + 2),
        (Thinking(encrypted="abcdef"), 8 + 3),
        (Image(PICTURE), 8 + 1_000),  # 750,000 / 750; 85 + 170 x 4; 258 x 2
        (Image(Source(url="https://a")), 8 + MOST_OF_IMAGE),
        (Image(Source(data="AAAA")), 8 + MOST_OF_IMAGE),
        (Document(text="abcd", title="ab", context="cd"), 8 + 2 + 2),
        (Document(text="ab\ncd", blocks=("ab", "cd")), 8 + 3 + 16),
        (Document(Source(data=in_base64(bytes(90_000)))), 8 + 4_500),
        (Document(Source(data=in_base64(bytes(9)))), 8 + 3_000),
        (Document(Source(data=in_base64(bytes(9)), media_type="text/csv")), 8 + 9),
        (Document(Source(url="https://a")), 8 + 20_000),
        (Audio(Source(data=in_base64(bytes(48_000)), media_type="audio/wav")), 8 + 96),
        (Audio(Source(data=in_base64(bytes(3_000)), media_type="audio/mp3")), 8 + 96),
        (Audio(Source(file_id="a"), "abcd"), 8 + 2),
        (Opaque("anthropic", "k", {"a": 1}), 8 + 4),
    ],
)
def test_what_a_part_counts(part: Part, tokens: int) -> None:
    assert of_parts(part) == tokens


def test_what_stands_beside_the_turns_counts() -> None:
    def more(**asked: object) -> int:
        return estimate(Conversation(turns=(), **asked)) - NOTHING  # type: ignore[arg-type]

    assert more(tools=(Tool("ab", "cd", {"a": 1}),)) == 900 + 64 + 2 + 4
    assert more(tools=(ServerTool("anthropic", "k", {}),)) == 900 + 3_000 + 1
    assert more(format=JsonSchema({"a": 1})) == 500 + 4


@given(st.text())
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    assert -(-size // 2) <= tokens_of_text(text) <= size


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_larger_picture_is_never_less_and_none_is_more_than_the_dearest(width: int, height: int) -> None:
    tokens = tokens_of_image(Pixels(width, height))
    assert 0 < tokens <= tokens_of_image(Pixels(width + 1, height + 1)) <= MOST_OF_IMAGE == tokens_of_image(None)


def test_a_picture_does_not_bound_the_input_by_its_bytes() -> None:
    data = in_base64(png(1_000, 750) + bytes(3_000_000))
    picture = Image(Source(data=data))
    plain = Conversation(turns=(Turn(Role.USER, (Text("hello"),)),))
    shown = Conversation(turns=(Turn(Role.USER, (Text("hello"), picture, ToolResult("c", (picture,)))),))
    body = 2 * len(data) + 300
    assert most_input(plain, 200) == 200
    assert most_input(shown, body) == 300 + 2 * MOST_OF_ANY_IMAGE
    small = Image(Source(data="AAAA"))
    assert most_input(Conversation(turns=(Turn(Role.USER, (small,)),)), 300) == 300  # never more than its bytes
