"""What a model answered as items of a response, and the response around them.

Texts that follow each other are one message: readers of this API take the last message for the answer. Ids of items are
made of the response's id and their place, so that the same answer is the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import (
    Audio,
    Image,
    Json,
    Maker,
    Opaque,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
from ai_gateway.domain.reply import Stop
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.responses_items import in_namespace
from ai_gateway.providers.translation.responses_wire import (
    NAME,
    annotation_of,
    call_seal,
    sealed,
    status_of,
    usage_of,
)

PREFIX: Final = "resp_"


def response_id(given: str) -> str:
    """An id of this API's form out of whatever the provider called its answer."""
    return given if given.startswith(PREFIX) else f"{PREFIX}{given}"


def opened(reply_id: str, model: str, created: int | None) -> dict[str, Json]:
    """A response that has only begun, with every member that a client may look for."""
    return {
        "id": response_id(reply_id),
        "object": "response",
        "created_at": created or 0,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": None,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }


def ended(
    begun: dict[str, Json],
    output: list[dict[str, Json]],
    stop: Stop | None,
    usage: Usage | None,
    service_tier: str | None,
) -> dict[str, Json]:
    status, why = status_of(stop, refused_in_words=_refuses_in_words(output))
    return begun | {
        "status": status,
        "incomplete_details": None if why is None else {"reason": why},
        "output": output,
        "service_tier": service_tier,
        "usage": None if usage is None else usage_of(usage),
    }


def items_of(parts: Iterable[Part], reply_id: str, names: "Names") -> Iterator[dict[str, Json]]:
    base = reply_id.removeprefix(PREFIX)
    said: list[dict[str, Json]] = []
    number = 0
    for part in parts:
        if isinstance(part, Text | Refusal):
            said.append(content_of(part))
            continue
        if said:
            yield message(f"msg_{base}_{number}", said)
            said, number = [], number + 1
        for item in _items(part, f"{base}_{number}", names):
            yield item
            number += 1
    if said:
        yield message(f"msg_{base}_{number}", said)


def message(item_id: str, content: list[dict[str, Json]], status: str = "completed") -> dict[str, Json]:
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def content_of(part: Text | Refusal) -> dict[str, Json]:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return output_text(part.text, [annotation_of(it) for it in part.citations])


def output_text(text: str, annotations: list[dict[str, Json]], logprobs: list[Json] | None = None) -> dict[str, Json]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs or []}


def reasoning(item_id: str, thought: Thinking) -> dict[str, Json]:
    item: dict[str, Json] = {
        "id": thought.id or item_id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": thought.text}] if thought.text else [],
    }
    content = sealed(thought, Maker.OPENAI)
    return item if content is None else item | {"encrypted_content": content}


def signed_call(item_id: str, call_id: str, maker: Maker, signature: str) -> dict[str, Json]:
    """The item in which a call's signature comes back."""
    return {
        "id": item_id,
        "type": "reasoning",
        "summary": [],
        "encrypted_content": call_seal(call_id, maker, signature),
    }


def call(base: str, part: ToolCall, names: "Names", status: str = "completed") -> dict[str, Json]:
    if part.kind is ToolKind.CUSTOM:
        item: dict[str, Json] = {"id": f"ctc_{base}", "type": "custom_tool_call", "input": part.arguments}
    else:
        item = {"id": f"fc_{base}", "type": "function_call", "arguments": part.arguments}
    return item | {"status": status, "call_id": part.id, **names.of(part.name)}


class Names:
    """The names of tools as the caller said them: those in a namespace were told to the provider as one word."""

    def __init__(self, tools: object = None) -> None:
        self._spaces: dict[str, tuple[str, str]] = {}
        for value in as_list(tools):
            tool = as_object(value)
            space = tool.get("name")
            if tool.get("type") == "namespace" and isinstance(space, str):
                for one in as_list(tool.get("tools")):
                    name = as_object(one).get("name")
                    if isinstance(name, str):
                        self._spaces[in_namespace(space, name)] = (space, name)

    def of(self, name: str) -> Mapping[str, Json]:
        space = self._spaces.get(name)
        return {"name": name} if space is None else {"name": space[1], "namespace": space[0]}


def _items(part: Part, base: str, names: Names) -> Iterator[dict[str, Json]]:
    match part:
        case Thinking():
            yield reasoning(f"rs_{base}", part)
        case ToolCall():
            yield call(base, part, names)
            if part.signature is not None:
                maker = part.maker or Maker.UNKNOWN
                yield signed_call(f"rs_{base}_call", part.id, maker, part.signature)
        case Image():
            yield image(f"ig_{base}", part)
        case Audio(transcript=str() as transcript):
            yield message(f"msg_{base}", [output_text(transcript, [])])
        case Opaque(dialect=dialect, value=value) if dialect == NAME:
            yield value
        case _:
            pass


def image(item_id: str, part: Image) -> dict[str, Json]:
    result = part.source.data if part.source.data is not None else part.source.url
    item: dict[str, Json] = {"id": item_id, "type": "image_generation_call", "status": "completed", "result": result}
    form = (part.source.media_type or "").removeprefix("image/")
    return item | {"output_format": form} if form else item


def _refuses_in_words(output: list[dict[str, Json]]) -> bool:
    return any(as_object(it).get("type") == "refusal" for item in output for it in as_list(item.get("content")))
