"""What an error looks like, as schemas of the published description: made of the taxonomy, so that they cannot say
something else than what is sent. The data plane's two shapes are here as well, since this is the only description of
the gateway that a machine reads.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ai_gateway.domain.faults import Category, ClassifiedBy, Origin

Schema = dict[str, Any]

RESPONSE: Final = {"$ref": "#/components/responses/Error"}
"""What every operation answers with where it refuses."""
_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}


def error_schemas(codes: Iterable[str]) -> Mapping[str, Schema]:
    """By their names. `codes`: every stable code."""
    return {
        "ErrorCategory": {"type": "string", "enum": [str(category) for category in Category]},
        "ErrorOrigin": {"type": "string", "enum": [str(origin) for origin in Origin]},
        "ErrorCode": {
            "type": "string",
            "enum": sorted(codes),
            "description": "Also in the header x-gateway-error. A code that was published keeps its meaning.",
        },
        "GatewayError": _gateway(),
        "OpenAIError": _openai(),
        "AnthropicError": _anthropic(),
    }


def error_responses() -> Mapping[str, Schema]:
    return {
        "Error": {
            "description": "A refusal or a failure; docs/ERROR_HANDLING.md has every category and code.",
            "headers": {"x-gateway-error": {"schema": _ref("ErrorCode")}, "x-request-id": {"schema": _TEXT}},
            "content": {"application/json": {"schema": _ref("OpenAIError")}},
        }
    }


def refer_to_errors(paths: Mapping[str, Mapping[str, Schema]]) -> None:
    """Every operation's 4xx and 5xx become the one error response, whatever stood there."""
    for operations in paths.values():
        for operation in operations.values():
            responses = operation["responses"]
            kept = {status: said for status, said in responses.items() if status.startswith("2")}
            operation["responses"] = {**kept, "4XX": RESPONSE, "5XX": RESPONSE}


def _gateway() -> Schema:
    always: Schema = {
        "category": _ref("ErrorCategory"),
        "origin": _ref("ErrorOrigin"),
        "message": _TEXT,
        "suggested_action": _TEXT,
        "retryable": {"type": "boolean"},
        "retry_after_seconds": {"type": ["number", "null"]},
        "request_id": _TEXT,
        "docs": _TEXT,
    }
    known_by = {"type": "string", "enum": [str(one) for one in ClassifiedBy]}
    sometimes: Schema = {"classified_by": known_by, "level": _TEXT, "level_name": _TEXT}
    return _object(always, sometimes, "What the gateway has to say, the same in every shape.")


def _openai() -> Schema:
    error: Schema = {
        "message": _TEXT,
        "type": _TEXT,
        "param": _TEXT_OR_NULL,
        "code": {
            "anyOf": [_ref("ErrorCode"), _TEXT_OR_NULL],
            "description": "A provider's own where it refused and its route does not hide it.",
        },
        "gateway": _ref("GatewayError"),
    }
    return _object(
        {"error": _object(error, {})}, {}, "OpenAI's shape: its routes of the data plane, and the admin API."
    )


def _anthropic() -> Schema:
    error: Schema = {"type": _TEXT, "message": _TEXT, "gateway": _ref("GatewayError")}
    whole: Schema = {"type": {"const": "error"}, "error": _object(error, {}), "request_id": _TEXT}
    return _object(whole, {}, "Anthropic's shape: its routes of the data plane.")


def _object(always: Schema, sometimes: Schema, description: str = "") -> Schema:
    said: Schema = {
        "type": "object",
        "properties": always | sometimes,
        "required": list(always),
        "additionalProperties": False,
    }
    return said | {"description": description} if description else said


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
