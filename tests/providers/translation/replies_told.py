"""A whole answer told as the events of a stream, in pieces of any length and with its parts and choices mixed."""

from random import Random

from ai_gateway.domain.conversation import Citation, Part, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Choice,
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


def told(reply: Reply, rng: Random) -> list[Event]:
    began = Began(reply.id, reply.model, reply.created, None, reply.service_tier, reply.fingerprint)
    lines = [line for choice in reply.choices for line in _lines(choice, rng)]
    events: list[Event] = [began, *_mixed(lines, rng)]
    for choice in reply.choices:
        if choice.logprobs is not None:
            events.append(Weighed(choice.index, choice.logprobs))
        if choice.stop is not None:
            events.append(Stopped(choice.index, choice.stop, choice.stop_sequence, choice.others))
    if reply.usage is not None:
        events.append(Counted(reply.usage, reply.service_tier))
    return [*events, Ended()]


def pieces(text: str, rng: Random) -> list[str]:
    """The text in one to three pieces, of which none is empty."""
    cuts = sorted(rng.randint(0, len(text)) for _ in range(2))
    return [piece for piece in (text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]) if piece]


def _mixed(lines: list[list[Event]], rng: Random) -> list[Event]:
    """Each line in its order. They begin in the order of the parts, and go on as chance will have it."""
    mixed: list[Event] = []
    running: list[list[Event]] = []
    waiting = [list(line) for line in lines if line]
    while waiting or running:
        if waiting and (not running or rng.random() < 0.5):
            running.append(waiting.pop(0))
            mixed.append(running[-1].pop(0))
        else:
            mixed.append(rng.choice(running).pop(0))
        running = [line for line in running if line]
        if rng.random() < 0.1:
            mixed.append(Alive())
    return mixed


def _lines(choice: Choice, rng: Random) -> list[list[Event]]:
    return [_line(choice.index, number, part, rng) for number, part in enumerate(choice.parts)]


def _line(choice: int, number: int, part: Part, rng: Random) -> list[Event]:
    def said(text: str) -> list[Event]:
        return [Piece(choice, number, piece) for piece in pieces(text, rng)]

    def signed(text: str | None, *, hidden: bool = False) -> list[Event]:
        return [Signed(choice, number, piece, hidden) for piece in pieces(text or "", rng)]

    def cited(citations: tuple[Citation, ...]) -> list[Event]:
        return [Cited(choice, number, citation) for citation in citations]

    ended = [PartEnded(choice, number)] if rng.random() < 0.5 else []
    match part:
        case Text():
            return [PartBegan(choice, number, PartKind.TEXT), *said(part.text), *cited(part.citations), *ended]
        case Refusal():
            return [PartBegan(choice, number, PartKind.REFUSAL), *said(part.text), *ended]
        case Thinking():
            began = PartBegan(choice, number, PartKind.THINKING, maker=part.maker, thought_id=part.id)
            hidden = signed(part.encrypted, hidden=True)
            return [began, *said(part.text), *signed(part.signature), *hidden, *ended]
        case ToolCall():
            began = PartBegan(choice, number, PartKind.TOOL_CALL, part.id, part.name, part.kind, part.maker)
            return [began, *said(part.arguments), *signed(part.signature), *ended]
        case _:
            return [PartWhole(choice, number, part)]
