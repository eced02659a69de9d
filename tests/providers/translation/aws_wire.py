"""Bytes as Bedrock sends them: frames, and the streams and whole answers of the same reply."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any
from zlib import crc32

from ai_gateway.domain.conversation import Opaque, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice
from ai_gateway.providers.translation.bedrock_citations import citation_block
from ai_gateway.providers.translation.bedrock_turns import redacted_on_the_wire


def a_frame(headers: dict[str, str], payload: bytes = b"") -> bytes:
    named = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", len(named) + len(payload) + 16, len(named))
    whole = prelude + struct.pack("!I", crc32(prelude)) + named + payload
    return whole + struct.pack("!I", crc32(whole))


def an_event(name: str, **said: Any) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return a_frame(headers, json.dumps({**said, "p": "abcdefgh"}).encode())


def an_exception(name: str, message: str) -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return a_frame(headers, json.dumps({"message": message}).encode())


def unary(choice: Choice, stop: str, beside: dict[str, Any]) -> bytes:
    content = [block_of(part) for part in choice.parts]
    message = {"role": "assistant", "content": content}
    return json.dumps({"output": {"message": message}, "stopReason": stop, "metrics": {}} | beside).encode()


def streamed(choice: Choice, stop: str, beside: dict[str, Any]) -> list[bytes]:
    fields = beside.get("additionalModelResponseFields")
    metadata = {name: value for name, value in beside.items() if name != "additionalModelResponseFields"}
    events = [an_event("messageStart", role="assistant")]
    for index, part in enumerate(choice.parts):
        events += _block_events(index, part)
    more = {} if fields is None else {"additionalModelResponseFields": fields}
    return [*events, an_event("messageStop", stopReason=stop, **more), an_event("metadata", metrics={}, **metadata)]


def block_of(part: object) -> dict[str, Any]:
    match part:
        case Text(text=text, citations=()):
            return {"text": text}
        case Text():
            cited = [citation_block(citation) for citation in part.citations]
            return {"citationsContent": {"content": [{"text": part.text}], "citations": cited}}
        case Thinking(encrypted=str() as data):
            return {"reasoningContent": {"redactedContent": redacted_on_the_wire(data)}}
        case Thinking():
            said = {"text": part.text} | ({} if part.signature is None else {"signature": part.signature})
            return {"reasoningContent": {"reasoningText": said}}
        case ToolCall():
            return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": json.loads(part.arguments)}}
        case Opaque():
            return part.value
        case _:
            raise AssertionError(part)


def _block_events(index: int, part: object) -> Iterator[bytes]:
    match part:
        case Text():
            for piece in halves(part.text):
                yield _delta(index, text=piece)
            for citation in part.citations:
                yield _delta(index, citation=citation_block(citation))
        case Thinking(encrypted=str() as data):
            wire = base64.b64decode(redacted_on_the_wire(data))
            for piece in (wire[: len(wire) // 2], wire[len(wire) // 2 :]):
                yield _delta(index, reasoningContent={"redactedContent": base64.b64encode(piece).decode()})
        case Thinking():
            for piece in halves(part.text):
                yield _delta(index, reasoningContent={"text": piece})
            for piece in halves(part.signature or ""):
                yield _delta(index, reasoningContent={"signature": piece})
        case ToolCall():
            start = {"toolUse": {"toolUseId": part.id, "name": part.name}}
            yield an_event("contentBlockStart", contentBlockIndex=index, start=start)
            for piece in halves(part.arguments if part.arguments != "{}" else ""):
                yield _delta(index, toolUse={"input": piece})
        case Opaque(kind="toolUse"):
            used = part.value["toolUse"]
            start = {name: value for name, value in used.items() if name != "input"}
            yield an_event("contentBlockStart", contentBlockIndex=index, start={"toolUse": start})
            for piece in halves(json.dumps(used["input"])):
                yield _delta(index, toolUse={"input": piece})
        case Opaque(kind="toolResult"):
            result = part.value["toolResult"]
            start = {name: value for name, value in result.items() if name != "content"}
            yield an_event("contentBlockStart", contentBlockIndex=index, start={"toolResult": start})
            for piece in result["content"]:
                yield _delta(index, toolResult=[piece])
        case _:
            raise AssertionError(part)
    yield an_event("contentBlockStop", contentBlockIndex=index)


def _delta(index: int, **delta: Any) -> bytes:
    return an_event("contentBlockDelta", contentBlockIndex=index, delta=delta)


def halves(text: str) -> tuple[str, ...]:
    return tuple(piece for piece in (text[: len(text) // 2], text[len(text) // 2 :]) if piece)
