"""Streams of both dialects with words in every place that they have: mixed choices, parallel calls, texts in any
pieces, in the framings that providers use."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

Body = dict[str, Any]
PIECES = st.sampled_from(
    ["sec", "ret", "secret", "s", "e", "12", "345", "1", " ", "é", '"', "\n", "😀", "\\", "the end"]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=7)
HEAD: Body = {"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 7, "model": "gpt-x-1"}


def chunk(delta: Body, index: int = 0, finish: str | None = None, **more: Any) -> Body:
    return {**HEAD, "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}


def frame(said: Body, *, name: str = "", end: str = "\n", spaced: bool = False, ascii_only: bool = False) -> bytes:
    separators = (", ", ": ") if spaced else (",", ":")
    data = json.dumps(said, separators=separators, ensure_ascii=ascii_only)
    return f"{f'event: {name}{end}' if name else ''}data: {data}{end}{end}".encode()


@st.composite
def arguments(draw: st.DrawFn) -> list[str]:
    """The JSON text of a call's arguments, in pieces."""
    value = {"to": "".join(draw(TEXTS)), "n": draw(st.integers(0, 99)), "all": ["".join(draw(TEXTS)), None, True]}
    return pieces(draw, json.dumps(value, ensure_ascii=draw(st.booleans())))


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=4))})
    return [text[start:stop] for start, stop in pairwise(cuts)]


@st.composite
def lines(draw: st.DrawFn) -> list[list[Body]]:
    """What one choice says: deltas of each text in their order."""
    said: list[list[Body]] = []
    if draw(st.booleans()):
        said.append([{"content": piece} for piece in draw(TEXTS)])
    match draw(st.integers(0, 3)):
        case 1:
            said.append([{"reasoning_content": piece} for piece in draw(TEXTS)])
        case 2:
            told = draw(TEXTS)
            detail = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
            said.append([{"reasoning": it, "reasoning_details": [{**detail, "text": it}]} for it in told])
            said[-1].append({"reasoning_details": [{**detail, "signature": "secret12345"}]})
        case 3:
            parts = [{"type": "thinking", "thinking": [{"type": "text", "text": it}]} for it in draw(TEXTS)]
            said[:] = [[{"content": [it]} for it in parts], *said]
        case _:
            pass
    if draw(st.booleans()):
        said.append([{"refusal": piece} for piece in draw(TEXTS)])
    for number in range(draw(st.integers(0, 2))):
        call = {"index": number, "id": f"call_{number}", "type": "function"}
        began = {"tool_calls": [{**call, "function": {"name": "secret", "arguments": ""}}]}
        grown = [{"tool_calls": [{"index": number, "function": {"arguments": it}}]} for it in draw(arguments())]
        said.append([began, *grown])
    if draw(st.booleans()):
        spoken = [{"audio": {"transcript": piece}} for piece in draw(TEXTS)]
        said.append([{"audio": {"id": "audio_secret"}}, *spoken, {"audio": {"data": "c2VjcmV0"}}])
    if draw(st.booleans()):
        cited = {"url": "https://a.example", "title": "".join(draw(TEXTS)), "start_index": 0}
        said.append([{"annotations": [{"type": "url_citation", "url_citation": cited}]}])
    return said


def mixed(draw: st.DrawFn, running: list[list[Any]]) -> list[Any]:
    """The lines one into the other, each in its order; a list of thoughts is over when its text begins."""
    out: list[Any] = []
    running = [list(line) for line in running if line]
    while running:
        at = draw(st.integers(0, len(running) - 1))
        out.append(running[at].pop(0))
        running = [line for line in running if line]
    return out


@st.composite
def chat_streams(draw: st.DrawFn) -> list[bytes]:
    choices: list[list[Body]] = []
    for index in range(draw(st.integers(1, 2))):
        said = draw(lines())
        is_listed = bool(said) and isinstance(said[0][0].get("content"), list)
        first, rest = (said[:2], said[2:]) if is_listed else ([], said)
        deltas = [*(delta for line in first for delta in line), *mixed(draw, rest)]
        finish = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
        last = {"content": draw(PIECES)} if draw(st.booleans()) and not is_listed else {}
        chunks = [chunk({"role": "assistant", "content": ""}, index), *(chunk(delta, index) for delta in deltas)]
        choices.append([*chunks, chunk(last, index, finish)])
    usage = {"prompt_tokens": 12345, "completion_tokens": 5, "total_tokens": 12350}
    told = [*mixed(draw, choices), *([{**HEAD, "choices": [], "usage": usage}] if draw(st.booleans()) else [])]
    noise = draw(st.booleans())
    how = {
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "spaced": draw(st.booleans()),
        "ascii_only": draw(st.booleans()),
    }
    events = [frame({**it, "obfuscation": "x" * (n % 5)} if noise else it, **how) for n, it in enumerate(told)]
    if draw(st.booleans()):
        events.insert(draw(st.integers(0, len(events))), b": PROCESSING\n\n")
    return [*events, b"data: [DONE]\n\n"]


@st.composite
def message_streams(draw: st.DrawFn) -> list[bytes]:
    start = {"id": "msg_9", "type": "message", "role": "assistant", "model": "claude-x-1", "content": []}
    usage = {"input_tokens": 12345, "output_tokens": 1}
    started = {**start, "stop_reason": None, "stop_sequence": None, "usage": usage}
    said: list[Body] = [{"type": "message_start", "message": started}, {"type": "ping"}]
    kinds = st.sampled_from(["text", "thinking", "tool_use", "server_tool_use", "redacted", "result", "compaction"])
    for index, kind in enumerate(draw(st.lists(kinds, min_size=1, max_size=4))):
        block, deltas = draw(_block(kind, index))
        said.append({"type": "content_block_start", "index": index, "content_block": block})
        said += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        if draw(st.booleans()):
            said.append({"type": "ping"})
        said.append({"type": "content_block_stop", "index": index})
    stop = draw(st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal", "stop_sequence"]))
    delta: Body = {"stop_reason": stop, "stop_sequence": "secret" if stop == "stop_sequence" else None}
    if stop == "refusal":
        delta["stop_details"] = {"type": "refusal", "category": None, "explanation": "".join(draw(TEXTS))}
    said += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 77777}}, {"type": "message_stop"}]
    how = {
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "spaced": draw(st.booleans()),
        "ascii_only": draw(st.booleans()),
    }
    return [frame(it, name=it["type"], **how) for it in said]


@st.composite
def _block(draw: st.DrawFn, kind: str, index: int) -> tuple[Body, list[Body]]:
    match kind:
        case "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in draw(TEXTS)]
            place = {"type": "char_location", "cited_text": "".join(draw(TEXTS)), "document_index": 0}
            cited = [{"type": "citations_delta", "citation": place}] if draw(st.booleans()) else []
            return {"type": "text", "text": draw(st.sampled_from(["", "se"]))}, mixed(draw, [deltas, cited])
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in draw(TEXTS)]
            signed = {"type": "signature_delta", "signature": "secret12345"}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
        case "redacted":
            return {"type": "redacted_thinking", "data": "secret12345"}, []
        case "result":
            found = {"type": "web_search_result", "title": "".join(draw(TEXTS)), "encrypted_content": "secret12345"}
            return {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_secret", "content": [found]}, []
        case "compaction":
            deltas = [{"type": "compaction_delta", "content": piece} for piece in draw(TEXTS)]
            return {"type": "compaction", "content": None}, deltas
        case _:
            grown = [{"type": "input_json_delta", "partial_json": it} for it in draw(arguments())]
            call = {"type": kind, "id": f"toolu_secret_{index}", "name": "secret", "input": {}}
            return call, [{"type": "input_json_delta", "partial_json": ""}, *grown]
