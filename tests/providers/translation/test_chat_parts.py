"""Content parts as callers write them."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import Audio, CacheTtl, Document, Image, Opaque, Refusal, Source, Text, Thinking
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.chat_parts import (
    media_type_of,
    read_cache,
    read_content,
    sound_format_of,
    source_of,
)

PNG = "data:image/png;base64,AA=="
MARK = {"type": "ephemeral"}
AN_IMAGE = Image(Source(data="AA==", media_type="image/png"))


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ("a", Text("a")),
        ({"type": "text", "text": "a", "cache_control": MARK}, Text("a", CacheTtl.FIVE_MINUTES)),
        ({"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
         Text("a", CacheTtl.FIVE_MINUTES)),
        ({"type": "text", "text": "a", "image_url": None}, Text("a")),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "image_url", "image_url": {"url": PNG}}, AN_IMAGE),
        ({"type": "image_url", "image_url": PNG}, AN_IMAGE),
        ({"type": "image_url", "image_url": {"url": "https://a.example/b", "detail": "low"}},
         Image(Source(url="https://a.example/b"), "low")),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
         Audio(Source(data="AA==", media_type="audio/mpeg"))),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "b.pdf"}},
         Document(source=Source(data="AA==", media_type="application/pdf"), title="b.pdf")),
        ({"type": "file", "file": {"file_data": "AA=="}}, Document(source=Source(data="AA=="))),
        ({"type": "file", "file": {"file_data": "https://a.example/b.pdf"}},
         Document(source=Source(url="https://a.example/b.pdf"))),
        ({"type": "file", "file": {"file_id": "f1"}, "cache_control": MARK},
         Document(source=Source(file_id="f1"), cache=CacheTtl.FIVE_MINUTES)),
        ({"type": "document_url", "document_url": "https://a.example/b.pdf", "document_name": "b"},
         Document(source=Source(url="https://a.example/b.pdf"), title="b")),
        ({"type": "document_url", "document_url": {"url": "https://a.example/b.pdf"}},
         Document(source=Source(url="https://a.example/b.pdf"))),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]},
         Thinking("hm")),
    ],
)  # fmt: skip
def test_a_part_is_read(part: Any, read: Any) -> None:
    assert read_content([part], "c") == [read]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video_url", "video_url": {"url": "https://a.example"}},
        {"type": "text", "text": "a", "unheard_of": 1},
        {"type": "image_url", "image_url": {"url": PNG, "format": "png"}},
        {"type": "file", "file": {"file_data": "AA==", "unheard_of": 1}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav", "unheard_of": 1}},
    ],
)
def test_a_part_with_more_than_is_known_is_kept_whole(part: Any) -> None:
    assert read_content([part], "c") == [Opaque("chat", part["type"], part)]


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (7, "c"),
        ([7], "c[0]"),
        ([{}], "c[0].type"),
        ([{"type": "text"}], "c[0].text"),
        ([{"type": "text", "text": "a"}, {"type": "image_url"}], "c[1].image_url"),
        ([{"type": "image_url", "image_url": {}}], "c[0].image_url.url"),
        ([{"type": "text", "text": "a", "cache_control": {"type": "forever"}}], "c[0].cache_control"),
    ],
)
def test_what_nobody_would_take_is_refused_by_its_place(content: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_content(content, "c")
    assert refused.value.param == param


def test_content_may_be_a_string_or_nothing() -> None:
    assert read_content("a", "c") == [Text("a")]
    assert read_content(None, "c") == []


@pytest.mark.parametrize(
    ("mark", "ttl"),
    [
        (None, None),
        ({"type": "ephemeral"}, CacheTtl.FIVE_MINUTES),
        ({"type": "ephemeral", "ttl": None}, CacheTtl.FIVE_MINUTES),
        ({"type": "ephemeral", "ttl": "5m"}, CacheTtl.FIVE_MINUTES),
        ({"type": "ephemeral", "ttl": "1h"}, CacheTtl.HOUR),
    ],
)
def test_a_cache_mark_is_read(mark: Any, ttl: CacheTtl | None) -> None:
    assert read_cache(mark, "c") is ttl


@pytest.mark.parametrize("mark", ["yes", {}, {"type": "ephemeral", "ttl": "2h"}, {"type": "ephemeral", "ttl": 5}])
def test_what_is_no_cache_mark_is_refused(mark: Any) -> None:
    with pytest.raises(InvalidRequest):
        read_cache(mark, "c")


def test_a_data_url_is_its_bytes_and_all_else_an_address() -> None:
    assert source_of("DATA:a/b;c=d;base64,AA==") == Source(data="AA==", media_type="a/b;c=d")
    assert source_of("data:;base64,AA==") == Source(data="AA==")
    assert source_of("https://a.example/?x=;base64,y") == Source(url="https://a.example/?x=;base64,y")
    assert source_of("data:text/plain,a") == Source(url="data:text/plain,a")


@pytest.mark.parametrize("form", ["wav", "mp3", "flac", "pcm16"])
def test_a_sound_has_its_format_again(form: str) -> None:
    assert sound_format_of(media_type_of(form)) == form


@pytest.mark.parametrize(
    ("media_type", "form"),
    [(None, "wav"), ("audio/x-wav", "wav"), ("audio/mp3", "mp3"), ("audio/ogg; codecs=opus", "ogg")],
)
def test_sounds_of_other_dialects_have_a_format(media_type: str | None, form: str) -> None:
    assert sound_format_of(media_type) == form
