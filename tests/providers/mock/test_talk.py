import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.mock.talk import LONGEST_ECHO, Stop, call_tool, count_tokens, embed, say


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("ää", 1), ("äää", 2)])
def test_four_bytes_are_a_token(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


@given(st.text(max_size=200), st.one_of(st.none(), st.integers(1, 300)))
def test_an_answer_keeps_its_limit_and_its_pieces_are_its_text(question: str, limit: int | None) -> None:
    answer = say(question, limit)
    assert limit is None or answer.output_tokens <= limit
    assert "".join(answer.pieces) == answer.text
    assert (answer.stop is Stop.LENGTH) == (answer.text != say(question, None).text)


@given(st.text(max_size=50), st.integers(0, 600))
def test_a_begun_answer_is_finished(question: str, at: int) -> None:
    whole = say(question, None).text
    assert whole[:at] + say(question, None, whole[:at]).text == whole
    assert say(question, None, "#").text == whole


def test_a_long_question_is_echoed_shortly() -> None:
    echo = say("word " * 100, None).text.partition('You said: "')[2]
    assert len(echo) == LONGEST_ECHO + 1
    assert echo.endswith('..."')


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (None, {}),
        ({"properties": {"a": {"type": "number"}, "b": {"type": "boolean"}}}, {"a": 1.0, "b": True}),
        ({"properties": {"a": {}, "b": {"type": "integer"}}, "required": ["b"]}, {"b": 1}),
        ({"properties": {"o": {"type": "object", "properties": {"x": {"type": "array"}}}}}, {"o": {"x": []}}),
        ({"properties": {"n": {"type": ["string", "null"]}}}, {"n": "example"}),
    ],
)
def test_arguments_follow_the_schema(schema: object, arguments: dict[str, object]) -> None:
    tool = call_tool("t", schema).tool
    assert tool is not None
    assert tool.arguments == arguments


def test_texts_have_vectors_of_their_own() -> None:
    assert embed("a", 40) != embed("b", 40)
    assert embed("a", 40) == embed("a", 40)
