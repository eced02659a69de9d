"""A conversation as the input of a provider that speaks the Responses API: the mirror of responses_items.py."""

from collections.abc import Iterable, Iterator
from typing import final

from ai_gateway.domain.conversation import (
    Audio,
    Document,
    Image,
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
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_parts import write_parts, write_text
from ai_gateway.providers.translation.responses_wire import NAME, sealed

_ERROR = "Error: "
_MODELS_OWN = (Thinking, ToolCall, Refusal, ToolResult)


@final
class InputWriter:
    """`own`: whose thoughts the provider can read. `breakpoints`: marks of the cache are said, and not left to the
    provider.

    No item has its id: the provider may never have seen it, and refuses a thought with an id whose following item has
    another or none. So a thought is said by its sealed content only.
    """

    def __init__(self, own: Maker, losses: Losses, *, breakpoints: bool) -> None:
        self._own = own
        self._losses = losses
        self._breakpoints = breakpoints

    def instructions(self, turns: tuple[Turn, ...]) -> str | None:
        """The first turn, where it is what the Responses API has a field for."""
        if not turns or turns[0].role is not Role.SYSTEM or turns[0].others or turns[0].name:
            return None
        match turns[0].parts:
            case (Text(text=text, cache=None, citations=()),):
                return text
            case _:
                return None

    def items(self, turns: Iterable[Turn]) -> Iterator[dict[str, Json]]:
        for number, turn in enumerate(turns):
            where = f"messages[{number}]"
            if turn.name is not None:
                self._losses.forgiven("name")
            if turn.role is Role.ASSISTANT:
                yield from self._done(turn, where)
            else:
                yield from self._told(turn, where)

    def _told(self, turn: Turn, where: str) -> Iterator[dict[str, Json]]:
        """Messages, and between them the results of tools, each an item of its own."""
        said: list[Part] = []
        is_told = False
        for part in turn.parts:
            if isinstance(part, ToolResult) or (isinstance(part, Opaque) and not part.kind.startswith("input_")):
                if said:
                    yield self._message(turn, said)
                    said = []
                yield from self._result(part, where)
                is_told = True
            elif isinstance(part, Opaque) and part.dialect != NAME:
                self._losses.unsupported(where, f"it has a '{part.kind}'")
            elif isinstance(part, _MODELS_OWN):
                self._losses.unsupported(where, "only the model says such a thing")
            else:
                self._look_at(part)
                said.append(part)
        if said or not is_told:
            yield self._message(turn, said)

    def _message(self, turn: Turn, parts: list[Part]) -> dict[str, Json]:
        return {
            "type": "message",
            "role": turn.role.value,
            "content": write_parts(parts, breakpoints=self._breakpoints),
        }

    def _result(self, part: ToolResult | Opaque, where: str) -> Iterator[dict[str, Json]]:
        if isinstance(part, Opaque):
            yield from self._opaque(part, where)
            return
        kind = "custom_tool_call_output" if part.kind is ToolKind.CUSTOM else "function_call_output"
        for one in (part, *part.parts):
            self._look_at(one)
        yield {"type": kind, "call_id": part.call_id, "output": self._output(part)}

    def _output(self, result: ToolResult) -> Json:
        parts = list(result.parts)
        if result.is_error:
            first = parts[0] if parts else None
            if not isinstance(first, Text):
                parts.insert(0, Text("Error."))
            elif not first.text.startswith(_ERROR):
                parts[0] = Text(_ERROR + first.text)
        if len(parts) == 1 and isinstance(parts[0], Text):
            return parts[0].text
        return write_parts(parts, breakpoints=False)

    def _done(self, turn: Turn, where: str) -> Iterator[dict[str, Json]]:
        said: list[dict[str, Json]] = []
        for part in turn.parts:
            if isinstance(part, Text):
                self._look_at(part)
                said.append(write_text(part))
            elif isinstance(part, Refusal):
                said.append({"type": "refusal", "refusal": part.text})
            else:
                if said:
                    yield self._spoken(turn, said)
                    said = []
                yield from self._acted(part, where)
        if said:
            yield self._spoken(turn, said)

    def _spoken(self, turn: Turn, content: list[dict[str, Json]]) -> dict[str, Json]:
        phase = {"phase": turn.others["phase"]} if "phase" in turn.others else {}
        return {"type": "message", "role": "assistant", "content": content, **phase}

    def _acted(self, part: Part, where: str) -> Iterator[dict[str, Json]]:
        match part:
            case Thinking():
                yield from self._thought(part)
            case ToolCall():
                if part.signature is not None:
                    self._losses.forgiven("thinking")
                if part.cache is not None:
                    self._losses.forgiven("cache_control")
                if part.kind is ToolKind.CUSTOM:
                    yield {"type": "custom_tool_call", "call_id": part.id, "name": part.name, "input": part.arguments}
                else:
                    yield {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments}
            case Opaque():
                yield from self._opaque(part, where)
            case _:
                self._losses.unsupported(where, "the model's own pictures and sounds cannot be given back")

    def _thought(self, thought: Thinking) -> Iterator[dict[str, Json]]:
        content = sealed(thought, self._own)
        if thought.maker is not self._own or content is None:
            self._losses.forgiven("thinking")
            return
        summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
        yield {"type": "reasoning", "summary": summary, "encrypted_content": content}

    def _opaque(self, part: Opaque, where: str) -> Iterator[dict[str, Json]]:
        if part.dialect == NAME:
            yield part.value
        else:
            self._losses.unsupported(where, f"it has a '{part.kind}'")

    def _look_at(self, part: Part) -> None:
        """What is not said of a part that is."""
        if isinstance(part, Text | Image | Document | ToolResult) and part.cache is not None and not self._breakpoints:
            self._losses.forgiven("cache_control")
        if isinstance(part, Document):
            if part.cites:
                self._losses.forgiven("citations")
            if part.context is not None:
                self._losses.forgiven("context")
        if isinstance(part, Audio) and part.source.data is None:
            self._losses.unsupported("audio", "it takes the sound itself only")
