"""The events of a stream that adds up to a reply: the other way round than folding, for tests."""

from ai_gateway.domain.conversation import Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import (
    Began,
    Cited,
    Counted,
    Ended,
    Event,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Reply,
    Signed,
    Stopped,
    Weighed,
)


def unfold(reply: Reply) -> list[Event]:
    """Each text in two pieces."""
    events: list[Event] = [Began(reply.id, reply.model, reply.created)]
    for choice in reply.choices:
        at = choice.index
        for number, part in enumerate(choice.parts):
            match part:
                case Text():
                    events += [PartBegan(at, number, PartKind.TEXT), *_pieces(at, number, part.text)]
                    events += [Cited(at, number, it) for it in part.citations]
                case Refusal():
                    events += [PartBegan(at, number, PartKind.REFUSAL), *_pieces(at, number, part.text)]
                case Thinking():
                    began = PartBegan(at, number, PartKind.THINKING, maker=part.maker, thought_id=part.id)
                    events += [began, *_pieces(at, number, part.text)]
                    if part.signature is not None:
                        events.append(Signed(at, number, part.signature))
                    if part.encrypted is not None:
                        events.append(Signed(at, number, part.encrypted, is_encrypted=True))
                case ToolCall():
                    began = PartBegan(at, number, PartKind.TOOL_CALL, part.id, part.name, part.kind, part.maker)
                    events += [began, *_pieces(at, number, part.arguments)]
                    if part.signature is not None:
                        events.append(Signed(at, number, part.signature))
                case _:
                    events.append(PartWhole(at, number, part))
                    continue
            events.append(PartEnded(at, number))
        if choice.logprobs is not None:
            events.append(Weighed(at, choice.logprobs))
        if choice.stop is not None:
            events.append(Stopped(at, choice.stop, choice.stop_sequence, choice.others))
    if reply.usage is not None:
        events.append(Counted(reply.usage, reply.service_tier))
    return [*events, Ended()]


def _pieces(at: int, number: int, text: str) -> list[Event]:
    half = len(text) // 2
    return [Piece(at, number, piece) for piece in (text[:half], text[half:]) if piece]
