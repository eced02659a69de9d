"""What rules do to a chat answer around its words: names, members, metadata, and what stands behind the last word.

A stream says the same as the whole answer: members of the top are in every chunk, those of a choice come with its end,
those of a message with its first delta. Metadata is told once, on the first chunk.
"""

from typing import Final, final

from ai_gateway.domain.rules import AnswerRules, Json, Path
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.shaping.pieces import Body, add_metadata, below, drop, has, is_list, is_object, name_anew, put

_PREFIX: Final = "chatcmpl-"
_MEMBERS: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "metadata", "error", "gateway"}
)
_WAITS: Final = frozenset({"tool_calls", "function_call"})
_USAGE: Final = "usage"


@final
class ChatFrame:
    """`changes_chunks`: whether later chunks are changed too, not only the first and the last ones."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._drop = answer.drop
        self._drop_delta = below(answer.drop, "choices", "message")
        self._put = answer.put
        self._put_message = _told(answer.put, "choices", "message")
        self._put_choice = tuple(
            (path, value) for path, value in _told(answer.put, "choices") if path[0] not in ("message", "delta")
        )
        self._put_top = tuple((path, value) for path, value in answer.put if path[0] != "choices")
        self.changes_chunks = bool(answer.drop or answer.put or answer.names or answer.hidden_as is not None)

    def dress_whole(self, body: Body) -> None:
        name_anew(body, self._answer, _PREFIX, _MEMBERS)
        for path in self._drop:
            drop(body, path)
        for path, value in self._put:
            if path[0] != _USAGE or is_object(body.get(_USAGE)):
                put(body, path, value)
        add_metadata(body, self._answer.metadata)

    def dress_chunk(self, chunk: Body) -> None:
        """All but what is told once."""
        name_anew(chunk, self._answer, _PREFIX, _MEMBERS)
        for path in self._drop:
            drop(chunk, path)
        for path in self._drop_delta:
            for choice in as_list(chunk.get("choices")):
                drop(as_object(choice).get("delta"), path)
        for path, value in self._put_top:
            if path[0] != _USAGE or is_object(chunk.get(_USAGE)):
                put(chunk, path, value)

    def dress_choice(self, choice: Body, *, is_first: bool, is_last: bool) -> None:
        """What is told of a choice once: with its first delta, with its end."""
        if self._put_message and is_object(delta := choice.get("delta")):
            for path, value in self._put_message:
                if is_first:
                    put(delta, path, value)
                else:
                    drop(delta, path)
        for path, value in self._put_choice:
            if is_last or has(choice, path):
                put(choice, path, value)

    def add_metadata(self, chunk: Body) -> None:
        add_metadata(chunk, self._answer.metadata)


def waits_for_tools(finish: object, has_calls: object) -> bool:
    """Whether a choice is no last word: also where the model was made to call a tool, which ends with "stop"."""
    return bool(has_calls) or (isinstance(finish, str) and finish in _WAITS)


def add_text(message: Body, text: str) -> None:
    """Behind the content of a message or delta."""
    content = message.get("content")
    if not is_list(content):
        message["content"] = (content if isinstance(content, str) else "") + text
    elif content and (last := as_object(content[-1])).get("type") == "text" and isinstance(last.get("text"), str):
        last["text"] = f"{last['text']}{text}"
    else:
        content.append({"type": "text", "text": text})


def _told(puts: tuple[tuple[Path, Json], ...], *way: str) -> tuple[tuple[Path, Json], ...]:
    return tuple((path[len(way) :], value) for path, value in puts if path[: len(way)] == way and len(path) > len(way))
