"""What a connection says last, where nobody could read what it was asked: the gateway's own error, without ASGI."""

from http import HTTPStatus
from typing import Final

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.faults import Fault
from ai_gateway.gateway import answers

_ANTHROPIC_PATH: Final = b"/v1/messages"


def last_words(fault: Fault, url: bytes, request_id: str) -> bytes:
    """An answer's bytes, in the dialect that the path `url` suggests."""
    dialect = Dialect.ANTHROPIC if url.startswith(_ANTHROPIC_PATH) else Dialect.OPENAI
    body = answers.body_of(fault, dialect, request_id)
    headers = [
        *answers.headers_of(fault),
        ("x-request-id", request_id),
        ("request-id", request_id),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    lines = [f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body
