"""A whole message of Anthropic's dialect under rules; `anthropic_events.py` says the same of a stream."""

from typing import Final

from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.shaping.anthropic_frame import MessageFrame, waits_for_tools
from ai_gateway.providers.shaping.anthropic_words import pipe_block
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.pieces import Body, encode, is_list, is_object, is_text, read_body

_NO_WORDS: Final = frozenset({"content", "usage", "stop_sequence"})
CALL: Final = "tool_use"


def shape_message(body: bytes, answer: AnswerRules) -> bytes:
    """What is no JSON object is shaped as one text. Raises Blocked, RuleFailed."""
    said = read_body(body)
    chains = Chains(answer)
    if not is_object(said):
        return body if chains.is_idle else chains.whole(body.decode(errors="replace")).encode(errors="replace")
    message: Body = said
    has_calls = any(as_object(block).get("type") == CALL for block in as_list(message.get("content")))
    stop = message.get("stop_reason")
    pipe_message(message, chains)
    MessageFrame(answer).dress_whole(message)
    if answer.appended and not waits_for_tools(stop, has_calls) and is_list(message.get("content")):
        message["content"].append({"type": "text", "text": answer.appended})
    return encode(message)


def pipe_message(message: Body, chains: Chains) -> None:
    """The words of a message's blocks, and those around them."""
    if chains.is_idle:
        return
    content = message.get("content")
    if is_list(content):
        for place, block in enumerate(content):
            if is_object(block):
                pipe_block(block, chains)
            else:
                content[place] = chains.any(block)
    elif content is not None:
        message["content"] = chains.misplaced(content)
    pipe_around(message, chains)


def pipe_around(body: Body, chains: Chains) -> None:
    """The words of a message, or of the event that ends one, beside its blocks (why a model refused)."""
    for name, value in list(body.items()):
        if name not in _NO_WORDS and (not isinstance(value, str) or is_text(name)):
            body[name] = chains.any(value)
