"""Turns of a conversation as Cohere's messages: a result of a tool is a message of its own, pictures in it follow in
the user's words, and documents stand beside all messages, numbered in the conversation's order."""

from typing import Final, final

from ai_gateway.domain.conversation import (
    Audio,
    Document,
    Image,
    Maker,
    Opaque,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    Turn,
)
from ai_gateway.providers.translation.losses import Losses

NAME: Final = "cohere"
PLAN: Final = "tool_plan"
"""The id of a thought that is a plan."""
ERROR: Final = "Error: "
DOCUMENT_PREFIX: Final = "doc:"

Block = dict[str, object]


@final
class TurnWriter:
    """`messages` and `documents` are what has been written; `cites`: some document shall be cited."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.messages: list[Block] = []
        self.documents: list[Block] = []
        self.cites = False

    def write(self, turns: tuple[Turn, ...]) -> None:
        for index, turn in enumerate(turns):
            at = f"messages[{index}]"
            if turn.name is not None:
                self._losses.unsupported(f"{at}.name", "speakers have no names there")
            for name in turn.others:
                self._losses.unsupported(f"{at}.{name}")
            if turn.role is Role.ASSISTANT:
                self._assistant(turn, at)
            else:
                self._user(turn, at, "user" if turn.role is Role.USER else "system")

    def _user(self, turn: Turn, at: str, role: str) -> None:
        content: list[Block] = []
        after: list[Block] = []
        for number, part in enumerate(turn.parts):
            where = f"{at}.content[{number}]"
            match part:
                case Text():
                    self._note_mark(part)
                    content += _plain(part)
                case Image():
                    content += self._image(part, where)
                case Document():
                    self._document(part, where)
                case ToolResult():
                    after += self._result(part, where)
                case Refusal():
                    content += _plain(part)
                case Thinking():
                    self._losses.forgiven("thinking")
                case Audio() | Opaque() | ToolCall():
                    self._losses.unsupported(where, "Cohere has no such part")
        if content or after:
            self.messages.append({"role": role, "content": _joined([*after, *content])})

    def _assistant(self, turn: Turn, at: str) -> None:
        content: list[Block] = []
        calls: list[Block] = []
        citations: list[object] = []
        plan = ""
        for number, part in enumerate(turn.parts):
            match part:
                case Text() | Refusal():
                    content += _plain(part)
                    citations += self._cited(part)
                case Thinking() if part.maker is Maker.COHERE and part.id == PLAN:
                    plan += part.text
                case Thinking():
                    content += self._thought(part)
                case ToolCall():
                    calls.append(self._call(part, f"{at}.tool_calls[{len(calls)}]"))
                case _:
                    self._losses.unsupported(f"{at}.content[{number}]", "Cohere has no such part in an answer")
        named = (("content", _joined(content)), (PLAN, plan), ("tool_calls", calls), ("citations", citations))
        message: Block = {"role": "assistant"}
        message.update({name: value for name, value in named if value})
        if len(message) > 1:
            self.messages.append(message)

    def _thought(self, part: Thinking) -> list[Block]:
        if part.maker is Maker.COHERE:
            return [{"type": "thinking", "thinking": part.text}]
        self._losses.forgiven("thinking")
        return []

    def _call(self, part: ToolCall, where: str) -> Block:
        self._note_mark(part)
        if part.signature is not None:
            self._losses.forgiven("thinking")
        if part.kind is ToolKind.CUSTOM:
            self._losses.unsupported(where, "only functions are known")
        function: Block = {"name": part.name, "arguments": part.arguments or "{}"}
        return {"id": part.id, "type": "function", "function": function}

    def _result(self, part: ToolResult, where: str) -> list[Block]:
        """Writes the result; gives back its pictures, after a word on whose they are."""
        self._note_mark(part)
        content: list[Block] = []
        images: list[Block] = []
        for number, piece in enumerate(part.parts):
            place = f"{where}.content[{number}]"
            match piece:
                case Text():
                    content.append({"type": "text", "text": piece.text})
                case Image():
                    images += self._image(piece, place)
                case Document():
                    if (data := self._data(piece, place)) is not None:
                        content.append({"type": "document", "document": {"data": data}})
                case Audio():
                    self._losses.unsupported(place, "a tool's result takes no sound")
        if part.is_error:
            content = _as_error(content)
        self.messages.append({"role": "tool", "tool_call_id": part.call_id, "content": _joined(content)})
        if not images:
            return []
        return [{"type": "text", "text": f"Images in the result of the tool call {part.call_id}:"}, *images]

    def _image(self, part: Image, where: str) -> list[Block]:
        self._note_mark(part)
        source = part.source
        url = source.url
        if url is None and source.data is not None and source.media_type is not None:
            url = f"data:{source.media_type};base64,{source.data}"
        if url is None:
            self._losses.unsupported(where, "an image is an address, or base64 with its media type")
            return []
        image: Block = {"url": url}
        if part.detail is not None:
            image["detail"] = part.detail
        return [{"type": "image_url", "image_url": image}]

    def _document(self, part: Document, where: str) -> None:
        self._note_mark(part)
        if (data := self._data(part, where)) is not None:
            self.documents.append({"id": f"{DOCUMENT_PREFIX}{len(self.documents)}", "data": data})
            self.cites |= part.cites

    def _data(self, part: Document, where: str) -> Block | None:
        if part.text is None:
            self._losses.unsupported(where, "a document is text")
            return None
        data: Block = {"text": part.text}
        if part.title is not None:
            data["title"] = part.title
        if part.context is not None:
            data["context"] = part.context
        if part.origin is not None:
            data["url"] = part.origin
        return data

    def _cited(self, part: Text | Refusal) -> list[object]:
        """Cohere's own citations, as they came; it could not make sense of others."""
        if isinstance(part, Refusal):
            return []
        self._note_mark(part)
        own = [citation.extra[NAME] for citation in part.citations if NAME in citation.extra]
        if len(own) < len(part.citations):
            self._losses.forgiven("citations")
        return own

    def _note_mark(self, part: Text | Image | Document | ToolCall | ToolResult) -> None:
        if part.cache is not None:
            self._losses.forgiven("cache_control")


def _plain(part: Text | Refusal) -> list[Block]:
    return [{"type": "text", "text": part.text}] if part.text else []


def _joined(content: list[Block]) -> object:
    """One text is a string, as it is everywhere; anything else a list."""
    if len(content) == 1 and content[0]["type"] == "text":
        return content[0]["text"]
    return content or ""


def _as_error(content: list[Block]) -> list[Block]:
    """A text that says that it is an error: the API has no other place for that."""
    first = next((block for block in content if block["type"] == "text"), None)
    if first is None:
        return [{"type": "text", "text": ERROR.rstrip()}, *content]
    text = str(first["text"])
    marked = text if text.startswith(ERROR) else ERROR + text
    return [{"type": "text", "text": marked} if block is first else block for block in content]
