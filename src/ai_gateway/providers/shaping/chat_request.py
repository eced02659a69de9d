"""A request of chat completions. The system prompt is every message of the roles system and developer; what stands at
the beginning of the conversation is where words are added to it."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, final

from ai_gateway.domain.rules import Json, Seat, SystemMode, Where
from ai_gateway.providers.shaping.meanings import Meanings, also_called, at
from ai_gateway.providers.shaping.raw_json import is_null, put_in, raw_of
from ai_gateway.providers.shaping.request_fields import RequestFields
from ai_gateway.providers.shaping.tools import chosen_without, filtered
from ai_gateway.providers.shaping.turns import (
    DEVELOPER,
    SYSTEM,
    USER,
    Turn,
    Words,
    is_system,
    items_in,
    last_of_user,
    leading,
    spoken,
    turn_of,
    turns_of,
    with_words,
)

_FORCE, _PREPEND, _APPEND = SystemMode  # a member of an enum is a look-up in Python each time
_START, _END = Where
_SYSTEM: Final = Seat.SYSTEM
_MESSAGES: Final = "messages"
_TEXT: Final = "text"
_WEB_SEARCH: Final = "web_search"
_WEB_SEARCH_OPTIONS: Final = "web_search_options"
_LISTS: Final = (("tools", "tool_choice"), ("functions", "function_call"))


@final
class ChatRequest(RequestFields):
    meanings: ClassVar[Meanings] = also_called(
        {
            "max_tokens": at("max_completion_tokens", "max_tokens"),
            "user": at("user", "safety_identifier"),
        }
    )

    def system(self, mode: SystemMode, text: str) -> bool:
        raw = self._members.get(_MESSAGES)
        if mode is _FORCE:
            turns, items = turns_of(raw)
            self._say([{"role": _role_of(turns), "content": text}, *spoken(turns, items)])
            return True
        items = items_in(raw)
        if not items or not is_system(turn_of(items[0])):
            self._say([{"role": _role_of(turns_of(raw)[0]), "content": text}, *items])
        elif mode is _PREPEND:
            self._members[_MESSAGES] = with_words(items, 0, Words(text, _START, _TEXT))
        else:
            self._members[_MESSAGES] = with_words(items, leading(items) - 1, Words(text, _END, _TEXT))
        return True

    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        if seat is _SYSTEM:
            return self.system(_PREPEND if where is _START else _APPEND, text)
        turns, items = turns_of(self._members.get(_MESSAGES))
        number = last_of_user(turns)
        if number is None:
            first = leading(items)
            self._say([*items[:first], {"role": USER, "content": text}, *items[first:]])
        else:
            self._members[_MESSAGES] = with_words(items, number, Words(text, where, _TEXT))
        return True

    def tool_names(self) -> tuple[str, ...]:
        listed = [filtered(self._members[name], _any).names for name, _ in _LISTS if name in self._members]
        searches = [(_WEB_SEARCH,)] if self._searches() else []
        return tuple(name for names in (*listed, *searches) for name in names)

    def keep_tools(self, keeps: Callable[[str], bool]) -> tuple[str, ...]:
        gone: list[str] = []
        for name, choice in _LISTS:
            kept = filtered(self._members[name], keeps) if name in self._members else None
            if kept is None or kept.tools is None:
                continue
            gone += kept.gone
            if kept.is_empty:
                self._remove(name, choice)
                continue
            self._set(name, kept.tools)
            if choice in self._members:
                chosen = chosen_without(self._members[choice], keeps)
                self._remove(choice) if chosen is None else self._set(choice, chosen)
        if self._searches() and not keeps(_WEB_SEARCH):
            self._remove(_WEB_SEARCH_OPTIONS)
            gone.append(_WEB_SEARCH)
        if gone and "tools" not in self._members:
            self._remove("parallel_tool_calls")
        return tuple(gone)

    def add_metadata(self, values: Mapping[str, str]) -> bool:
        metadata = self._members.get("metadata")
        for name, value in values.items():
            metadata = put_in(metadata, (name,), raw_of(value))
        if metadata is not None:
            self._set("metadata", metadata)
        return True

    def _searches(self) -> bool:
        raw = self._members.get(_WEB_SEARCH_OPTIONS)
        return raw is not None and not is_null(raw)

    def _say(self, messages: list[Json]) -> None:
        self._members[_MESSAGES] = raw_of(messages)


def _role_of(turns: list[Turn]) -> str:
    """The role in which this caller speaks as the system: some models know only one of the two."""
    for turn in turns:
        if turn.role == DEVELOPER:
            return DEVELOPER
    return SYSTEM


def _any(_: str) -> bool:
    return True
