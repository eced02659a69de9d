"""A part that came at once, as the pieces that it could have come in: who writes streams has one way to write them."""

from ai_gateway.domain.conversation import Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Cited, PartBegan, PartEnded, PartKind, PartWhole, Piece, Signed

OfPart = PartBegan | Piece | Signed | Cited | PartWhole | PartEnded


def pieces_of(whole: PartWhole) -> list[OfPart]:
    """The events of a part that has pieces, but came at once; none for another."""
    choice, part, value = whole.choice, whole.part, whole.value
    match value:
        case Text():
            events: list[OfPart] = [PartBegan(choice, part, PartKind.TEXT), Piece(choice, part, value.text)]
            events += [Cited(choice, part, citation) for citation in value.citations]
        case Refusal():
            events = [PartBegan(choice, part, PartKind.REFUSAL), Piece(choice, part, value.text)]
        case Thinking():
            events = [PartBegan(choice, part, PartKind.THINKING, maker=value.maker, thought_id=value.id)]
            events += [Piece(choice, part, value.text), *_signs(whole, value.signature)]
            if value.encrypted is not None:
                events.append(Signed(choice, part, value.encrypted, is_encrypted=True))
        case ToolCall():
            maker = value.maker if value.signature is not None else None
            events = [
                PartBegan(choice, part, PartKind.TOOL_CALL, value.id, value.name, value.kind, maker),
                *_signs(whole, value.signature),
                Piece(choice, part, value.arguments),
            ]
        case _:
            return []
    return [*events, PartEnded(choice, part)]


def _signs(whole: PartWhole, signature: str | None) -> list[Signed]:
    return [] if signature is None else [Signed(whole.choice, whole.part, signature)]
