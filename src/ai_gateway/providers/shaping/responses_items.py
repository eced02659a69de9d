"""Where words are in the items of a response (OpenAI's Responses API), and what rules do to items and to the response
around them. Whole answers and every event of a stream that carries an item, a part or a response are read by this.

A text that a stream tells in pieces is known by its thread: the stem of its events' names and the part it is of. All
other words (what a tool found, what was cited) come whole. Ids, names of tools, pictures, encrypted thoughts are none.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from ai_gateway.domain.rules import AnswerRules, Json, Path
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.shaping.pieces import (
    Body,
    add_metadata,
    below,
    drop,
    is_list,
    is_object,
    is_text,
    name_anew,
    put,
    rewrite,
)
from ai_gateway.providers.translation.responses_output import message, output_text

TEXT: Final = "response.output_text"
REFUSAL: Final = "response.refusal"
SUMMARY: Final = "response.reasoning_summary_text"
THOUGHT: Final = "response.reasoning_text"
ARGUMENTS: Final = frozenset({"response.function_call_arguments", "response.mcp_call_arguments"})
OF_CONTENT: Final = frozenset({TEXT, REFUSAL, THOUGHT})

PLACES: Final[dict[str, Path]] = {
    TEXT: ("output", "content", "text"),
    REFUSAL: ("output", "content", "refusal"),
    SUMMARY: ("output", "summary", "text"),
    THOUGHT: ("output", "content", "text"),
    "response.function_call_arguments": ("output", "arguments"),
    "response.mcp_call_arguments": ("output", "arguments"),
    "response.custom_tool_call_input": ("output", "input"),
    "response.code_interpreter_call_code": ("output", "code"),
}
"""Where the text of a thread stands in a response."""

_OF_ITEMS: Final[dict[object, tuple[str, str]]] = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "mcp_call": ("arguments", "response.mcp_call_arguments"),
    "mcp_approval_request": ("arguments", "response.mcp_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
    "program": ("code", "response.program_code"),
    "code_interpreter_call": ("code", "response.code_interpreter_call_code"),
}
_OF_PARTS: Final[dict[object, tuple[str, str]]] = {
    "output_text": ("text", TEXT),
    "text": ("text", TEXT),
    "refusal": ("refusal", REFUSAL),
    "summary_text": ("text", SUMMARY),
    "reasoning_text": ("text", THOUGHT),
}
_WAITING: Final = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "mcp_approval_request",
    }
)
_DRAWN: Final = "image_generation_call"
_MEMBERS: Final = frozenset(
    {
        "background", "completed_at", "conversation", "created_at", "error", "gateway", "id", "incomplete_details",
        "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation", "object", "output",
        "output_text", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "status",
        "store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "usage", "user",
    }
)  # fmt: skip
"""Of a response. All but the output is what was asked, told again."""


class Words(Protocol):
    """What becomes of texts."""

    def threaded(self, stem: str, part: int, text: Json) -> Json:
        """A text that streams tell in pieces, or whatever stands in its place."""
        ...

    def whole(self, text: str) -> str: ...


def rewrite_item(item: Json, words: Words) -> Json:
    if not is_object(item):
        return rewrite_value(item, words)
    kind = _kind(item)
    member, stem = _OF_ITEMS.get(kind, ("", ""))
    for name, value in list(item.items()):
        if name == member:
            item[name] = words.threaded(stem, 0, value)
        elif name in ("content", "summary") and is_list(value):
            item[name] = [rewrite_part(part, place, words) for place, part in enumerate(value)]
        elif name == "content" and isinstance(value, str):
            item[name] = words.threaded(TEXT, 0, value)
        elif name != "result" or kind != _DRAWN:
            item[name] = rewrite_member(name, value, words)
    return item


def rewrite_part(part: Json, place: int, words: Words) -> Json:
    """The weights of pieces spell the text as the model wrote it, so none of them are told."""
    if not is_object(part):
        return rewrite_value(part, words)
    member, stem = _OF_PARTS.get(_kind(part), ("", ""))
    for name, value in list(part.items()):
        if name == member:
            part[name] = words.threaded(stem, place, value)
        elif name == "logprobs":
            part[name] = []
        else:
            part[name] = rewrite_member(name, value, words)
    return part


def rewrite_member(name: str, value: Json, words: Words) -> Json:
    """A member of which nothing else is known."""
    if isinstance(value, str):
        is_word = is_text(name) and not name.endswith("b64") and not value.startswith("data:")
        return words.whole(value) if is_word else value
    return rewrite_value(value, words)


def rewrite_value(value: Json, words: Words) -> Json:
    """All texts in a value that stands where nobody expects it, or of which nobody knows the form."""
    return rewrite(value, words.whole) if isinstance(value, str | dict | list) else value


def rewrite_response(response: Body, words: Words) -> None:
    for name, value in list(response.items()):
        if name == "output" and is_list(value):
            response[name] = [rewrite_item(item, words) for item in value]
        elif name in ("output", "output_text") or name not in _MEMBERS:
            response[name] = rewrite_member(name, value, words)


class Surroundings:
    """What one answer's rules do besides, to a response and to the pieces of it that events carry."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._item_drops = below(answer.drop, "output")
        self._part_drops = {name: below(answer.drop, "output", name) for name in ("content", "summary")}
        self._annotation_drops = below(answer.drop, "output", "content", "annotations")
        self._item_puts = _told(answer.put, "output")
        self._part_puts = {name: _told(answer.put, "output", name) for name in ("content", "summary")}
        self.changes_pieces = bool(self._item_drops or self._item_puts)

    def dress(self, response: Body) -> None:
        """A response's own id stays: it is the gateway's, or one that says nothing."""
        answer = self._answer
        own_id = response.get("id")
        name_anew(response, answer, "", _MEMBERS)
        if answer.hidden_as is not None and "id" in response:
            response["id"] = own_id
        _change(response, answer.drop, answer.put)
        add_metadata(response, answer.metadata)

    def dress_item(self, item: Json) -> None:
        _change(item, self._item_drops, self._item_puts)

    def dress_part(self, holder: str, part: Json) -> None:
        _change(part, self._part_drops[holder], self._part_puts[holder])

    def dress_annotation(self, annotation: Json) -> None:
        _change(annotation, self._annotation_drops, ())

    def leaves_out(self, path: Path) -> bool:
        """Whether nothing of this place is told."""
        return any(path[: len(it)] == it for it in self._answer.drop)


def waits_for_tools(output: Json) -> bool:
    """Whether the caller has to do something before the model has its last word."""
    return any(_kind(as_object(item)) in _WAITING for item in as_list(output))


def appended_item(answer: AnswerRules) -> Body:
    """The item that stands behind the last one."""
    return message(_appended_id(answer), [output_text(answer.appended, [])])


def begun_item(answer: AnswerRules) -> Body:
    """The same before a word of it was told."""
    return message(_appended_id(answer), [], "in_progress")


def append(response: Body, answer: AnswerRules) -> None:
    if is_list(output := response.get("output")):
        output.append(appended_item(answer))
    if isinstance(said := response.get("output_text"), str):
        response["output_text"] = said + answer.appended


def _appended_id(answer: AnswerRules) -> str:
    return "msg_" + answer.request_id.removeprefix("req_")


def _kind(holder: Body) -> Json:
    kind = holder.get("type")
    return kind if isinstance(kind, str) else None


def _change(value: Json, drops: Iterable[Path], puts: Iterable[tuple[Path, Json]]) -> None:
    for path in drops:
        drop(value, path)
    for path, told in puts:
        put(value, path, told)


def _told(puts: Iterable[tuple[Path, Json]], *way: str) -> tuple[tuple[Path, Json], ...]:
    count = len(way)
    return tuple((path[count:], value) for path, value in puts if path[:count] == way and len(path) > count)
