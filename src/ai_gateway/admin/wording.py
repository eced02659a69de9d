"""What pydantic found, said for people: the field's path and what it must be, and never what was sent.

An input may be a secret, and echoing it into an error puts it into every log that keeps errors.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ai_gateway.admin.refusals import invalid
from ai_gateway.domain.faults import InvalidRequest

_PLAIN: Final[Mapping[str, str]] = {
    "missing": "is missing.",
    "extra_forbidden": "is not a field that is known here.",
    "string_pattern_mismatch": "has characters that are not allowed here.",
}
_MAX_PATH: Final = 120


def explain_validation(errors: Sequence[Mapping[str, Any]]) -> InvalidRequest:
    """The first finding: 422 for a body's field, 400 for what stands in the address or a header."""
    first = errors[0]
    place, *path = [str(part) for part in first["loc"]]
    field = ".".join(path)[:_MAX_PATH] or place
    why = _PLAIN.get(first["type"]) or _sentence(str(first["msg"]))
    if place == "body":
        return invalid(field, why)
    return InvalidRequest(f"'{field}' {place} parameter: {why}", code="invalid_parameter", param=field)


def _sentence(text: str) -> str:
    text = text.removeprefix("Value error, ").removeprefix("Input should ")
    text = text if text.startswith(("must", "be ", "has ")) else text[:1].lower() + text[1:]
    text = f"must {text}" if text.startswith("be ") else text
    return text if text.endswith(".") else f"{text}."
