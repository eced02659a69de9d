"""Lists: `{"data", "has_more", "next_cursor"}`, walked by the last id seen and never by an offset.

An offset shifts under a reader when a row is added or removed; an id does not. The cursor is opaque only so that
nobody builds one: it holds nothing but the id, and rows behind it are still read in the caller's own scope.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Depends, Query

from ai_gateway.admin.answers import Answer
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.store.records import Scope, Unit
from ai_gateway.store.rows import Row

R = TypeVar("R", bound=Row)

_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)


class Page(msgspec.Struct, frozen=True):
    """`after` is the id of the last row of the page before."""

    limit: int
    after: str | None


def encode_cursor(row_id: str) -> str:
    return base64.urlsafe_b64encode(row_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Raises InvalidRequest (400)."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        row_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError):
        row_id = ""
    if not _ID.fullmatch(row_id):
        raise InvalidRequest(
            "The cursor is not one that this list gave out.",
            code="invalid_cursor",
            param="cursor",
            action="Begin without a cursor, then send 'next_cursor' of each answer.",
        )
    return row_id


def _read_page(limit: Annotated[int, Query(ge=1, le=200)] = 100, cursor: str | None = None) -> Page:
    return Page(limit=limit, after=None if cursor is None else decode_cursor(cursor))


Paged = Annotated[Page, Depends(_read_page)]


async def list_rows(
    unit: Unit, kind: type[R], scope: Scope, page: Page, describe: Callable[[R], Answer], **equal: Any
) -> Answer:
    """One more row than asked for is read: that it exists is what `has_more` says."""
    rows = await unit.page(kind, scope, after=page.after, limit=page.limit + 1, **equal)
    return listing([describe(row) for row in rows], [row.id for row in rows], page.limit)


def listing(data: list[Answer], ids: Sequence[str], limit: int) -> Answer:
    has_more = len(data) > limit
    return {
        "data": data[:limit],
        "has_more": has_more,
        "next_cursor": encode_cursor(ids[limit - 1]) if has_more else None,
    }
