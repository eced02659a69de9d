"""What the control plane says: JSON objects, lists with a cursor, and every refusal in one shape.

The error body is the data plane's (OpenAI's shape with ours in `error.gateway`), so that one client library reads
both. Nothing reaches a caller but what stands on the fault.
"""

from typing import Any, Final

from fastapi.responses import JSONResponse

from ai_gateway.domain.faults import Fault

Answer = dict[str, Any]

_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def error_body(fault: Fault, request_id: str) -> Answer:
    kind = _TYPES.get(fault.status, "invalid_request_error" if fault.status < 500 else "api_error")
    return {
        "error": {
            "message": fault.message,
            "type": kind,
            "param": fault.param,
            "code": fault.code,
            "gateway": {
                "category": str(fault.category),
                "origin": str(fault.origin),
                "message": fault.message,
                "suggested_action": fault.action,
                "retryable": fault.retryable,
                "retry_after_seconds": fault.retry_after_seconds,
                "request_id": request_id,
                "docs": f"docs/ERROR_HANDLING.md#{fault.category}",
            },
        }
    }


def error_response(fault: Fault, request_id: str) -> JSONResponse:
    headers = {"x-gateway-error": fault.code}
    if fault.status == 401:
        headers["www-authenticate"] = "Bearer"
    if fault.retry_after_seconds is not None:
        headers["retry-after"] = str(max(1, round(fault.retry_after_seconds)))
    return JSONResponse(error_body(fault, request_id), status_code=fault.status, headers=headers)


def flag_unenforced(answer: Answer, fields: list[str]) -> Answer:
    """Say at the top level what was accepted and kept but rules nothing yet; say nothing where all is in force."""
    if not fields:
        return answer
    return {**answer, "enforced": False, "not_enforced": fields}
