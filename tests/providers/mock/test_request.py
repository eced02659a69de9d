import pytest

from ai_gateway.providers.mock.reply import Refusal
from ai_gateway.providers.mock.request import Tool, input_tokens, read_asked, text_of, wanted_tool


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a", "a"),
        ([{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "tool_result", "content": "c"}], "c"),
        (None, ""),
        ({"a": 1}, '{"a":1}'),
    ],
)
def test_the_text_of_a_content(content: object, text: str) -> None:
    assert text_of(content) == text


def test_the_question_is_the_user_s_last() -> None:
    asked = read_asked(b'{"messages":[{"role":"user"},{"role":"user","content":"2"},{"role":"assistant"}]}')
    assert asked.question == "2"


@pytest.mark.parametrize(("role", "prefill"), [("assistant", "2"), ("user", "")])
def test_a_prefill_is_a_last_message_of_the_assistant(role: str, prefill: str) -> None:
    body = b'{"messages":[{"role":"assistant","content":"1"},{"role":"%s","content":"2"}]}' % role.encode()
    assert read_asked(body).prefill == prefill


def test_input_is_text_and_four_more_a_message() -> None:
    asked = read_asked(b'{"messages":[{"role":"system","content":"abcd"},{"role":"user","content":"abcdefgh"}]}')
    assert input_tokens(asked) == (4 + 1) + (4 + 2)
    assert input_tokens(asked, "abcd", None) == 12


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 100_000, b'{"a":"\xff"}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="could not parse"):
        read_asked(body)


@pytest.mark.parametrize(
    ("forced", "question", "name"),
    [(None, "use b", "b"), ("a", "use b", "a"), (None, "hi", None), ("z", "b", None)],
)
def test_the_tool_that_is_wanted(forced: str | None, question: str, name: str | None) -> None:
    tool = wanted_tool([Tool("a", None), Tool("b", None)], forced, question)
    assert (tool.name if tool else None) == name
