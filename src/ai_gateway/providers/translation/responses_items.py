"""Items of the Responses API and the turns of a conversation, both ways.

An input is a flat list; who speaks is told by the kind of an item. What the model did between two things that it was
told (thoughts, a message, calls) is one turn of its own, and the results of calls that follow each other are one of the
user. Items that only this API knows keep their place as they are.

A namespace of tools has no like elsewhere: a call in one is called `namespace__name`.
"""

from collections.abc import Iterable
from typing import Final, cast, final

from ai_gateway.domain.conversation import (
    Json,
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
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.responses_parts import read_content, wrong
from ai_gateway.providers.translation.responses_wire import BETWEEN_SUMMARIES, NAME, read_call_seal, unsealed

_ROLES: Final = {role.value: role for role in Role}
_BETWEEN: Final = "__"
_TOLD_TO_THE_MODEL: Final = frozenset({"additional_tools", "mcp_approval_response"})


def read_input(given: object) -> tuple[Turn, ...]:
    """Raises InvalidRequest."""
    if isinstance(given, str):
        return (Turn(Role.USER, (Text(given),)),)
    if not isinstance(given, list):
        raise wrong("input", "must be a text or a list of items")
    reader = _Reader()
    for number, item in enumerate(as_list(cast("object", given))):
        reader.take(as_object(item), f"input[{number}]")
    return reader.turns()


def model_part(item: dict[str, Json], own: Maker) -> Part:
    """What the model did, where it is neither a message nor the signature of a call."""
    match item.get("type"):
        case "function_call":
            name, arguments = qualified(item), item.get("arguments")
            return ToolCall(_str(item.get("call_id")), name, arguments if isinstance(arguments, str) else "")
        case "custom_tool_call":
            return ToolCall(_str(item.get("call_id")), qualified(item), _str(item.get("input")), ToolKind.CUSTOM)
        case "reasoning":
            sealed = item.get("encrypted_content")
            content = sealed if isinstance(sealed, str) and sealed else None
            return unsealed(thought_text(item), content, own, _str(item.get("id")) or None)
        case kind:
            return Opaque(NAME, _str(kind), item)


def thought_text(item: dict[str, Json]) -> str:
    """The summaries, or the thought itself where a model shows it."""
    for name in ("summary", "content"):
        texts = [_str(as_object(part).get("text")) for part in as_list(item.get(name))]
        if texts:
            return BETWEEN_SUMMARIES.join(texts)
    return ""


def qualified(item: dict[str, Json]) -> str:
    """A tool's name with its namespace. A tool that was searched for and found is a namespace of itself."""
    name, namespace = _str(item.get("name")), item.get("namespace")
    return name if namespace == name else in_namespace(namespace, name)


def in_namespace(namespace: object, name: str) -> str:
    if not isinstance(namespace, str) or not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith(_BETWEEN) else f"{namespace}{_BETWEEN}{name}"


@final
class _Reader:
    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._doing: list[Part] = []
        self._doing_others: dict[str, Json] = {}
        self._has_spoken = False
        self._results: list[Part] = []
        self._names: dict[str, str] = {}
        self._seals: dict[str, tuple[Maker, str]] = {}

    def take(self, item: dict[str, Json], where: str) -> None:
        kind = item.get("type", "message")
        if kind == "message":
            self._message(item, where)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self._end_doing()
            self._results.append(self._result(item, kind, where))
        elif not isinstance(kind, str):
            raise wrong(f"{where}.type", "must be a text")
        elif kind.endswith("_output") or kind in _TOLD_TO_THE_MODEL:
            self._end_doing()
            self._results.append(Opaque(NAME, kind, item))
        else:
            self._end_results()
            self._do(item)

    def turns(self) -> tuple[Turn, ...]:
        self._end_doing()
        self._end_results()
        return tuple(self._signed(turn) for turn in self._turns) if self._seals else tuple(self._turns)

    def _message(self, item: dict[str, Json], where: str) -> None:
        role = _ROLES.get(_str(item.get("role")))
        if role is None:
            raise wrong(f"{where}.role", "must be one of user, assistant, system and developer")
        parts = read_content(item.get("content"), f"{where}.content")
        self._end_results()
        if role is not Role.ASSISTANT:
            self._end_doing()
            self._turns.append(Turn(role, parts))
            return
        if self._has_spoken:
            self._end_doing()
        self._doing += parts
        self._has_spoken = True
        if item.get("phase") is not None:
            self._doing_others = {"phase": item["phase"]}

    def _do(self, item: dict[str, Json]) -> None:
        content = item.get("encrypted_content")
        seal = read_call_seal(content) if isinstance(content, str) and item.get("type") == "reasoning" else None
        if seal is not None:
            self._seals[seal[0]] = seal[1:]
            return
        part = model_part(item, Maker.OPENAI)
        if isinstance(part, ToolCall):
            self._names[part.id] = part.name
        if isinstance(part, Thinking) and self._has_spoken:
            self._end_doing()
        self._doing.append(part)

    def _result(self, item: dict[str, Json], kind: object, where: str) -> ToolResult:
        call_id = _str(item.get("call_id"))
        parts = read_content(item.get("output"), f"{where}.output")
        of = ToolKind.CUSTOM if kind == "custom_tool_call_output" else ToolKind.FUNCTION
        told = tuple(
            part for part in parts if not isinstance(part, ToolCall | ToolResult | Thinking | Refusal | Opaque)
        )
        return ToolResult(call_id, told, name=self._names.get(call_id), kind=of)

    def _end_doing(self) -> None:
        if self._doing or self._has_spoken:
            self._turns.append(Turn(Role.ASSISTANT, tuple(self._doing), others=self._doing_others))
        self._doing, self._doing_others, self._has_spoken = [], {}, False

    def _end_results(self) -> None:
        if self._results:
            self._turns.append(Turn(Role.USER, tuple(self._results)))
            self._results = []

    def _signed(self, turn: Turn) -> Turn:
        return Turn(turn.role, tuple(self._sealed(turn.parts)), turn.name, turn.others)

    def _sealed(self, parts: Iterable[Part]) -> Iterable[Part]:
        for part in parts:
            seal = self._seals.get(part.id) if isinstance(part, ToolCall) else None
            if isinstance(part, ToolCall) and seal is not None:
                yield ToolCall(part.id, part.name, part.arguments, part.kind, seal[1], seal[0], part.cache)
            else:
                yield part


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""
