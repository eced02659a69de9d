"""Cohere's refusals: `{"id", "message"}`, and sometimes an `error_type` that says more than the status does."""

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.providers.decoding import as_object, decode_any
from ai_gateway.providers.errors import read_error


def read_cohere_error(status: int | None, headers: dict[str, str], body: bytes) -> ProviderError:
    """Header names are lower case. The type is Cohere's word in lower case ("too_many_tokens")."""
    error = read_error(status, headers, body)
    kind = as_object(decode_any(body)).get("error_type")
    if error.type is None and isinstance(kind, str) and kind:
        return msgspec.structs.replace(error, type=kind[:500].lower())
    return error
