"""Turns written as the messages of a chat request.

Results of tools come first of a user's turn, since they have to follow the calls; images in them, where the provider
takes text only, follow in a message that says whose they are. A message has its text before its calls; the order of
the two within a turn is the one thing that this dialect cannot say.
"""

import hashlib
from typing import Final, final

from ai_gateway.domain.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Json,
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
from ai_gateway.providers.translation.chat_citations import write_annotation
from ai_gateway.providers.translation.chat_parts import CHAT
from ai_gateway.providers.translation.chat_sent_parts import PartWriter
from ai_gateway.providers.translation.chat_thoughts import write_details
from ai_gateway.providers.translation.chat_ways import CallIds, ChatWays, ThoughtField
from ai_gateway.providers.translation.losses import Losses

_ERROR: Final = "Error: "
_LABELS: Final = frozenset({"phase"})
"""Members of another dialect's messages that say what a message is, and change nothing where nobody knows them."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def write_messages(asked: Conversation, ways: ChatWays, losses: Losses) -> list[Json]:
    writer = _MessageWriter(ways, losses, keeps_others=asked.dialect == CHAT)
    return [message for number, turn in enumerate(asked.turns) for message in writer.write(turn, f"messages[{number}]")]


@final
class _MessageWriter:
    def __init__(self, ways: ChatWays, losses: Losses, *, keeps_others: bool) -> None:
        self._ways = ways
        self._losses = losses
        self._parts = PartWriter(ways, losses)
        self._keeps_others = keeps_others

    def write(self, turn: Turn, param: str) -> list[Json]:
        results = [part for part in turn.parts if isinstance(part, ToolResult)]
        messages: list[Json] = []
        shown: list[Json] = []
        for number, part in enumerate(turn.parts):
            if isinstance(part, ToolResult):
                messages.append(self._result(part, f"{param}.content[{number}]", shown))
        if shown:
            messages.append({"role": "user", "content": shown})
        if len(results) == len(turn.parts) and results:
            return messages
        own = self._assistant(turn, param) if turn.role is Role.ASSISTANT else self._plain(turn, param)
        return [*messages, self._dressed(own, turn, param)]

    def _dressed(self, message: dict[str, Json], turn: Turn, param: str) -> dict[str, Json]:
        if turn.name is not None:
            if self._ways.names:
                message["name"] = turn.name
            else:
                self._losses.forgiven("name")
        for name, value in turn.others.items():
            if self._keeps_others:
                message[name] = value
            elif name in _LABELS:
                self._losses.forgiven(name)
            else:
                self._losses.unsupported(f"{param}.{name}")
        return message

    def _plain(self, turn: Turn, param: str) -> dict[str, Json]:
        role = Role.SYSTEM if turn.role is Role.DEVELOPER and not self._ways.developer_role else turn.role
        written = [
            content
            for number, part in enumerate(turn.parts)
            if not isinstance(part, ToolResult)
            and (content := self._parts.write(part, f"{param}.content[{number}]")) is not None
        ]
        return {"role": role.value, "content": self._content(written)}

    def _assistant(self, turn: Turn, param: str) -> dict[str, Json]:
        message: dict[str, Json] = {"role": "assistant", "content": None}
        content: list[dict[str, Json]] = []
        thoughts: list[Thinking] = []
        calls: list[Json] = []
        for number, part in enumerate(turn.parts):
            place = f"{param}.content[{number}]"
            match part:
                case Thinking():
                    thoughts.append(part)
                case ToolCall():
                    if (call := self._call(part, place)) is not None:
                        calls.append(call)
                case Audio(source=source) if source.file_id is not None and self._ways.audio:
                    message["audio"] = {"id": source.file_id}
                case Text() | Refusal() | Image() | Document() | Audio() | Opaque():
                    if (written := self._parts.write(part, place)) is not None:
                        content.append(written)
                case ToolResult():
                    self._losses.unsupported(place)
        self._think(message, content, thoughts)
        if calls:
            message["tool_calls"] = calls
        self._say(message, content)
        self._cite(message, [part for part in turn.parts if isinstance(part, Text)])
        return message

    def _say(self, message: dict[str, Json], content: list[dict[str, Json]]) -> None:
        """A message without calls has a content, if it is an empty one."""
        if [part["type"] for part in content] == ["refusal"]:
            message["refusal"] = content[0]["refusal"]
        elif content:
            message["content"] = self._content(content)
        elif "tool_calls" not in message and "audio" not in message:
            message["content"] = ""

    def _cite(self, message: dict[str, Json], texts: list[Text]) -> None:
        """Where an earlier answer was from: for who takes it, and only where it is clear which text cites."""
        cited = [text for text in texts if text.citations]
        if cited and self._ways.annotations and len(texts) == 1:
            text = cited[0]
            message["annotations"] = [write_annotation(citation, 0, len(text.text)) for citation in text.citations]
        elif cited:
            self._losses.forgiven("citations")

    def _think(self, message: dict[str, Json], content: list[dict[str, Json]], thoughts: list[Thinking]) -> None:
        field = self._ways.thought_field
        kept = [thought for thought in thoughts if thought.maker in self._ways.thought_makers]
        if field is ThoughtField.NONE:
            kept = []
        elif field is not ThoughtField.DETAILS:
            kept = [thought for thought in kept if thought.text]
        if len(kept) < len(thoughts):
            self._losses.forgiven("thinking")
        if not kept:
            return
        text = "".join(thought.text for thought in kept)
        if field is ThoughtField.DETAILS:
            message["reasoning_details"] = write_details(kept)
        elif field is ThoughtField.CONTENT:
            content.insert(0, {"type": "thinking", "thinking": [{"type": "text", "text": text}]})
        else:
            message[field.value] = text

    def _content(self, written: list[dict[str, Json]]) -> Json:
        """One text without a mark is a string; so are several where the provider takes no list of them."""
        if all(part.keys() == {"type", "text"} for part in written) and (
            len(written) < 2 or not self._ways.content_lists
        ):
            return "\n\n".join(part["text"] for part in written)
        return written

    def _call(self, call: ToolCall, param: str) -> Json:
        if call.kind is ToolKind.CUSTOM:
            if not self._ways.custom_tools:
                self._losses.unsupported(param, "it has no custom tools")
                return None
            inner = {"name": call.name, "input": call.arguments}
        else:
            inner = {"name": call.name, "arguments": call.arguments}
        written: dict[str, Json] = {"id": self._id(call.id), "type": call.kind.value, call.kind.value: inner}
        if not call.id:
            del written["id"]
        if call.signature is not None:
            if call.maker in self._ways.call_signatures:
                written["extra_content"] = {"google": {"thought_signature": call.signature}}
            else:
                self._losses.forgiven("thinking")
        return written | self._parts.cache_member(call.cache)

    def _result(self, result: ToolResult, param: str, shown: list[Json]) -> Json:
        """The message of one result. `shown` gets what can only follow it."""
        moved: list[Json] = []
        content: list[dict[str, Json]] = []
        for number, part in enumerate(result.parts):
            if (written := self._parts.write(part, f"{param}.content[{number}]")) is None:
                continue
            stays = written["type"] == "text" or self._ways.images_in_tool_results
            (content if stays else moved).append(written)
        message: dict[str, Json] = {"role": "tool", "tool_call_id": self._id(result.call_id)}
        if not result.call_id:
            del message["tool_call_id"]
        if result.name is not None and self._ways.tool_names:
            message["name"] = result.name
        if moved:
            tool = result.name or "the tool"
            shown += [{"type": "text", "text": f"What {tool} returned for call {message.get('tool_call_id')}:"}, *moved]
            if not content:
                content = [{"type": "text", "text": "(See the next message.)"}]
        if result.is_error:
            if self._ways.is_error:
                message["is_error"] = True
            else:
                content = _told_as_error(content)
        message["content"] = self._content(content)
        return message | self._parts.cache_member(result.cache)

    def _id(self, call_id: str) -> str:
        """The same for a call and its result."""
        if self._ways.call_ids is CallIds.ANY or (len(call_id) == 9 and call_id.isascii() and call_id.isalnum()):
            return call_id
        number = int.from_bytes(hashlib.blake2b(call_id.encode(), digest_size=8).digest())
        return "".join(_DIGITS[number // 62**place % 62] for place in range(9))


def _told_as_error(content: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Where a provider has no flag, the text itself says that it is an error."""
    if content and content[0]["type"] == "text":
        text: str = content[0]["text"]
        return content if text.startswith(_ERROR) else [content[0] | {"text": _ERROR + text}, *content[1:]]
    return [{"type": "text", "text": _ERROR.strip()}, *content]
