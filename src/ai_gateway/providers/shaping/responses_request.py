"""A request of the Responses API. The system prompt is `instructions`, and after it every message of the roles system
and developer among the items of the input."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, final

import msgspec

from ai_gateway.domain.rules import RuleError, Seat, SystemMode, Where
from ai_gateway.providers.shaping.meanings import (
    Meaning,
    Meanings,
    also_called,
    at,
    flat_choice,
    flat_format,
    inner_choice,
    inner_format,
    nowhere,
)
from ai_gateway.providers.shaping.raw_json import Items, members_of, put_in, raw_of, text_of
from ai_gateway.providers.shaping.request_fields import RequestFields
from ai_gateway.providers.shaping.tools import chosen_without, filtered
from ai_gateway.providers.shaping.turns import (
    USER,
    Words,
    items_in,
    joined,
    last_of_user,
    leading,
    spoken,
    turns_of,
    with_words,
)

_INPUT: Final = "input"
_INSTRUCTIONS: Final = "instructions"
_TOOLS: Final = "tools"
_CHOICE: Final = "tool_choice"
_TEXT: Final = "input_text"
_ITEMS_WITH_TOOLS: Final = ("additional_tools", "tool_search_output")


@final
class ResponsesRequest(RequestFields):
    meanings: ClassVar[Meanings] = also_called(
        {
            "max_tokens": at("max_output_tokens"),
            "user": at("user", "safety_identifier"),
            "reasoning_effort": at("reasoning.effort"),
            "verbosity": at("text.verbosity"),
            "response_format": Meaning((("text", "format"),), read=inner_format, write=flat_format),
            _CHOICE: Meaning(((_CHOICE,),), read=inner_choice, write=flat_choice),
            **nowhere(
                ("stop", "n", "seed", "top_k", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs")
            ),
        }
    )

    def system(self, mode: SystemMode, text: str) -> bool:
        if mode is SystemMode.FORCE:
            self._silence()
            self._instruct(text)
            return True
        if mode is SystemMode.APPEND and text_of(self._members.get(_INPUT)) is None:
            items = items_in(self._members.get(_INPUT))
            if count := leading(items):
                self._members[_INPUT] = with_words(items, count - 1, Words(text, Where.END, _TEXT))
                return True
        said = text_of(self._members.get(_INSTRUCTIONS))
        if said is None:
            raise RuleError("'instructions' is no text")
        self._instruct(joined(said, Where.START if mode is SystemMode.PREPEND else Where.END, text))
        return True

    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        if seat is Seat.SYSTEM:
            return self.system(SystemMode.PREPEND if where is Where.START else SystemMode.APPEND, text)
        said = text_of(self._members.get(_INPUT))
        if said is not None:
            self._set(_INPUT, raw_of(joined(said, where, text)))
            return True
        turns, items = turns_of(self._members.get(_INPUT))
        number = last_of_user(turns)
        if number is None:
            first = leading(items)
            made = {"type": "message", "role": USER, "content": [{"type": _TEXT, "text": text}]}
            self._set(_INPUT, raw_of([*items[:first], made, *items[first:]]))
        else:
            self._set(_INPUT, with_words(items, number, Words(text, where, _TEXT)))
        return True

    def tool_names(self) -> tuple[str, ...]:
        lists = [self._members[_TOOLS]] if _TOOLS in self._members else []
        lists += [raw for _, raw in self._tools_in_items()[1]]
        return tuple(name for raw in lists for name in filtered(raw, lambda _: True).names)

    def keep_tools(self, keeps: Callable[[str], bool]) -> tuple[str, ...]:
        items, within = self._tools_in_items()
        gone: list[str] = []
        for number, raw in within:
            kept = filtered(raw, keeps)
            if kept.tools is not None:
                gone += kept.gone
                items[number] = raw_of({**(members_of(items[number]) or {}), _TOOLS: kept.tools})
        if gone:
            self._set(_INPUT, raw_of(items))
        if _TOOLS in self._members:
            kept = filtered(self._members[_TOOLS], keeps)
            if kept.tools is not None:
                gone += kept.gone
                if kept.is_empty:
                    self._remove(_TOOLS, "parallel_tool_calls", "max_tool_calls")
                else:
                    self._set(_TOOLS, kept.tools)
        if gone and _CHOICE in self._members:
            chosen = chosen_without(self._members[_CHOICE], keeps) if self.tool_names() else None
            self._remove(_CHOICE) if chosen is None else self._set(_CHOICE, chosen)
        return tuple(gone)

    def add_metadata(self, values: Mapping[str, str]) -> bool:
        metadata = self._members.get("metadata")
        for name, value in values.items():
            metadata = put_in(metadata, (name,), raw_of(value))
        if metadata is not None:
            self._set("metadata", metadata)
        return True

    def _instruct(self, text: str) -> None:
        self._set(_INSTRUCTIONS, raw_of(text))

    def _silence(self) -> None:
        """No item speaks as the system."""
        if text_of(self._members.get(_INPUT)) is not None:
            return
        turns, items = turns_of(self._members.get(_INPUT))
        kept = spoken(turns, items)
        if len(kept) < len(items):
            self._set(_INPUT, raw_of(kept))

    def _tools_in_items(self) -> tuple[Items, list[tuple[int, msgspec.Raw]]]:
        """Tools that were added or found in the conversation: the items, and which have some."""
        if text_of(self._members.get(_INPUT)) is not None:
            return [], []
        turns, items = turns_of(self._members.get(_INPUT))
        with_tools = [number for number, turn in enumerate(turns) if turn.type in _ITEMS_WITH_TOOLS]
        found = [(number, (members_of(items[number]) or {}).get(_TOOLS)) for number in with_tools]
        return items, [(number, raw) for number, raw in found if raw is not None]
