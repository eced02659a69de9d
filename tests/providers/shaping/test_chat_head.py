import pytest

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.chat_frame import ChatFrame
from ai_gateway.providers.shaping.chat_head import ChunkHead
from tests.providers.shaping.streams import chunk, frame

HIDES = AnswerRules(hidden_as="m", request_id="req_7")


def head(answer: AnswerRules) -> ChunkHead:
    return ChunkHead(ChatFrame(answer))


def test_what_stands_before_the_choices_is_renamed_and_the_rest_keeps_its_bytes() -> None:
    named = head(AnswerRules(names=(str.upper,)))
    for noise in ("a", "bcd"):
        event = frame(chunk({"content": "é gpt"}, obfuscation=noise), spaced=True)
        renamed = named.rename(event)
        assert renamed is not None
        assert renamed.startswith(
            b'data: {"id":"CHATCMPL-9","object":"chat.completion.chunk","created":7,"model":"GPT-X-1"'
        )
        assert renamed.partition(b'"choices"')[1:] == event.partition(b'"choices"')[1:]


def test_a_head_that_changes_is_made_again() -> None:
    hides = head(HIDES)
    said = [{**chunk({"content": "a"}), "created": at} for at in (7, 8)]
    assert [
        b'"created":%d,"model":"m"' % at in (hides.rename(frame(it)) or b"")
        for at, it in zip((7, 8), said, strict=True)
    ] == [True] * 2


@pytest.mark.parametrize(
    "event",
    [
        frame({"choices": [], "model": "gpt"}),
        frame({"x": 1}),
        b"data: [DONE]\n\n",
        b'event: x\ndata: {"id":"a","choices":[]}\n\n',
        b'data: {"id":"a" "choices":[]}\n\n',
        b'data: {"choices":1,"a":{"choices":[]}}\n\n',
        b'data: {"a":{"choices":[]}}\n\n',
        frame({"a": [{"choices": []}]}),
    ],
)
def test_in_doubt_nothing_is_said(event: bytes) -> None:
    hides = head(HIDES)
    renamed = hides.rename(event)
    assert renamed is None or b'"model":"gpt"' not in renamed
