"""Messages of a chat request, read into turns.

Results of tools are messages of their own here and parts of a user's turn in the middle; those that stand together
make one turn. The legacy `function_call` and `function` role had no ids, so a call gets one by its place, and the
result that follows it the same.
"""

from typing import Final

from ai_gateway.domain.conversation import (
    Audio,
    Document,
    Image,
    Json,
    Maker,
    Part,
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
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.chat_citations import read_annotation
from ai_gateway.providers.translation.chat_parts import invalid, items_of, members_of, read_cache, read_content
from ai_gateway.providers.translation.chat_thoughts import read_details

_ROLES: Final = {role.value: role for role in Role}
_RESULT_ROLES: Final = ("tool", "function")
_KNOWN: Final = frozenset({"role", "content", "name", "cache_control"})
_OF_ASSISTANT: Final = _KNOWN | {
    "tool_calls", "function_call", "refusal", "audio", "reasoning", "reasoning_content", "reasoning_details",
    "annotations",
}  # fmt: skip


def read_messages(messages: object) -> tuple[Turn, ...]:
    """Raises InvalidRequest for what no provider of this dialect would take."""
    if not messages:
        raise invalid("messages", "must be a list of at least one message")
    reading = _Reading()
    for number, message in enumerate(items_of(messages, "messages")):
        param = f"messages[{number}]"
        reading.take(members_of(message, param), param)
    return tuple(reading.turns)


class _Reading:
    """What the messages so far are, and which calls were made: a result is told its tool's name and kind by its id."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self._calls: dict[str, ToolCall] = {}
        self._legacy: list[ToolCall] = []
        self._results: list[Part] | None = None

    def take(self, message: dict[str, object], param: str) -> None:
        role = message.get("role")
        if role in _RESULT_ROLES:
            result = self._read_result(message, param)
            if self._results is None:
                self._results = []
                self.turns.append(Turn(Role.USER, ()))
            self._results.append(result)
            self.turns[-1] = Turn(Role.USER, tuple(self._results))
            return
        self._results = None
        if not isinstance(role, str) or role not in _ROLES:
            raise invalid(f"{param}.role", "must be system, developer, user, assistant or tool")
        self.turns.append(self._read_turn(_ROLES[role], message, param))

    def _read_turn(self, role: Role, message: dict[str, object], param: str) -> Turn:
        name = message.get("name")
        if not isinstance(name, str | None):
            raise invalid(f"{param}.name", "must be a string")
        content: list[Part] = list(read_content(message.get("content"), f"{param}.content"))
        content = _marked(content, message, param)
        if role is not Role.ASSISTANT:
            return Turn(role, tuple(content), name, _others(message, _KNOWN))
        parts = [*_read_thoughts(message), *_cited(content, message)]
        refusal, audio_id = message.get("refusal"), as_object(message.get("audio")).get("id")
        if isinstance(refusal, str) and refusal:
            parts.append(Refusal(refusal))
        if isinstance(audio_id, str):
            parts.append(Audio(Source(file_id=audio_id)))
        parts += self._read_calls(message, param)
        return Turn(role, tuple(parts), name, _others(message, _OF_ASSISTANT))

    def _read_calls(self, message: dict[str, object], param: str) -> list[ToolCall]:
        listed = items_of(message.get("tool_calls") or [], f"{param}.tool_calls")
        calls = [_read_call(call, f"{param}.tool_calls[{number}]") for number, call in enumerate(listed)]
        self._calls |= {call.id: call for call in calls}
        if (legacy := message.get("function_call")) is not None:
            name, arguments = _named(legacy, "arguments", f"{param}.function_call")
            call = ToolCall(f"call_of_{param.removeprefix('messages[').rstrip(']')}", name, arguments)
            self._legacy.append(call)
            calls.append(call)
        return calls

    def _read_result(self, message: dict[str, object], param: str) -> ToolResult:
        name, call_id = message.get("name"), message.get("tool_call_id")
        if not isinstance(name, str | None):
            raise invalid(f"{param}.name", "must be a string")
        if not isinstance(call_id, str | None):
            raise invalid(f"{param}.tool_call_id", "must be a string")
        if call_id is None:
            made = next((call for call in self._legacy if call.name == name), None)
            call_id = "" if made is None else made.id
            self._legacy = [call for call in self._legacy if call is not made]
        parts = read_content(message.get("content"), f"{param}.content")
        for number, part in enumerate(parts):
            if not isinstance(part, Text | Image | Document | Audio):
                raise invalid(f"{param}.content[{number}]", "cannot be in a tool's result")
        if unknown := _others(message, _KNOWN | {"tool_call_id", "is_error"}):
            raise invalid(f"{param}.{next(iter(unknown))}", "is not a member of a tool message")
        call = self._calls.get(call_id)
        return ToolResult(
            call_id,
            tuple(part for part in parts if isinstance(part, Text | Image | Document | Audio)),
            is_error=message.get("is_error") is True,
            name=name or (call and call.name) or None,
            kind=call.kind if call is not None else ToolKind.FUNCTION,
            cache=read_cache(message.get("cache_control"), f"{param}.cache_control"),
        )


def _read_call(said_call: object, param: str) -> ToolCall:
    call = members_of(said_call, param)
    call_id, kind = call.get("id"), call.get("type") or "function"
    if not isinstance(call_id, str | None):
        raise invalid(f"{param}.id", "must be a string")
    if kind not in ("function", "custom"):
        raise invalid(f"{param}.type", "must be function or custom")
    name, said = _named(call.get(str(kind)), "arguments" if kind == "function" else "input", f"{param}.{kind}")
    signature = signature_of(call)
    return ToolCall(
        call_id or "",
        name,
        said,
        ToolKind(kind),
        signature,
        None if signature is None else Maker.GOOGLE,
        read_cache(call.get("cache_control"), f"{param}.cache_control"),
    )


def signature_of(call: dict[str, object]) -> str | None:
    """Google's signature of a tool call, where its compatible API puts it."""
    match call.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}} if signature:
            return signature
        case _:
            return None


def _named(call: object, member: str, param: str) -> tuple[str, str]:
    """The name of a called function, and what it is given."""
    inner = members_of(call, param)
    name, given = inner.get("name"), inner.get(member)
    if not isinstance(name, str):
        raise invalid(f"{param}.name", "must be a string")
    if not isinstance(given, str | None):
        raise invalid(f"{param}.{member}", "must be a string")
    return name, given or ""


def _read_thoughts(message: dict[str, object]) -> list[Part]:
    if details := as_list(message.get("reasoning_details")):
        return list(read_details(details))
    text = message.get("reasoning_content") or message.get("reasoning")
    return [Thinking(text)] if isinstance(text, str) else []


def _cited(content: list[Part], message: dict[str, object]) -> list[Part]:
    """An answer that is one text has its sources again."""
    found = [read_annotation(annotation) for annotation in as_list(message.get("annotations"))]
    match content:
        case [Text(text=text, cache=cache)]:
            return [Text(text, cache, tuple(citation for citation in found if citation is not None))]
        case _:
            return content


def _marked(content: list[Part], message: dict[str, object], param: str) -> list[Part]:
    """A mark on the message is one on its last part."""
    cache = read_cache(message.get("cache_control"), f"{param}.cache_control")
    if cache is None or not content:
        return content
    last = content[-1]
    if isinstance(last, Text):
        return [*content[:-1], Text(last.text, cache)]
    if isinstance(last, Image):
        return [*content[:-1], Image(last.source, last.detail, cache)]
    return content


def _others(message: dict[str, object], known: frozenset[str]) -> dict[str, Json]:
    """Members that nobody knows and that say something."""
    return {name: value for name, value in message.items() if name not in known and value not in (None, [], {})}
