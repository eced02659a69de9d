"""What a client makes of a stream: the whole answer that its events add up to, in the dialect's own members."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from ai_gateway.providers.shaping import EventShaper
from ai_gateway.providers.sse import EventSplitter, data_of

Body = dict[str, Any]
_ONCE = frozenset({"role", "type", "id", "index", "format", "name", "channel", "expires_at", "data"})


def events_of(stream: bytes) -> list[bytes]:
    splitter = EventSplitter()
    events = splitter.feed(stream)
    more, rest = splitter.rest()
    return [*events, *more, *([rest] if rest else [])]


def shaped(shaper: EventShaper, stream: bytes, cuts: list[int] | None = None) -> bytes:
    """The stream through the shaper: an event at a time, or so many as lie between the cuts."""
    events = events_of(stream)
    at = (
        range(len(events) + 1) if cuts is None else sorted({0, *(cut % (len(events) + 1) for cut in cuts), len(events)})
    )
    out = [shaper.feed(b"".join(events[start:stop])) for start, stop in pairwise(at)]
    return b"".join([*out, shaper.end()])


def said_in(stream: bytes) -> list[Body]:
    datas = [data for event in events_of(stream) if (data := data_of(event)) is not None and data.strip() != b"[DONE]"]
    return [said for data in datas if isinstance(said := json.loads(data, strict=False), dict)]


def chat_of(stream: bytes) -> Body:
    """A chat completion."""
    whole: Body = {}
    choices: dict[int, Body] = {}
    for chunk in said_in(stream):
        for name, value in chunk.items():
            if name == "choices":
                for choice in value:
                    _grow_choice(choices.setdefault(choice.get("index", 0), {"message": {}}), choice)
            elif value is not None and name not in ("obfuscation", "p"):
                whole[name] = {**whole.get(name, {}), **value} if name == "metadata" else value
    for choice in choices.values():
        settle(choice["message"])
    return {**whole, "choices": [{"index": index, **choices[index]} for index in sorted(choices)]}


def _grow_choice(choice: Body, said: Body) -> None:
    for name, value in said.items():
        if name in ("delta", "message"):
            if name == "delta" or said.get("delta") is None:
                _grow(choice["message"], value or {})
        elif name == "logprobs" and value is not None:
            kept = choice.setdefault(name, {})
            for lane, pieces in value.items():
                kept[lane] = [*(kept.get(lane) or []), *(pieces or [])]
        elif value is not None and name != "index":
            choice[name] = value


def _grow(message: Body, delta: Body) -> None:
    for name, value in delta.items():
        before = message.get(name)
        if value is None:
            continue
        if name == "content" and isinstance(value, list | str):
            message.setdefault(name, [])
            message[name] += value if isinstance(value, list) else [{"type": "text", "text": value}]
        elif name in ("tool_calls", "reasoning_details"):
            merged = message.setdefault(name, [])
            for entry in value:
                _merge_entry(merged, entry)
        elif isinstance(value, list):
            message[name] = [*(before or []), *value]
        elif isinstance(value, dict):
            _grow(message.setdefault(name, {}), value)
        elif isinstance(value, str) and isinstance(before, str) and name not in _ONCE:
            message[name] = before + value
        elif name not in _ONCE or before in (None, ""):
            message[name] = value


def _merge_entry(merged: list[Body], entry: Body) -> None:
    for known in merged:
        if (known.get("index"), known.get("type")) == (entry.get("index"), entry.get("type") or known.get("type")):
            _grow(known, entry)
            return
    merged.append({})
    _grow(merged[-1], entry)


def settle(message: Body) -> None:
    """Pieces of content are one text, and a list only where there is more than text."""
    pieces = message.get("content")
    if not isinstance(pieces, list):
        return
    parts: list[Body] = []
    for piece in pieces:
        kind, text = piece["type"], _text_of(piece)
        if kind not in ("text", "thinking"):
            parts.append(piece)
        elif text and parts and parts[-1]["type"] == kind:
            _put_text(parts[-1], _text_of(parts[-1]) + text)
        elif text:
            parts.append({"type": kind})
            _put_text(parts[-1], text)
    plain = all(part["type"] == "text" for part in parts)
    message["content"] = "".join(part["text"] for part in parts) if plain else parts


def _text_of(part: Body) -> str:
    thoughts = part.get("thinking", "")
    said = thoughts if isinstance(thoughts, str) else "".join(it.get("text", "") for it in thoughts)
    return part.get("text", "") + said


def _put_text(part: Body, text: str) -> None:
    part |= {"text": text} if part["type"] == "text" else {"thinking": [{"type": "text", "text": text}]}


def message_of(stream: bytes) -> Body:
    """A message of Anthropic's."""
    message: Body = {}
    blocks: dict[int, Body] = {}
    inputs: dict[int, str] = {}
    for said in said_in(stream):
        match said:
            case {"type": "message_start"}:
                message = dict(said["message"])
            case {"type": "content_block_start"}:
                blocks[said["index"]] = {**said["content_block"]}
            case {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": piece}}:
                inputs[said["index"]] = inputs.get(said["index"], "") + piece
            case {"type": "content_block_delta", "delta": {"type": "citations_delta", "citation": citation}}:
                block = blocks[said["index"]]
                block["citations"] = [*(block.get("citations") or []), citation]
            case {"type": "content_block_delta"}:
                block = blocks[said["index"]]
                for name, value in said["delta"].items():
                    if name != "type":
                        block[name] = (block.get(name) or "") + value
            case {"type": "message_delta"}:
                message |= said["delta"]
                message["usage"] = {**message.get("usage", {}), **said.get("usage", {})}
                message |= {name: value for name, value in said.items() if name not in ("type", "delta", "usage")}
            case _:
                pass
    for index, text in inputs.items():
        blocks[index]["input"] = _parsed(text) if text else {}
    return {**message, "content": [blocks[index] for index in sorted(blocks)]}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"unreadable": text}


def without_nothing(value: Any) -> Any:
    """A whole answer without members that say nothing, which streams leave out or have as they like."""
    if isinstance(value, dict):
        return {name: it for name, inner in value.items() if (it := without_nothing(inner)) not in (None, "", [], {})}
    if isinstance(value, list):
        return [without_nothing(it) for it in value]
    return value


def leaks(stream: bytes, secret: str, fold: Callable[[bytes], Body]) -> bool:
    """Whether a secret is in the bytes, or in what they add up to."""
    said = json.dumps(fold(stream), ensure_ascii=False)
    return secret in said or secret.encode() in stream
