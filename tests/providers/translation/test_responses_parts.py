from typing import Any

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
    Thinking,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.responses_parts import read_content, write_parts, write_text
from providers.translation.responses_examples import TOLD


@given(st.lists(TOLD, max_size=4))
def test_what_is_written_is_read_as_it_was(parts: list[Part]) -> None:
    assert read_content(write_parts(parts, breakpoints=False), "x") == tuple(parts)


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ({"type": "output_text", "text": "a", "annotations": [], "logprobs": []}, Text("a")),
        ({"type": "input_text", "text": "a", "prompt_cache_breakpoint": {}}, Text("a")),
        (
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            Text("a", CacheTtl.FIVE_MINUTES),
        ),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "input_image", "image_url": {"url": "https://a/b"}}, Image(Source(url="https://a/b"))),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
            Image(Source(data="AA==", media_type="image/png")),
        ),
        (
            {"type": "input_file", "file_data": "data:text/plain,hi", "filename": "a.txt"},
            Document(Source(data="aGk=", media_type="text/plain"), title="a.txt"),
        ),
        (
            {"type": "input_file", "file_data": "AA=="},
            Document(Source(data="AA==", media_type="application/pdf")),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
            Audio(Source(data="AA==", media_type="audio/mp3")),
        ),
        ({"type": "input_video", "x": 1}, Opaque("responses", "input_video", {"type": "input_video", "x": 1})),
    ],
)
def test_a_part_is_read(part: dict[str, Any], read: Part) -> None:
    assert read_content([part], "x") == (read,)


def test_a_text_is_one_part_and_nothing_is_none() -> None:
    assert read_content("hi", "x") == (Text("hi"),)
    assert read_content(None, "x") == ()


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (7, "x"),
        ([{}], "x[0]"),
        ([{"type": "input_text", "text": 7}], "x[0].text"),
        ([{"type": "input_image"}], "x[0]"),
        ([{"type": "input_text", "text": ""}, {"type": "input_file"}], "x[1]"),
        ([{"type": "input_audio", "input_audio": {}}], "x[0].data"),
    ],
)
def test_what_nobody_takes_is_refused_by_its_name(content: object, param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_content(content, "x")
    assert refusal.value.param == param


def test_marks_are_written_where_they_are_wanted() -> None:
    marked = [Text("a", CacheTtl.HOUR)]
    assert write_parts(marked, breakpoints=True)[0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert write_parts(marked, breakpoints=False) == [{"type": "input_text", "text": "a"}]


def test_a_document_that_is_text_is_said_as_text_and_a_thought_is_not_said() -> None:
    parts = [Document(text="words"), Thinking("t")]
    assert write_parts(parts, breakpoints=False) == [{"type": "input_text", "text": "words"}]


def test_the_models_text_has_its_citations() -> None:
    assert write_text(Text("a")) == {"type": "output_text", "text": "a", "annotations": []}
