"""Turns of a conversation as Converse's messages.

Its roles alternate, so turns of one role that follow each other are one message; results of tools are blocks of the
user's. A mark for the cache is a block of its own behind what it marks. Thoughts go back only to who can check them:
those with Claude's signature, to Claude.
"""

import base64
from typing import Final, final

import msgspec

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Document,
    Image,
    Maker,
    Opaque,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    Turn,
)
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.translation.bedrock_citations import citation_block, is_whole
from ai_gateway.providers.translation.bedrock_media import (
    Block,
    CannotSay,
    audio_block,
    document_block,
    image_block,
)
from ai_gateway.providers.translation.bedrock_models import Family, keeps_prompts
from ai_gateway.providers.translation.bedrock_names import DocumentNames, call_id_of
from ai_gateway.providers.translation.losses import Losses

NAME: Final = "bedrock"
WIRE_PREFIX: Final = "bedrock:"
"""Before a thought that is not text once its base64 is undone; it stays as it came."""

_ROLES: Final = {
    Role.USER: "user",
    Role.ASSISTANT: "assistant",
    Role.SYSTEM: "system",
    Role.DEVELOPER: "system",
}


@final
class TurnWriter:
    """Writes one request's turns. `system` and `messages` are what has been written. `takes_later_system`: whether the
    model is spoken to by the system within the conversation, too."""

    def __init__(self, family: Family, losses: Losses, *, takes_later_system: bool = True) -> None:
        self._family = family
        self._takes_later_system = takes_later_system
        self._losses = losses
        self._names = DocumentNames()
        self.system: list[Block] = []
        self.messages: list[dict[str, object]] = []
        self.has_tools = False

    def write(self, turns: tuple[Turn, ...]) -> None:
        begun: list[Block] | None = None
        speaker = ""
        for index, turn in enumerate(turns):
            at = f"messages[{index}]"
            role = _ROLES[turn.role]
            if role == "system" and self.messages and not self._takes_later_system:
                self._losses.unsupported(at, "this model takes system messages at the beginning only")
                continue
            if turn.name is not None:
                self._losses.unsupported(f"{at}.name", "speakers have no names there")
            for name in turn.others:
                self._losses.unsupported(f"{at}.{name}")
            blocks = self._blocks(turn, at)
            if role == "system" and not self.messages:
                self.system += blocks
            elif blocks and begun is not None and role == speaker:
                begun += blocks
            elif blocks:
                begun, speaker = blocks, role
                self.messages.append({"role": role, "content": begun})

    def mark(self, ttl: CacheTtl) -> None:
        """A cache point behind the last message."""
        if self.messages:
            content = self.messages[-1]["content"]
            assert isinstance(content, list)
            content += self.cache_point(ttl)  # pyright: ignore[reportUnknownVariableType]

    def cache_point(self, ttl: CacheTtl | None) -> list[Block]:
        if ttl is None:
            return []
        if not keeps_prompts(self._family):
            self._losses.forgiven("cache_control")
            return []
        point: Block = {"type": "default"} if ttl is CacheTtl.FIVE_MINUTES else {"type": "default", "ttl": ttl.value}
        return [{"cachePoint": point}]

    def _blocks(self, turn: Turn, at: str) -> list[Block]:
        blocks: list[Block] = []
        for number, part in enumerate(turn.parts):
            where = f"{at}.content[{number}]"
            try:
                blocks += self._block(part, where)
            except CannotSay as why:
                self._losses.unsupported(where, str(why))
            blocks += self.cache_point(_mark_of(part))
        return blocks

    def _block(self, part: Part, where: str) -> list[Block]:
        """Raises CannotSay."""
        match part:
            case Text():
                return self._text(part)
            case Thinking():
                return self._thought(part)
            case ToolCall():
                return [self._call(part)]
            case ToolResult():
                return [self._result(part, where)]
            case Image():
                return [self._image(part)]
            case Document():
                return [document_block(part, self._names)]
            case Audio():
                return [audio_block(part)]
            case Refusal():
                return _plain(part)
            case Opaque():
                if part.dialect == NAME:
                    return [part.value]
                raise CannotSay(f"'{part.kind}' is a block of another API")

    def _text(self, part: Text) -> list[Block]:
        """An empty text says nothing, and Bedrock refuses it."""
        if not part.text or not part.citations:
            return _plain(part)
        if not all(is_whole(citation) for citation in part.citations):
            self._losses.forgiven("citations")
        content: Block = {
            "content": [{"text": part.text}],
            "citations": [citation_block(citation) for citation in part.citations],
        }
        return [{"citationsContent": content}]

    def _thought(self, part: Thinking) -> list[Block]:
        is_claudes = part.maker is Maker.ANTHROPIC and self._family is Family.CLAUDE
        if is_claudes and part.encrypted is not None:
            return [{"reasoningContent": {"redactedContent": redacted_on_the_wire(part.encrypted)}}]
        if is_claudes and part.signature:
            return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}]
        self._losses.forgiven("thinking")
        return []

    def _call(self, part: ToolCall) -> Block:
        self.has_tools = True
        if part.signature is not None:
            self._losses.forgiven("thinking")
        return {"toolUse": {"toolUseId": call_id_of(part.id), "name": part.name, "input": self._input(part)}}

    def _input(self, part: ToolCall) -> object:
        """The arguments as the model wrote them, if they are an object. What is none is put into one: it was said, and
        the conversation has to go on."""
        if part.kind is ToolKind.CUSTOM:
            return {"input": part.arguments}
        if not part.arguments.strip():
            return {}
        if decode(part.arguments.encode(errors="replace"), dict[str, msgspec.Raw]) is not None:
            return msgspec.Raw(part.arguments.encode())
        self._losses.forgiven("tool_calls.arguments")
        return {"arguments": part.arguments}

    def _result(self, part: ToolResult, where: str) -> Block:
        self.has_tools = True
        content: list[Block] = []
        for number, piece in enumerate(part.parts):
            try:
                match piece:
                    case Text():
                        content += _plain(piece)
                    case Image():
                        content.append(self._image(piece))
                    case Document():
                        content.append(document_block(piece, self._names))
                    case Audio():
                        raise CannotSay("a tool's result takes no sound")
            except CannotSay as why:
                self._losses.unsupported(f"{where}.content[{number}]", str(why))
        result: Block = {"toolUseId": call_id_of(part.call_id), "content": content}
        if part.is_error:
            result["status"] = "error"
        return {"toolResult": result}

    def _image(self, part: Image) -> Block:
        if part.detail not in (None, "auto"):
            self._losses.forgiven("image_url.detail")
        return image_block(part)


def _plain(part: Text | Refusal) -> list[Block]:
    return [{"text": part.text}] if part.text else []


def redacted_on_the_wire(encrypted: str) -> str:
    """The bytes of a redacted thought are the text that Anthropic's own API shows; Converse has them in base64."""
    if encrypted.startswith(WIRE_PREFIX):
        return encrypted[len(WIRE_PREFIX) :]
    return base64.b64encode(encrypted.encode()).decode()


def redacted_in_text(data: bytes) -> str:
    """The way back, from the bytes."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return WIRE_PREFIX + base64.b64encode(data).decode()
    return WIRE_PREFIX + base64.b64encode(data).decode() if text.startswith(WIRE_PREFIX) else text


def _mark_of(part: Part) -> CacheTtl | None:
    return part.cache if isinstance(part, (Text, Image, Document, ToolCall, ToolResult)) else None
