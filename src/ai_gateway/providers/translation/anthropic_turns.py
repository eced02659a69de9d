"""A conversation as Anthropic takes it: system text apart, users and assistants in turn, results of tools first.

What stands next to each other in one role is one turn there. Thoughts and citations of another maker are of no use to
Anthropic and left out; so are empty texts, which its API refuses and which say nothing. A system turn between others
stays where it is if the model takes one.
"""

import re
from hashlib import sha256
from typing import Final, final

from ai_gateway.domain.conversation import (
    Audio,
    Document,
    Image,
    Json,
    Maker,
    Opaque,
    Part,
    Refusal,
    Role,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from ai_gateway.providers.translation.anthropic_blocks import (
    NAME,
    Block,
    marked,
    write_call,
    write_document,
    write_image,
    write_text,
)
from ai_gateway.providers.translation.anthropic_citations import is_anthropics
from ai_gateway.providers.translation.anthropic_families import Family
from ai_gateway.providers.translation.anthropic_thoughts import write_thought
from ai_gateway.providers.translation.losses import Losses

_SYSTEM: Final = (Role.SYSTEM, Role.DEVELOPER)
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_LONGEST_ID: Final = 128


def call_id(given: str) -> str:
    """A call's id as Anthropic takes it: the given one, or one made of it, the same in a call and its result."""
    if len(given) <= _LONGEST_ID and _ID.fullmatch(given):
        return given
    return "toolu_" + sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:24]


@final
class Written:
    """`system` and `messages` of a request's body, and which files of the provider they name."""

    def __init__(self, turns: tuple[Turn, ...], family: Family, losses: Losses) -> None:
        self._family = family
        self._losses = losses
        self.names_files = False
        first = next((at for at, turn in enumerate(turns) if not _opens(turn)), len(turns))
        self.system = self._content([self._plain(turn, at) for at, turn in enumerate(turns[:first])])
        self.messages: list[Block] = []
        said: list[tuple[str, list[Block]]] = []
        for at, turn in enumerate(turns[first:], first):
            role = self._role(turn, at)
            blocks = [] if role is None else self._plain(turn, at)
            if role is None or not blocks:
                continue
            if said and said[-1][0] == role:
                said[-1][1].extend(blocks)
            else:
                said.append((role, blocks))
        self.messages = [{"role": role, "content": self._content([_ordered(role, blocks)])} for role, blocks in said]

    def _role(self, turn: Turn, at: int) -> str | None:
        if turn.role not in _SYSTEM:
            return turn.role.value
        if not self._family.system_later:
            self._losses.unsupported(f"messages[{at}]", "this model takes system messages at the beginning only")
            return None
        return "system"

    def _plain(self, turn: Turn, at: int) -> list[Block]:
        if turn.name is not None:
            self._losses.unsupported(f"messages[{at}].name", "speakers have no names there")
        for name in turn.others:
            self._losses.unsupported(f"messages[{at}].{name}")
        blocks: list[Block] = []
        for number, part in enumerate(turn.parts):
            blocks += self._blocks(part, f"messages[{at}].content[{number}]")
        return blocks

    def _content(self, turns: list[list[Block]]) -> str | list[Block]:
        """One plain text is said as such."""
        blocks = [block for turn in turns for block in turn]
        match blocks:
            case [{"type": "text", "text": str(text), **rest}] if not rest:
                return text
            case _:
                return blocks

    def _blocks(self, part: Part, place: str) -> list[Block]:
        match part:
            case Text():
                return [self._text(part)] if part.text else []
            case Refusal():
                return [{"type": "text", "text": part.text}] if part.text else []
            case Thinking():
                return self._thought(part)
            case ToolCall():
                if part.signature is not None:
                    self._losses.forgiven("thinking")
                return [{**write_call(part), "id": call_id(part.id)}]
            case ToolResult():
                return [self._result(part, place)]
            case Opaque():
                if part.dialect == NAME:
                    self.names_files |= part.kind == "container_upload"
                    return [part.value]
                self._losses.unsupported(place)
                return []
            case Audio(transcript=str(said)) if said:
                self._losses.forgiven("audio")
                return [{"type": "text", "text": said}]
            case Image() | Document() | Audio():
                return self._media(part, place)

    def _text(self, text: Text) -> Block:
        kept = tuple(citation for citation in text.citations if is_anthropics(citation))
        if len(kept) < len(text.citations):
            self._losses.forgiven("citations")
        return write_text(Text(text.text, text.cache, kept))

    def _thought(self, thought: Thinking) -> list[Block]:
        is_signed = thought.signature is not None or thought.encrypted is not None
        if thought.maker is Maker.ANTHROPIC and is_signed:
            return [write_thought(thought)]
        self._losses.forgiven("thinking")
        return []

    def _result(self, result: ToolResult, place: str) -> Block:
        content: list[Block] = []
        for number, part in enumerate(result.parts):
            content += self._blocks(part, f"{place}.content[{number}]")
        block: Block = {
            "type": "tool_result",
            "tool_use_id": call_id(result.call_id),
            "content": self._content([content]),
        }
        if result.is_error:
            block["is_error"] = True
        return marked(block, result.cache)

    def _media(self, part: Image | Document | Audio, place: str) -> list[Block]:
        block: Json = None
        if isinstance(part, Image):
            if part.detail is not None:
                self._losses.forgiven("detail")
            block = write_image(part)
        elif isinstance(part, Document):
            block = write_document(part)
        source = part.source
        if block is None or (source is not None and not self._knows(source)):
            self._losses.unsupported(place)
            return []
        return [block]

    def _knows(self, source: Source) -> bool:
        """Files lie with one provider; Anthropic's are called `file_...`."""
        if source.file_id is None:
            return True
        self.names_files = True
        return source.file_id.startswith("file_")


def _opens(turn: Turn) -> bool:
    """Whether it may be a part of the system text: texts may, also those of which we do not know every member."""
    return turn.role in _SYSTEM and all(
        isinstance(part, Text) or (isinstance(part, Opaque) and part.kind == "text") for part in turn.parts
    )


def _ordered(role: str, blocks: list[Block]) -> list[Block]:
    """Results of tools stand before what else a user says."""
    if role != Role.USER:
        return blocks
    return sorted(blocks, key=lambda block: block.get("type") != "tool_result")
