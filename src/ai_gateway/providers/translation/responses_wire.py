"""Small things that the front and the back of OpenAI's Responses API have in common: how thoughts of other makers are
put into `encrypted_content`, citations into annotations, usage and stop reasons into a response.

A caller gives every reasoning item back as it was, and only its maker can read it. So what another maker wrote is
labelled: `gateway:<maker>:<signature>`, `gateway-redacted:<maker>:<data>` for a thought that was never shown, and
`gateway-call:<maker>:<call>:<signature>` for the signature of a tool call, which has no place of its own here.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Citation, Json, Maker, Thinking
from ai_gateway.domain.reply import Stop

NAME: Final = "responses"
SIGNED: Final = "gateway:"
REDACTED: Final = "gateway-redacted:"
OF_CALL: Final = "gateway-call:"
BETWEEN_SUMMARIES: Final = "\n\n"

_MAKERS: Final = {maker.value: maker for maker in Maker}
_URL_CITATION: Final = "url_citation"
_STATUS: Final = {
    Stop.LENGTH: ("incomplete", "max_output_tokens"),
    Stop.CONTEXT: ("incomplete", "max_output_tokens"),
    Stop.CONTENT_FILTER: ("incomplete", "content_filter"),
}
_REASONS: Final = {"max_output_tokens": Stop.LENGTH, "content_filter": Stop.CONTENT_FILTER}


def sealed(thought: Thinking, own: Maker) -> str | None:
    """The `encrypted_content` of a thought; None where its maker is `own` and gave none."""
    if thought.maker is own:
        return thought.encrypted or thought.signature
    if thought.encrypted is not None and thought.signature is None:
        return f"{REDACTED}{thought.maker}:{thought.encrypted}"
    return f"{SIGNED}{thought.maker}:{thought.signature or ''}"


def unsealed(text: str, content: str | None, own: Maker, thought_id: str | None) -> Thinking:
    """The thought that a reasoning item is."""
    if content is not None:
        for label in (SIGNED, REDACTED):
            if content.startswith(label):
                maker, _, rest = content.removeprefix(label).partition(":")
                of = _MAKERS.get(maker, Maker.UNKNOWN)
                if label is REDACTED:
                    return Thinking(text, None, rest, of, thought_id)
                return Thinking(text, rest or None, None, of, thought_id)
    return Thinking(text, None, content, own, thought_id)


def call_seal(call_id: str, maker: Maker, signature: str) -> str:
    return f"{OF_CALL}{maker}:{call_id}:{signature}"


def read_call_seal(content: str) -> tuple[str, Maker, str] | None:
    """The call's id, and who signed it how; None for the thought of a model."""
    if not content.startswith(OF_CALL):
        return None
    maker, _, rest = content.removeprefix(OF_CALL).partition(":")
    call_id, _, signature = rest.rpartition(":")
    return call_id, _MAKERS.get(maker, Maker.UNKNOWN), signature


def annotation_of(citation: Citation) -> dict[str, Json]:
    """What has no annotation of its kind keeps all that it says under `gateway`."""
    kind = citation.extra.get("type")
    if isinstance(kind, str):
        return {**citation.extra, **_known(citation)}
    if citation.url is not None and citation == _plain(citation):
        return {"type": _URL_CITATION, **_known(citation)}
    kept = msgspec.to_builtins(citation)
    told = {name: value for name, value in kept.items() if value is not None and value != {}}
    if citation.url is not None:
        return {"type": _URL_CITATION, **_known(citation), "gateway": told}
    index, name = citation.answer_end or 0, citation.title or ""
    return {"type": "file_citation", "index": index, "file_id": "", "filename": name, "gateway": told}


def citation_of(annotation: dict[str, Json]) -> Citation:
    if isinstance(kept := annotation.get("gateway"), dict):
        try:
            return msgspec.convert(kept, Citation)
        except msgspec.ValidationError:
            pass
    extra = {name: value for name, value in annotation.items() if name not in _MEMBERS}
    if annotation.get("type") == _URL_CITATION:
        extra.pop("type")
    return Citation(
        url=_text(annotation.get("url")),
        title=_text(annotation.get("title")),
        answer_start=_number(annotation.get("start_index")),
        answer_end=_number(annotation.get("end_index")),
        extra=extra,
    )


def usage_of(usage: Usage) -> dict[str, Json]:
    details = {"cached_tokens": usage.cache_read_tokens}
    if written := usage.cache_write_5m_tokens + usage.cache_write_1h_tokens:
        details["cache_write_tokens"] = written
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": details,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def status_of(stop: Stop | None, *, refused_in_words: bool) -> tuple[str, str | None]:
    """The status of a response and why it is incomplete. A refusal without a word looks like what a filter did."""
    if stop is Stop.REFUSAL and not refused_in_words:
        return "incomplete", "content_filter"
    return _STATUS.get(stop, ("completed", None)) if stop is not None else ("completed", None)


def stop_of(status: object, reason: object, *, calls: bool, refuses: bool) -> Stop:
    """Why a response ended. Its status says nothing of tools: that calls are there does."""
    if status == "incomplete":
        return _REASONS.get(reason, Stop.UNKNOWN) if isinstance(reason, str) else Stop.UNKNOWN
    if calls:
        return Stop.TOOL_CALLS
    if refuses:
        return Stop.REFUSAL
    return Stop.END if status in ("completed", None) else Stop.UNKNOWN


_MEMBERS: Final = frozenset({"url", "title", "start_index", "end_index", "gateway"})


def _known(citation: Citation) -> dict[str, Json]:
    told = {
        "url": citation.url,
        "title": citation.title,
        "start_index": citation.answer_start,
        "end_index": citation.answer_end,
    }
    return {name: value for name, value in told.items() if value is not None}


def _plain(citation: Citation) -> Citation:
    return Citation(
        url=citation.url,
        title=citation.title,
        answer_start=citation.answer_start,
        answer_end=citation.answer_end,
        extra=citation.extra,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
