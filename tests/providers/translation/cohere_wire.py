"""Bytes as Cohere sends them: the stream and the whole answer of one reply, and the replies that it can give."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from ai_gateway.domain.conversation import Maker, Part, Text, Thinking, ToolCall
from ai_gateway.providers.translation.cohere_reply import citation_of
from ai_gateway.providers.translation.cohere_turns import PLAN
from providers.translation.aws_wire import halves


def unary(parts: tuple[Part, ...], finish: str, usage: dict[str, Any] | None) -> bytes:
    content: list[dict[str, Any]] = []
    citations: list[Any] = []
    message: dict[str, Any] = {"role": "assistant", "content": content}
    for part in parts:
        match part:
            case Text():
                citations += [said | {"content_index": len(content)} for said in cited(part)]
                content.append({"type": "text", "text": part.text})
            case Thinking(id="tool_plan"):
                message["tool_plan"] = part.text
            case Thinking():
                content.append({"type": "thinking", "thinking": part.text})
            case ToolCall():
                message.setdefault("tool_calls", []).append(_call(part))
            case _:
                raise AssertionError(part)
    if citations:
        message["citations"] = citations
    return json.dumps({"id": "r1", "message": message, "finish_reason": finish, "usage": usage}).encode()


def streamed(parts: tuple[Part, ...], finish: str, usage: dict[str, Any] | None) -> bytes:
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    events = [an_event("message-start", id="r1", message=empty)]
    contents = calls = cites = 0
    for part in parts:
        match part:
            case Text():
                events += _content(contents, "text", part.text)
                for said in cited(part):
                    events.append(_citation(cites, said | {"content_index": contents}))
                    events.append(an_event("citation-end", index=cites))
                    cites += 1
                contents += 1
            case Thinking(id="tool_plan"):
                events += [an_event("tool-plan-delta", message={"tool_plan": piece}) for piece in halves(part.text)]
            case Thinking():
                events += _content(contents, "thinking", part.text)
                contents += 1
            case ToolCall():
                begun = _call(part)
                begun["function"]["arguments"] = ""
                events.append(an_event("tool-call-start", index=calls, message={"tool_calls": begun}))
                for piece in halves(part.arguments):
                    said = {"tool_calls": {"function": {"arguments": piece}}}
                    events.append(an_event("tool-call-delta", index=calls, message=said))
                events.append(an_event("tool-call-end", index=calls))
                calls += 1
            case _:
                raise AssertionError(part)
    events.append(an_event("message-end", delta={"finish_reason": finish, "usage": usage}))
    return b"".join(events) + b"data: [DONE]\n\n"


def an_event(kind: str, *, message: Any = None, delta: Any = None, **more: Any) -> bytes:
    told = delta if delta is not None else ({} if message is None else {"message": message})
    said = {"type": kind, **more} | ({"delta": told} if told else {})
    return f"event: {kind}\ndata: {json.dumps(said)}\n\n".encode()


def cited(part: Text) -> list[dict[str, Any]]:
    return [citation.extra["cohere"] for citation in part.citations]


def _citation(index: int, said: dict[str, Any]) -> bytes:
    return an_event("citation-start", index=index, message={"citations": said})


def _content(index: int, kind: str, text: str) -> Iterator[bytes]:
    yield an_event("content-start", index=index, message={"content": {"type": kind, kind: ""}})
    for piece in halves(text):
        yield an_event("content-delta", index=index, message={"content": {kind: piece}})
    yield an_event("content-end", index=index)


def _call(part: ToolCall) -> dict[str, Any]:
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}


def a_cited_text(index: int, text: str, ids: list[str]) -> Text:
    """`index`: which content block it is, since its citations say so."""
    sources = [{"type": "document", "id": name, "document": {"id": name, "title": f"T{name}"}} for name in ids]
    said = [
        {
            "start": 0,
            "end": len(text),
            "text": text,
            "sources": [source],
            "type": "TEXT_CONTENT",
            "content_index": index,
        }
        for source in sources
    ]
    return Text(text, citations=tuple(found for it in said if (found := citation_of(it)) is not None))


_WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
_IDS = st.lists(st.sampled_from(["doc:0", "doc:12", "web-1"]), max_size=2)


@st.composite
def parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """In the order in which a whole answer has them: content, the plan, calls."""
    said: list[Part] = []
    for index in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            said.append(Thinking(draw(_WORDS), maker=Maker.COHERE))
        else:
            said.append(a_cited_text(index, draw(_WORDS), draw(_IDS)))
    if draw(st.booleans()):
        said.append(Thinking(draw(_WORDS), maker=Maker.COHERE, id=PLAN))
    said += [ToolCall(f"f_{index}", "f", draw(_WORDS)) for index in range(draw(st.integers(0, 2)))]
    return tuple(said)


FINISHES = st.sampled_from(["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "SOMETHING_NEW"])
USAGES = st.none() | st.builds(
    lambda billed, tokens: {"billed_units": billed, "tokens": tokens, "cached_tokens": 5},
    st.fixed_dictionaries({"input_tokens": st.integers(0, 99), "output_tokens": st.integers(0, 99)}),
    st.fixed_dictionaries({"input_tokens": st.integers(0, 999), "output_tokens": st.integers(0, 999)}),
)
