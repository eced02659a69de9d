"""AWS's refusals: the type stands in a header, seldom in the body (`__type`), and what checks signatures writes its
`Message` with a capital."""

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.providers.decoding import as_object, decode_any
from ai_gateway.providers.errors import read_error


def read_aws_error(status: int | None, headers: dict[str, str], body: bytes) -> ProviderError:
    """Header names are lower case. The type is the exception's bare name ("ThrottlingException")."""
    error = read_error(status, headers, body)
    said = as_object(decode_any(body))
    message, kind = said.get("Message"), said.get("__type")
    if not error.message and isinstance(message, str):
        spoken = read_error(status, headers, msgspec.json.encode({"message": message}))
        error = msgspec.structs.replace(error, message=spoken.message)
    if error.type is None and isinstance(kind, str):
        error = msgspec.structs.replace(error, type=kind.rpartition("#")[2][:500])
    return error
