"""The law for what callers get of other providers: what was translated and then shaped adds up to the whole answer that
was translated and then shaped, as the caller's own client reads both."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_gateway.domain.conversation import Part, ToolCall
from ai_gateway.domain.reply import Reply
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.decoding import decode_any
from ai_gateway.providers.shaping.anthropic_events import MessageShaper
from ai_gateway.providers.shaping.anthropic_reply import shape_message
from ai_gateway.providers.shaping.chat_events import ChatShaper
from ai_gateway.providers.shaping.chat_reply import shape_chat
from ai_gateway.providers.shaping.pieces import encode
from ai_gateway.providers.translation.folding import fold
from tests.providers.shaping.adding_up import shaped
from tests.providers.shaping.pipes import Arguments, digits, late, literal
from tests.providers.translation.partitions import CUTS, decoded, pieces_of
from tests.providers.translation.speakers import CALLERS, PROVIDERS, heard
from tests.providers.translation.test_pairs_laws import meaning

WAYS = {"chat": (ChatShaper, shape_chat), "anthropic": (MessageShaper, shape_message)}
RULES = st.builds(
    AnswerRules,
    request_id=st.just("req_1"),
    pipes=st.lists(st.sampled_from([literal("a", "bb"), literal("bb", "c"), digits, late]), max_size=2).map(tuple),
    arguments=st.just(Arguments),
    appended=st.sampled_from(["", " The end."]),
    hidden_as=st.sampled_from([None, "company-model"]),
)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("caller", WAYS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_shaped_stream_tells_what_the_shaped_answer_tells(caller: str, provider: str, data: st.DataObject) -> None:
    shaper, shape = WAYS[caller]
    asks, answers = CALLERS[caller], PROVIDERS[provider]
    answer, rules, cuts = data.draw(answers.answers), data.draw(RULES), data.draw(CUTS)
    codec = asks.codec(answers)
    stream = heard(codec.watch(asks.call()), *pieces_of(answer.stream, cuts)).whole
    body = codec.read_reply(asks.operation, answer.whole).body
    assert body is not None
    streamed = fold(decoded(asks.reader.decoder(), shaped(shaper(rules), stream, cuts)))
    whole = asks.reader.read_reply(shape(body, rules))
    assert plainly(meaning(streamed, caller)) == plainly(meaning(whole, caller))


def plainly(reply: Reply) -> Reply:
    """Arguments in one spelling: a value has no spaces."""
    choices = [replace(it, parts=tuple(_plain(part) for part in it.parts)) for it in reply.choices]
    return replace(reply, choices=tuple(choices))


def _plain(part: Part) -> Part:
    value = decode_any(part.arguments.encode()) if isinstance(part, ToolCall) else None
    return part if value is None else replace(part, arguments=encode(value).decode())
