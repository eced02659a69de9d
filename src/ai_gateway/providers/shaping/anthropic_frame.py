"""What rules do to an answer of Anthropic's around its words: names, members and metadata.

A stream tells the message at its start, why it ended and what it cost at its end, and its blocks between; a member is
dropped or put where it would be told. Paths into the input of a tool are not followed, whole or streamed: what comes as
pieces of JSON cannot be taken apart as it goes by.
"""

from typing import Final, final

from ai_gateway.domain.rules import AnswerRules, Json, Path
from ai_gateway.providers.decoding import as_object
from ai_gateway.providers.shaping.pieces import Body, add_metadata, drop, has, is_object, name_anew, put

_PREFIX: Final = "msg_"
_MEMBERS: Final = frozenset(
    {
        "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage", "container",
        "context_management", "metadata", "error", "gateway",
    }
)  # fmt: skip
_USAGE: Final = "usage"
_TOLD_LAST: Final = frozenset({"stop_reason", "stop_sequence", "stop_details"})
_OF_DELTAS: Final = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "signature": ("signature_delta", "signature"),
    "citations": ("citations_delta", "citation"),
    "input": ("input_json_delta", "partial_json"),
}
_WAITS: Final = frozenset({"tool_use", "pause_turn"})


@final
class MessageFrame:
    """`changes_blocks`: whether anything in blocks is changed that is not words."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._drop = tuple(path for path in answer.drop if not _is_in_input(path))
        self._put = tuple((path, value) for path, value in answer.put if not _is_in_input(path))
        self._drop_in_blocks = tuple(path[1:] for path in self._drop if _is_in_block(path))
        self._put_in_blocks = tuple((path[1:], value) for path, value in self._put if _is_in_block(path))
        self.changes_blocks = bool(self._drop_in_blocks or self._put_in_blocks)

    def dress_whole(self, body: Body) -> None:
        self._dress(body, self._put)

    def dress_start(self, message: Body) -> None:
        self._dress(message, tuple((path, value) for path, value in self._put if path[0] not in _TOLD_LAST))

    def dress_end(self, event: Body) -> None:
        """The event with the stop reason."""
        delta = as_object(event.get("delta"))
        hides = self._answer.hidden_as is not None
        around = {
            name: value
            for name, value in event.items()
            if name not in ("type", "delta") and (name in _MEMBERS or not hides)
        }
        for path in self._drop:
            drop(delta, path)
            drop(around, path)
        for path, value in self._put:
            if path[0] in _TOLD_LAST or has(delta, path):
                put(delta, path, value)
            elif has(around, path[:1]):
                put(around, path, value)
        for name in [it for it in event if it not in ("type", "delta")]:
            del event[name]
        event.update(around)

    def dress_block(self, block: Body) -> None:
        for path in self._drop_in_blocks:
            drop(block, path)
        for path, value in self._put_in_blocks:
            put(block, path, value)

    def keeps_delta(self, delta: Body) -> bool:
        """Whether anything of it may be told. What was put at the block's start is not told again."""
        for path in (*self._drop_in_blocks, *(path for path, _ in self._put_in_blocks)):
            kind, member = _OF_DELTAS.get(path[0], ("", ""))
            if kind == delta.get("type") and len(path) == 1:
                return False
            if kind == delta.get("type"):
                drop(delta.get(member), path[1:])
            elif not kind:
                drop(delta, path)
        for path, value in self._put_in_blocks:
            kind, member = _OF_DELTAS.get(path[0], ("", ""))
            if kind and kind == delta.get("type"):
                put(delta.get(member), path[1:], value)
        return True

    def _dress(self, body: Body, puts: tuple[tuple[Path, Json], ...]) -> None:
        name_anew(body, self._answer, _PREFIX, _MEMBERS)
        for path in self._drop:
            drop(body, path)
        for path, value in puts:
            if path[0] != _USAGE or is_object(body.get(_USAGE)):
                put(body, path, value)
        add_metadata(body, self._answer.metadata)


def waits_for_tools(stop: object, has_calls: object) -> bool:
    """Whether an answer is no last word."""
    return bool(has_calls) or (isinstance(stop, str) and stop in _WAITS)


def _is_in_block(path: Path) -> bool:
    return path[0] == "content" and len(path) > 1


def _is_in_input(path: Path) -> bool:
    return path[:2] == ("content", "input") and len(path) > 2
