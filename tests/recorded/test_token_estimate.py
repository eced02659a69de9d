"""The estimate against what providers counted: it is to be more, and not by too much.

Left out of the law, and printed: requests whose tools the provider runs itself, which read things that no request has;
and xAI's models, before whose prompts xAI puts one of its own of up to 680 tokens.
"""

from collections.abc import Callable

import msgspec
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.conversation import Conversation, ServerTool
from ai_gateway.providers.decoding import as_object, decode_any
from ai_gateway.providers.token_estimate import estimate
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.chat_front import ChatFront
from recorded.corpus import Exchange, load, needs_corpus, why_left_out
from recorded.test_replies import codec_of
from recorded.test_streams import watch_of

pytestmark = needs_corpus

READERS: dict[str, Callable[[dict[str, msgspec.Raw]], Conversation]] = {
    "anthropic.messages": AnthropicFront().read_request,
    "anthropic.count_tokens": AnthropicFront().read_request,
    "openai.chat_completions": ChatFront().read_request,
}
LAW = 0.99


class Counted(msgspec.Struct, frozen=True):
    exchange: Exchange
    asked: Conversation
    tokens: int

    @property
    def ratio(self) -> float:
        return estimate(self.asked) / self.tokens

    @property
    def has_more_than_the_request(self) -> bool:
        tools = any(isinstance(tool, ServerTool) for tool in self.asked.tools)
        return tools or "mcp_servers" in self.asked.others or b"grok" in (self.exchange.request or b"")


def tokens_of(exchange: Exchange) -> int | None:
    if exchange.endpoint == "anthropic.count_tokens":
        counted = as_object(decode_any(exchange.body)).get("input_tokens")
        return counted if isinstance(counted, int) else None
    if exchange.is_stream:
        watch = watch_of(exchange)
        watch.feed(exchange.body)
        watch.end()
        usage = watch.usage
    else:
        usage = codec_of(exchange).read_reply(Operation.CHAT, exchange.body).usage
    return None if usage is None else usage.input_tokens


def counted_exchanges() -> list[Counted]:
    found: list[Counted] = []
    for exchange in load(READERS):
        if exchange.status != 200 or not exchange.asked.get("messages") or why_left_out(exchange) is not None:
            continue
        if tokens := tokens_of(exchange):
            fields = msgspec.json.decode(exchange.request or b"", type=dict[str, msgspec.Raw])
            found.append(Counted(exchange, READERS[exchange.endpoint](fields), tokens))
    return found


def spread(ratios: list[float]) -> str:
    ordered = sorted(ratios)
    places = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    return ", ".join(f"p{round(100 * it)} {ordered[int(len(ordered) * it)]:.2f}" for it in places)


def test_the_estimate_is_hardly_ever_below_what_the_provider_counted(capsys: pytest.CaptureFixture[str]) -> None:
    found = counted_exchanges()
    plain = [it for it in found if not it.has_more_than_the_request]
    kept = [it for it in plain if it.ratio >= 1]
    long = [it.ratio for it in plain if it.tokens > 1_000]
    below = [f"{it.ratio:.2f} {it.exchange.asked.get('model')} {it.tokens}" for it in plain if it.ratio < 1]
    with capsys.disabled():
        print(f"\nestimates at least as counted: {len(kept)} of {len(plain)}; below: {'; '.join(below)}")
        print(f"estimate / count: {spread([it.ratio for it in plain])}")
        print(f"of more than 1,000 tokens ({len(long)}): {spread(long)}")
        print(f"with what is in no request: {sum(it.ratio >= 1 for it in found)} of {len(found)}")
    assert len(kept) >= LAW * len(plain)
    assert len(plain) > 900
