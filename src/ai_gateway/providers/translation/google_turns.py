"""Turns of a conversation as Google's `contents`.

Google knows two speakers, and wants all results of a turn's calls together, right behind it: turns of one speaker that
follow each other are one. A system's words are none of them (`systemInstruction`), so they can only stand before
everything else. Thoughts go back as the signatures that Google put on them, onto the part that they were behind.
A model that checks the signatures of its calls has none for calls that another model made, or that lost theirs on the
way; Google's own word for that case keeps it from refusing the whole conversation.
"""

from typing import Final

import msgspec

from ai_gateway.domain.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Json,
    Maker,
    Opaque,
    Refusal,
    Role,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.translation.google_choice import DIALECT
from ai_gateway.providers.translation.google_families import Family
from ai_gateway.providers.translation.losses import Losses

UNSIGNED: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""base64 of "skip_thought_signature_validator": Google's documentation of thought signatures."""

_TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}

Written = dict[str, Json]
_Spoken = Text | Image | Document | Audio | ToolCall | ToolResult | Refusal | Opaque


class Contents(msgspec.Struct, frozen=True):
    system: list[Written]
    turns: list[Written]


def contents_of(asked: Conversation, family: Family, losses: Losses) -> Contents:
    """Raises InvalidRequest for a result of a tool that answers no call."""
    return _Writing(asked, family, losses).contents()


class _Writing:
    def __init__(self, asked: Conversation, family: Family, losses: Losses) -> None:
        self._asked = asked
        self._family = family
        self._losses = losses
        self._names = {part.id: part.name for turn in asked.turns for part in turn.parts if isinstance(part, ToolCall)}

    def contents(self) -> Contents:
        system: list[Written] = []
        turns: list[Written] = []
        for number, turn in enumerate(self._asked.turns):
            where = f"messages[{number}]"
            if turn.name is not None:
                self._losses.forgiven(f"{where}.name")
            if turn.role in (Role.SYSTEM, Role.DEVELOPER):
                if turns:
                    self._losses.unsupported(where, "it takes a system's words at the beginning only")
                    continue
                self._parts(turn, where, system)
                continue
            speaker = "model" if turn.role is Role.ASSISTANT else "user"
            if turns and turns[-1]["role"] == speaker:
                self._parts(turn, where, turns[-1]["parts"])
            else:
                parts: list[Written] = []
                self._parts(turn, where, parts)
                if parts:
                    turns.append({"role": speaker, "parts": parts})
        if self._family.signs_calls:
            _excuse_unsigned(turns)
        return Contents(system, turns)

    def _parts(self, turn: Turn, where: str, parts: list[Written]) -> None:
        for name in turn.others:
            self._losses.unsupported(f"{where}.{name}")
        begin = len(parts)
        for number, part in enumerate(turn.parts):
            if isinstance(part, Thinking):
                self._thinking(part, parts, begin)
            else:
                self._part(part, f"{where}.content[{number}]", parts)

    def _part(self, part: _Spoken, where: str, parts: list[Written]) -> None:
        if getattr(part, "cache", None) is not None:
            self._losses.forgiven("cache_control")
        match part:
            case Text():
                if part.citations:
                    self._losses.forgiven(f"{where}.citations")
                if part.text:
                    _say(part.text, parts)
            case ToolCall():
                self._call(part, where, parts)
            case ToolResult():
                self._result(part, where, parts)
            case Image() | Document() | Audio():
                self._media(part, where, parts)
            case Refusal():
                parts.append({"text": part.text})
            case Opaque():
                if part.dialect == DIALECT:
                    parts.append(part.value)
                else:
                    self._losses.unsupported(where, f"only its own dialect knows a part of type {part.kind}")

    def _thinking(self, part: Thinking, parts: list[Written], begin: int) -> None:
        """Words of a thought that nothing signs are of no use to anybody but the reader. `begin`: where the parts of
        its turn begin."""
        if part.maker is not Maker.GOOGLE or not part.signature:
            self._losses.forgiven("thinking")
        elif part.text:
            parts.append({"text": part.text, "thought": True, "thoughtSignature": part.signature})
        elif len(parts) > begin and not {"thoughtSignature", "functionCall", "functionResponse"} & parts[-1].keys():
            parts[-1] = {**parts[-1], "thoughtSignature": part.signature}
        else:
            parts.append({"text": "", "thoughtSignature": part.signature})

    def _call(self, part: ToolCall, where: str, parts: list[Written]) -> None:
        if part.kind is ToolKind.CUSTOM:
            self._losses.unsupported(where, "it knows functions only, which take a JSON object")
            return
        arguments = _object_of(part.arguments)
        if arguments is None:
            self._losses.unsupported(f"{where}.arguments", "they are no JSON object")
            arguments = msgspec.Raw(b"{}")
        written: Written = {"functionCall": {"name": part.name, "args": arguments, **_id(part.id)}}
        if part.signature and part.maker is Maker.GOOGLE:
            written["thoughtSignature"] = part.signature
        elif part.signature:
            self._losses.forgiven("thinking")
        parts.append(written)

    def _result(self, part: ToolResult, where: str, parts: list[Written]) -> None:
        name = self._names.get(part.call_id) or part.name
        if name is None:
            raise InvalidRequest(
                f"'{where}' is the result of the tool call '{part.call_id}', which the conversation does not have.",
                action="Send the assistant's message with the tool call before its result.",
                code="invalid_tool_result",
                param=where,
            )
        texts: list[str] = []
        media: list[Written] = []
        for number, inner in enumerate(part.parts):
            if isinstance(inner, Text):
                texts.append(inner.text)
            else:
                self._media(inner, f"{where}.content[{number}]", media)
        text = "".join(texts) if len(texts) < 2 else "\n".join(texts)
        said = {"error": text} if part.is_error else _object_of(text, is_empty_one=False) or {"result": text}
        written: Written = {"name": name, "response": said, **_id(part.call_id)}
        if media and self._family.results_hold_images:
            written["parts"] = media
            media = []
        parts.append({"functionResponse": written})
        parts += media

    def _media(self, part: Image | Document | Audio, where: str, parts: list[Written]) -> None:
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            self._losses.forgiven(f"{where}.detail")
        if isinstance(part, Document):
            self._document(part, where, parts)
        elif isinstance(part, Audio) and part.transcript and not (part.source.data or part.source.url):
            parts.append({"text": part.transcript})
        else:
            self._source(part.source, where, parts)

    def _document(self, part: Document, where: str, parts: list[Written]) -> None:
        if part.cites:
            self._losses.unsupported(f"{where}.citations", "it cites only what it found itself")
        for name, value in (("title", part.title), ("origin", part.origin)):
            if value:
                self._losses.forgiven(f"{where}.{name}")
        if part.context:
            parts.append({"text": part.context})
        if part.text:
            parts.append({"text": part.text})
        elif part.source is not None:
            self._source(part.source, where, parts)

    def _source(self, source: Source, where: str, parts: list[Written]) -> None:
        if source.data is not None:
            kind = source.media_type or "application/octet-stream"
            parts.append({"inlineData": {"mimeType": kind, "data": source.data}})
            return
        address = source.url or source.file_id or ""
        if source.url is None and not address.startswith(("files/", "https://", "gs://")):
            self._losses.unsupported(where, "it does not have the files of another provider")
            return
        kind = source.media_type or _TYPES.get(address.partition("?")[0].rpartition(".")[2].lower())
        parts.append({"fileData": {"fileUri": address, **({"mimeType": kind} if kind else {})}})


def _say(text: str, parts: list[Written]) -> None:
    """A text behind a signature without words gets it: dialects that tell all thoughts first put it there."""
    before = parts[-1] if parts else {}
    if before.keys() == {"text", "thoughtSignature"} and not before["text"]:
        parts[-1] = {"text": text, "thoughtSignature": before["thoughtSignature"]}
    else:
        parts.append({"text": text})


def _excuse_unsigned(turns: list[Written]) -> None:
    """The first call of a turn is the one whose signature is asked for."""
    for turn in turns:
        for at, part in enumerate(turn["parts"]):
            if "functionCall" in part:
                if "thoughtSignature" not in part:
                    turn["parts"][at] = {**part, "thoughtSignature": UNSIGNED}
                break


def _id(said: str) -> Written:
    """Calls of old conversations may have none."""
    return {"id": said} if said else {}


def _object_of(text: str, *, is_empty_one: bool = True) -> msgspec.Raw | None:
    """The text as it is, if it is a JSON object. `is_empty_one`: nothing at all is one without members."""
    stripped = text.strip()
    if not stripped and is_empty_one:
        return msgspec.Raw(b"{}")
    if not stripped.startswith("{"):
        return None
    raw = stripped.encode("utf-8", "surrogatepass")
    return None if decode(raw, dict[str, msgspec.Raw]) is None else msgspec.Raw(raw)
