"""The refusals of the control plane, worded once.

A missing row and somebody else's row must answer with the same bytes, so the wording never contains an id that was
asked for, and there is one function that says "missing".
"""

from ai_gateway.domain.faults import Forbidden, InvalidRequest, NotFound, Unauthenticated


def missing(what: str) -> NotFound:
    return NotFound(
        f"There is no such {what}.",
        action=f"Check the id; the list of every {what} you may see is one GET without it.",
    )


def invalid(field: str, why: str) -> InvalidRequest:
    """A well-formed body whose field cannot be taken: 422 that names the field."""
    return InvalidRequest(f"'{field}': {why}", status=422, code="invalid_field", param=field)


def conflict(why: str, *, param: str | None = None) -> InvalidRequest:
    return InvalidRequest(
        why, status=409, code="conflict", param=param, action="Change what is in the way, then send the request again."
    )


def forbidden(why: str, action: str) -> Forbidden:
    return Forbidden(why, action=action)


def unauthenticated() -> Unauthenticated:
    return Unauthenticated(
        "The admin API needs a valid admin token.",
        code="invalid_admin_token",
        action="Send 'Authorization: Bearer <admin token>': AI_GATEWAY_ADMIN_TOKEN, or one made by POST .../tokens.",
    )
