"""A request of Anthropic's messages, to be answered or to be counted. The system prompt is a member of its own; turns
of the role system, which newer models take in the middle of a conversation, are part of it too."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, final

import msgspec

from ai_gateway.domain.rules import Json, Path, Seat, SystemMode, Where
from ai_gateway.providers.shaping.meanings import (
    Meaning,
    Meanings,
    also_called,
    anthropic_choice,
    anthropic_format,
    at,
    chat_choice,
    inner_format,
    listed,
    nowhere,
    opposite,
)
from ai_gateway.providers.shaping.raw_json import Items, Members, items_of, members_of, raw_of, text_of
from ai_gateway.providers.shaping.request_fields import RequestFields
from ai_gateway.providers.shaping.tools import MCP, chosen_without, filtered
from ai_gateway.providers.shaping.turns import (
    SYSTEM,
    USER,
    Turn,
    Words,
    is_system,
    last_of_user,
    leading,
    turn_of,
    turns_of,
    with_text,
    with_words,
)

_MESSAGES: Final = "messages"
_TEXT: Final = "text"
_RESULT: Final = "tool_result"
_USER_ID: Final = "user_id"
_SERVERS: Final = "mcp_servers"
_CHOICE: Final = "tool_choice"
_PARALLEL: Final = "parallel_tool_calls"
_DISABLED: Final = "disable_parallel_tool_use"
_ANSWERED: Final = {
    "max_tokens": at("max_tokens"),
    "stop": Meaning((("stop_sequences",),), write=listed),
    "user": at("metadata.user_id"),
    "reasoning_effort": at("output_config.effort"),
    _PARALLEL: Meaning(((_CHOICE, _DISABLED),), read=opposite, write=opposite),
    _CHOICE: Meaning(((_CHOICE,),), read=chat_choice, write=anthropic_choice),
    "response_format": Meaning(
        (("output_config", "format"), ("output_format",)), read=inner_format, write=anthropic_format
    ),
    **nowhere(
        ("n", "seed", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "logit_bias", "store"),
    ),
}
_NOT_COUNTED: Final = ("max_tokens", "stop", "user", "temperature", "top_p", "top_k", "service_tier", "metadata")


class _AnthropicRequest(RequestFields):
    def put(self, path: Path, value: Json) -> None:
        first = path[0]
        if first == _PARALLEL:
            self._put_parallel(value)
        elif first == _CHOICE and len(path) == 1:
            disabled = self._get((_CHOICE, _DISABLED))
            super().put(path, value)
            if disabled is True and self._get((_CHOICE, "type")) not in ("none", msgspec.UNSET):
                self._put((_CHOICE, _DISABLED), True)
        elif first != "metadata" or path[1:] in ((), (_USER_ID,)):
            super().put(path, value)

    def system(self, mode: SystemMode, text: str) -> bool:
        told = self._members.get(SYSTEM)
        if mode is SystemMode.FORCE:
            self._silence()
            said = text
        else:
            said = with_text(told, Words(text, Where.START if mode is SystemMode.PREPEND else Where.END, _TEXT))
        self._members[SYSTEM] = raw_of(said)
        return True

    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        if seat is Seat.SYSTEM:
            return self.system(SystemMode.PREPEND if where is Where.START else SystemMode.APPEND, text)
        turns, items = turns_of(self._members.get(_MESSAGES))
        number = _last_spoken(turns, items)
        if number is None:
            first = leading(items)
            self._set(_MESSAGES, raw_of([*items[:first], {"role": USER, "content": text}, *items[first:]]))
        else:
            self._set(_MESSAGES, with_words(items, number, Words(text, where, _TEXT, _RESULT)))
        return True

    def tool_names(self) -> tuple[str, ...]:
        tools = self._members.get("tools")
        names = () if tools is None else filtered(tools, lambda _: True).names
        return (*names, MCP) if self._has_servers() and MCP not in names else names

    def keep_tools(self, keeps: Callable[[str], bool]) -> tuple[str, ...]:
        gone: tuple[str, ...] = ()
        tools = self._members.get("tools")
        kept = None if tools is None else filtered(tools, keeps)
        if kept is not None and kept.tools is not None:
            gone = kept.gone
            if kept.is_empty:
                self._remove("tools", _CHOICE)
            else:
                self._set("tools", kept.tools)
                self._choose(keeps)
        if self._has_servers() and not keeps(MCP):
            self._remove(_SERVERS)
            gone = gone if MCP in gone else (*gone, MCP)
        return gone

    def add_metadata(self, values: Mapping[str, str]) -> bool:
        """Anthropic takes nothing there but who the end user is."""
        if set(values) != {_USER_ID} or self.meanings.get("metadata") is not None:
            return False
        self._put(("metadata", _USER_ID), values[_USER_ID])
        return True

    def _put_parallel(self, value: Json) -> None:
        """It is said with the choice among tools, which says first how free it is."""
        if not isinstance(value, bool) or "tools" not in self._members:
            return
        mode = self._get((_CHOICE, "type"))
        if mode == "none" or (value and mode is msgspec.UNSET):
            return
        if mode is msgspec.UNSET:
            self._put((_CHOICE,), {"type": "auto"})
        self._put((_CHOICE, _DISABLED), not value)

    def _choose(self, keeps: Callable[[str], bool]) -> None:
        choice = self._members.get(_CHOICE)
        if choice is None:
            return
        chosen = chosen_without(choice, keeps)
        if chosen is not None:
            self._set(_CHOICE, chosen)
        elif self._get((_CHOICE, _DISABLED)) is True:
            self._set(_CHOICE, raw_of({"type": "auto", _DISABLED: True}))
        else:
            self._remove(_CHOICE)

    def _has_servers(self) -> bool:
        raw = self._members.get(_SERVERS)
        return raw is not None and bytes(raw).strip() not in (b"null", b"[]")

    def _silence(self) -> None:
        """No turn of the conversation speaks as the system. What such a turn says of tools stays."""
        turns, items = turns_of(self._members.get(_MESSAGES))
        if not any(is_system(turn) for turn in turns):
            return
        kept: Items = []
        for turn, item in zip(turns, items, strict=True):
            left = _without_words(item) if is_system(turn) else item
            if left is not None:
                kept.append(left)
        self._set(_MESSAGES, raw_of(kept))


@final
class MessagesRequest(_AnthropicRequest):
    meanings: ClassVar[Meanings] = also_called(_ANSWERED)


@final
class CountRequest(_AnthropicRequest):
    """What is only counted has nothing of how it would be answered."""

    meanings: ClassVar[Meanings] = also_called({**_ANSWERED, **nowhere(_NOT_COUNTED)})


def _last_spoken(turns: list[Turn], items: Items) -> int | None:
    """The turn in which the user spoke last; if it was never, the one that brought results last. In a long round of
    calls it stays the same turn, so what the provider has cached of the conversation stays so."""
    last = number = last_of_user(turns)
    while number is not None and _has_results_only(items[number]):
        number = last_of_user(turns[:number])
    return last if number is None else number


def _has_results_only(turn: msgspec.Raw) -> bool:
    content = (members_of(turn) or {}).get("content")
    if content is None or text_of(content) is not None:
        return False
    blocks = items_of(content)
    return bool(blocks) and all(turn_of(block).type == _RESULT for block in blocks)


def _without_words(turn: msgspec.Raw) -> msgspec.Raw | None:
    """None where nothing is left."""
    members: Members = members_of(turn) or {}
    content = members.get("content")
    blocks = (None if content is None else items_of(content)) or []
    left = [block for block in blocks if (turn_of(block).type or "").startswith("tool_")]
    return raw_of({**members, "content": left}) if left else None
