"""Content parts as a provider gets them, by its ways."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.conversation import Audio, CacheTtl, Document, Image, Opaque, Refusal, Source, Text, ToolCall
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.chat_sent_parts import PartWriter, cache_control, url_of
from ai_gateway.providers.translation.chat_ways import OPENAI, CacheMarks, ChatWays, DocumentForm
from ai_gateway.providers.translation.losses import Losses

PNG = Image(Source(data="AA==", media_type="image/png"))
WEB_IMAGE = Image(Source(url="https://a.example/b.png"), "low")
PDF = Document(source=Source(data="AA==", media_type="application/pdf"))
WEB_PDF = Document(source=Source(url="https://a.example/b.pdf"), title="b")
SOUND = Audio(Source(data="AA==", media_type="audio/mpeg"))
MARKS = ChatWays(cache_marks=CacheMarks.CACHE_CONTROL)


def written(part: Any, ways: ChatWays = OPENAI, *, drops: bool = False) -> tuple[Any, tuple[str, ...]]:
    losses = Losses("x", drops=drops)
    return PartWriter(ways, losses).write(part, "messages[0].content[0]"), losses.dropped


@pytest.mark.parametrize(
    ("part", "ways", "sent"),
    [
        (Text("a"), OPENAI, {"type": "text", "text": "a"}),
        (Text("a", CacheTtl.HOUR), MARKS,
         {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        (Text("a", CacheTtl.HOUR), ChatWays(cache_marks=CacheMarks.BREAKPOINT),
         {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}),
        (Refusal("no"), OPENAI, {"type": "refusal", "refusal": "no"}),
        (PNG, OPENAI, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}),
        (WEB_IMAGE, OPENAI, {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}}),
        (PDF, OPENAI,
         {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "document.pdf"}}),
        (Document(source=Source(file_id="f1")), OPENAI, {"type": "file", "file": {"file_id": "f1"}}),
        (WEB_PDF, ChatWays(document_urls=True),
         {"type": "file", "file": {"filename": "b", "file_data": "https://a.example/b.pdf"}}),
        (WEB_PDF, ChatWays(documents=DocumentForm.URL),
         {"type": "document_url", "document_url": "https://a.example/b.pdf", "document_name": "b"}),
        (Document(text="long", title="t", context="c"), OPENAI,
         {"type": "text", "text": '<document title="t" context="c">\nlong\n</document>'}),
        (Document(text="long", origin="https://a.example"), OPENAI,
         {"type": "text", "text": '<document source="https://a.example">\nlong\n</document>'}),
        (Document(text="long"), OPENAI, {"type": "text", "text": "<document>\nlong\n</document>"}),
        (SOUND, OPENAI, {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}),
        (Opaque("chat", "video_url", {"type": "video_url"}), OPENAI, {"type": "video_url"}),
    ],
)  # fmt: skip
def test_a_part_is_sent(part: Any, ways: ChatWays, sent: Any) -> None:
    assert written(part, ways) == (sent, ())


@pytest.mark.parametrize(
    ("part", "ways"),
    [
        (WEB_IMAGE, ChatWays(image_urls=False)),
        (PNG, ChatWays(images=False)),
        (Image(Source(file_id="f1")), OPENAI),
        (WEB_PDF, OPENAI),
        (PDF, ChatWays(documents=DocumentForm.NONE)),
        (Document(source=Source(file_id="f1")), ChatWays(documents=DocumentForm.URL)),
        (SOUND, ChatWays(audio=False)),
        (Audio(Source(file_id="a1")), OPENAI),
        (Opaque("anthropic", "container_upload", {}), OPENAI),
        (ToolCall("c1", "f", "{}"), OPENAI),
    ],
)
def test_what_the_provider_cannot_take_is_refused_by_its_place_or_left_out(part: Any, ways: ChatWays) -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(part, ways)
    assert refused.value.param == "messages[0].content[0]"
    assert written(part, ways, drops=True) == (None, ("messages[0].content[0]",))


@pytest.mark.parametrize(
    ("change", "told"),
    [({"cites": True}, "messages[0].content[0].citations"), ({"context": "c"}, "messages[0].content[0].context")],
)
def test_what_a_document_cannot_be_asked_is_told(change: Any, told: str) -> None:
    sent, dropped = written(msgspec.structs.replace(PDF, **change), drops=True)
    assert sent["type"] == "file"
    assert dropped == (told,)


def test_a_cache_mark_is_forgiven_where_the_provider_caches_by_itself() -> None:
    assert written(Text("a", CacheTtl.HOUR)) == ({"type": "text", "text": "a"}, ("cache_control",))


def test_bytes_have_a_data_url_and_a_file_of_the_provider_has_none() -> None:
    assert url_of(Source(data="AA==")) == "data:application/octet-stream;base64,AA=="
    assert url_of(Source(file_id="f1")) is None
    assert cache_control(CacheTtl.FIVE_MINUTES) == {"type": "ephemeral"}
