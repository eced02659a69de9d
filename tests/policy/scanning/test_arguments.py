import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import Tally, TextPipe
from ai_gateway.policy.scanning import ScanSpec, arguments_pipe, chain, rewrite_json
from policy.scanning.json_texts import json_texts
from policy.scanning.running import flow, pieces_of, redactor

MAKE = redactor(ScanSpec(detect=("email", "card", "api_key")), "[gone]")


def make() -> TextPipe:
    return MAKE(Tally())


def through(pieces: list[str]) -> str:
    return flow(arguments_pipe(make), pieces)


def same(text: str) -> str:
    """It comes to the same when it comes character by character."""
    made = through([text])
    assert through(list(text)) == made
    return made


@given(json_texts(), st.data())
def test_what_is_lexed_means_what_is_rewritten(text: str, data: st.DataObject) -> None:
    made = through(data.draw(pieces_of(text)))
    assert made == through([text])
    expected = rewrite_json(json.loads(text), make)
    assert json.dumps(json.loads(made), sort_keys=True) == json.dumps(expected, sort_keys=True)


@given(json_texts())
def test_without_pipes_nothing_but_spelling_changes(text: str) -> None:
    made = flow(arguments_pipe(lambda: chain([])), list(text))
    assert json.dumps(json.loads(made)) == json.dumps(json.loads(text))
    if "\\" not in text:
        assert made == text


@given(json_texts(), st.lists(st.tuples(st.integers(0, 99), st.sampled_from('{}[]",:\\ua1 ')), max_size=3), st.data())
def test_a_broken_text_is_scanned_all_the_same(text: str, breaks: list[tuple[int, str]], data: st.DataObject) -> None:
    for place, char in breaks:
        text = text[:place] + char + text[place + 1 :]
    made = through([text])
    assert through(data.draw(pieces_of(text))) == made
    assert "a@b.co " not in made


@given(st.text(alphabet='{}[]",:\\ntu0041e-.+ a@b', max_size=40), st.data())
def test_no_text_is_too_odd(text: str, data: st.DataObject) -> None:
    assert through(data.draw(pieces_of(text))) == through([text])


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('{"to":"joe\\u0040example.com"}', '{"to":"[gone]"}'),
        ('{"to":"joe\\u0040example.com', '{"to":"[gone]'),
        ('{"joe@example.com":1, "ann@example.com":2}', '{"[gone]":1, "[gone] (2)":2}'),
        ('{"a@b.co":1,"a@b.co":2}', '{"[gone]":1,"[gone]":2}'),
        ('{"n": 4111111111111111 }', '{"n": "[gone]" }'),
        ("[4111111111111111,1.50,1E2]", '["[gone]",1.50,1E2]'),
        ("4111111111111111", '"[gone]"'),
        ("[4111111111111111e0]", '["[gone].0"]'),
        ("[1.000000000000000000004111111111111111]", "[1.000000000000000000004111111111111111]"),
        (' [ true , null ,"" ] ', ' [ true , null ,"" ] '),
        ('{"a":"x\\/y"}', '{"a":"x/y"}'),
        ("", ""),
        # no JSON
        ("ask joe@example.com", "ask [gone]"),
        ("4111 1111 1111 1111", "[gone]"),
        ("true joe@example.com", "true [gone]"),
        ("C:\\u0040 is a path", "C:\\u0040 is a path"),
        ('"Hello", said joe@example.com', '"Hello", said [gone]'),
        # JSON that breaks
        ('{"a": 4111 1111 1111 1111}', '{"a": [gone]}'),
        ("{'to': 'joe@example.com'}", "{'to': '[gone]'}"),
        ("{to: 'joe\\u0040example.com'}", "{to: '[gone]'}"),
        ('{"a": 1}{"b": "joe@example.com"}', '{"a": 1}{"b": "[gone]"}'),
        ('{"a": NaN, "b": "joe@example.com"}', '{"a": NaN, "b": "[gone]"}'),
        ('["a", ] joe@example.com', '["a", ] [gone]'),
        ("[1 joe@example.com", "[1 [gone]"),
        ("[" + "1" * 5_000, "[" + "1" * 5_000),
    ],
)
def test_what_comes_out(text: str, made: str) -> None:
    assert same(text) == made


def test_structure_and_text_flow_at_once() -> None:
    pipe = arguments_pipe(lambda: chain([]))
    assert [pipe.feed(text) for text in ('{"a', '": ', "[1", " ,", '"x', "\\", 'n"')] == [
        '{"a',
        '": ',
        "[",
        "1 ,",
        '"x',
        "",
        '\\n"',
    ]


def test_every_string_has_a_pipe_of_its_own() -> None:
    """A secret over two strings is not put together."""
    assert same('["joe@example", ".com"]') == '["joe@example", ".com"]'


def test_depth_is_no_problem() -> None:
    text = "[" * 50_000 + '"a@b.co"' + "]" * 50_000
    assert through([text]) == text.replace("a@b.co", "[gone]")
