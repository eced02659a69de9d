"""How the gateway says no, in the dialect of whoever asked: the shape makes the caller's SDK raise the right
exception, and `error.gateway` says the same thing in every dialect, for people and for programs.

Nothing is written here that does not stand on a Fault: its text was made for callers, its `detail` is never read.
"""

from math import ceil
from typing import Any, Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.faults import Category, Fault

JSON: Final = ("content-type", "application/json")
DOCS: Final = "docs/ERROR_HANDLING.md"
OVERLOADED_STATUS: Final = 529
SERVER_ERROR: Final = 500
"""From here on SDKs try again by themselves, unless they are told not to."""
NOT_WORTH_RETRYING: Final = frozenset(
    {Category.BUDGET, Category.QUOTA, Category.PAYMENT, Category.PROVIDER_AUTHENTICATION}
)
_OPENAI_TYPES: Final = {
    Category.AUTHENTICATION: "authentication_error",
    Category.PERMISSION: "permission_error",
    Category.NOT_FOUND: "not_found_error",
    Category.INVALID_REQUEST: "invalid_request_error",
    Category.CONTEXT_LENGTH: "invalid_request_error",
    Category.CONTENT_FILTER: "invalid_request_error",
    Category.BUDGET: "billing_error",
    Category.RATE_LIMIT: "rate_limit_error",
    Category.QUOTA: "insufficient_quota",
    Category.PAYMENT: "billing_error",
    Category.TIMEOUT: "timeout_error",
}
_ANTHROPIC_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    409: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def status_of(fault: Fault, dialect: Dialect) -> int:
    overloaded = fault.category is Category.OVERLOADED
    return OVERLOADED_STATUS if overloaded and dialect is Dialect.ANTHROPIC else fault.status


def headers_of(fault: Fault) -> tuple[tuple[str, str], ...]:
    """`x-gateway-error`, and what SDKs read to decide whether and when they try again."""
    headers = [JSON, ("x-gateway-error", fault.code)]
    if fault.category in NOT_WORTH_RETRYING or (fault.status >= SERVER_ERROR and not fault.retryable):
        headers.append(("x-should-retry", "false"))
    if fault.retry_after_seconds is not None and fault.category is not Category.BUDGET:
        headers.append(("retry-after", str(max(1, ceil(fault.retry_after_seconds)))))
        headers.append(("retry-after-ms", str(max(1, ceil(fault.retry_after_seconds * 1000)))))
    return (*headers, *fault.headers)


def body_of(fault: Fault, dialect: Dialect, request_id: str) -> bytes:
    """The error object of the dialect, with `error.gateway` in it."""
    said = fault.provider_error
    error: dict[str, Any]
    if dialect is Dialect.ANTHROPIC:
        kind = said.type if said and said.type else _ANTHROPIC_TYPES.get(status_of(fault, dialect), "api_error")
        message = said.message if said and said.message else fault.message
        error = {"type": kind, "message": message, "gateway": gateway_of(fault, request_id)}
        return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})
    error = {
        "message": fault.message,
        "type": said.type if said and said.type else _OPENAI_TYPES.get(fault.category, "server_error"),
        "param": said.param if said and said.param else fault.param,
        "code": said.code if said and said.code else fault.code,
        "gateway": gateway_of(fault, request_id),
    }
    return msgspec.json.encode({"error": error})


def event_of(fault: Fault, dialect: Dialect, request_id: str, operation: Operation = Operation.CHAT) -> bytes:
    """The same as the last event of a stream that cannot be finished; it promises no proper end."""
    body = body_of(fault, dialect, request_id)
    if operation is Operation.RESPONSES:
        return _response_event(body)
    return b"event: error\ndata: " + body + b"\n\n" if dialect is Dialect.ANTHROPIC else b"data: " + body + b"\n\n"


def _response_event(body: bytes) -> bytes:
    """Both shapes that clients know: the event of the reference, with its members on top, and the error object that
    makes SDKs raise."""
    error = msgspec.json.decode(body)["error"]
    told = {name: error[name] for name in ("code", "message", "param")}
    said = {"type": "error", "sequence_number": 0, **told, "error": error}
    return b"event: error\ndata: " + msgspec.json.encode(said) + b"\n\n"


def gateway_of(fault: Fault, request_id: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "category": fault.category.value,
        "origin": fault.origin.value,
        "message": fault.message,
        "suggested_action": fault.action,
        "retryable": fault.retryable,
        "retry_after_seconds": fault.retry_after_seconds,
        "request_id": request_id,
        "docs": f"{DOCS}#{fault.category.value}",
    }
    if fault.classified_by is not None:
        said["classified_by"] = fault.classified_by.value
    if fault.level is not None:
        said["level"], said["level_name"] = fault.level.kind, fault.level.name
    return said
