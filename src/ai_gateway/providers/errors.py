"""What a provider says when it refuses, whatever shape it says it in.

Error answers are the least standardised part of every API: the same gateway sees OpenAI's object, xAI's string,
Mistral's `detail`, Cohere's bare message, Google's array, a proxy's HTML page and nothing at all. One tolerant reader
knows them all; what they mean is decided elsewhere (policy/error_handler.py). Keys that are echoed are redacted here,
at the door. All scanning is of a bounded length, since the text may be hostile.
"""

import re
from html import unescape
from typing import cast

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.redaction import redact
from ai_gateway.providers.decoding import as_list, as_object, as_text, decode_any, first_of

LONGEST_MESSAGE = 4096
LONGEST_TEXT = 500
"""Of a body that is not JSON: a proxy's page says in its first words what it is."""
LONGEST_WAIT_SECONDS = 86_400.0

_READ_BYTES = 1024 * 1024
_PAGE_BYTES = 4096
_INVISIBLE = re.compile(r"(?is)<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title\s*>")
_WAIT_TEXT = re.compile(
    r"(?i)(?:try again|retry|retry your request) (?:in|after) ((?:\d+(?:\.\d+)?\s*(?:ms|h|m|s)[a-z]*\s*){1,4})"
)
_WAIT_PART = re.compile(r"(?i)(\d+(?:\.\d+)?)\s*(ms|h|m|s)[a-z]*")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_error(status: int | None, headers: dict[str, str], body: bytes) -> ProviderError:
    """An error answer, or the data of an error event (`status` None). Header names are lower case."""
    said = decode_any(body[:_READ_BYTES])
    error = describe_error(said)
    if error is None:
        error = ProviderError(status=None, message=said if isinstance(said, str) else _text_of(body))
        longest = LONGEST_TEXT
    else:
        longest = LONGEST_MESSAGE
    kind = headers.get("x-amzn-errortype", "").partition(":")[0]
    wait = _wait_by_headers(headers)
    message = redact(error.message[: 2 * LONGEST_MESSAGE])[:longest]
    return ProviderError(
        status=status,
        message=message,
        type=_short(error.type or kind),
        code=_short(error.code),
        param=_short(error.param),
        retry_after_seconds=wait if wait is not None else _wait_by_words(error.retry_after_seconds, message),
    )


def describe_error(said: object) -> ProviderError | None:
    """The words of a decoded error in any known shape, not redacted and without a status. None: no object, no array."""
    if isinstance(said, list):
        return describe_error(first_of(cast("object", said))) or ProviderError(status=None)
    if not isinstance(said, dict):
        return None
    outer = as_object(cast("object", said))
    inner = outer.get("error") or as_object(outer.get("response")).get("error")
    if isinstance(inner, str):
        return ProviderError(
            status=None, message=inner, type=as_text(outer.get("type")), code=as_text(outer.get("code"))
        )
    error = as_object(inner) or as_object(first_of(outer.get("errors"))) or outer
    return ProviderError(
        status=None,
        message=_message_of(error) or _message_of(outer) or "",
        type=as_text(error.get("type")) or _status_name(error.get("status")),
        code=_code_of(error),
        param=as_text(error.get("param")),
        retry_after_seconds=_retry_delay(error),
    )


def _message_of(error: dict[str, object]) -> str | None:
    message = as_text(error.get("message")) or _detail_of(error.get("detail"))
    raw = as_object(error.get("metadata")).get("raw")
    if not isinstance(raw, str) or not raw:
        return message
    nested = describe_error(decode_any(raw[:_READ_BYTES].encode()))
    behind = raw if nested is None else nested.message
    return f"{message}: {behind}" if message and behind else message or behind


def _detail_of(detail: object) -> str | None:
    """FastAPI's `detail`: a sentence, or a list of {"loc", "msg"}."""
    listed = as_list(detail)
    if not listed:
        return as_text(detail) or as_text(as_object(detail).get("message"))
    parts = [as_object(item) for item in listed[:5]]
    return "; ".join(f"{'.'.join(map(str, as_list(part.get('loc'))))}: {part.get('msg')}" for part in parts)


def _status_name(status: object) -> str | None:
    """Google's RESOURCE_EXHAUSTED; others put a number there, which is no type."""
    return status if isinstance(status, str) else None


def _code_of(error: dict[str, object]) -> str | None:
    """The most telling code: Azure and Google keep theirs one level down, others have only a number."""
    reasons = [as_object(item).get("reason") for item in as_list(error.get("details"))]
    inner = as_object(error.get("innererror")).get("code")
    for code in (*reasons, error.get("code"), inner, error.get("status_code"), error.get("status")):
        if (text := as_text(code)) is not None:
            return text
    return None


def _retry_delay(error: dict[str, object]) -> float | None:
    """Google's RetryInfo: {"retryDelay": "32s"}."""
    delays = [as_object(item).get("retryDelay") for item in as_list(error.get("details"))]
    return next((wait for delay in delays if isinstance(delay, str) and (wait := _seconds(delay)) is not None), None)


def _wait_by_headers(headers: dict[str, str]) -> float | None:
    """`retry-after-ms`, else `retry-after` in seconds. Its date form needs a clock, and no codec has one."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
            return min(float(text) * unit, LONGEST_WAIT_SECONDS)
    return None


def _wait_by_words(told: float | None, message: str) -> float | None:
    found = _WAIT_TEXT.search(message) if told is None else None
    return _seconds(found[1]) if found else told


def _seconds(text: str) -> float | None:
    parts = [(float(number), _UNIT_SECONDS[unit.lower()]) for number, unit in _WAIT_PART.findall(text[:100])]
    return round(min(sum(number * unit for number, unit in parts), LONGEST_WAIT_SECONDS), 3) if parts else None


def _short(text: str | None) -> str | None:
    return redact(text[:LONGEST_TEXT]) if text else None


def _text_of(body: bytes) -> str:
    """The words of a page or a plain text. Broken JSON is not quoted: half an answer is somebody's conversation."""
    if body.lstrip()[:1] in (b"{", b"["):
        return "The provider's answer is not valid JSON."
    text = body[:_PAGE_BYTES].decode("utf-8", errors="replace")
    if "<" in text and ">" in text:
        title = _TITLE.search(text)
        text = unescape(f"{title[1] if title else ''} {_INVISIBLE.sub(' ', text)}")
    return " ".join(text.split())
