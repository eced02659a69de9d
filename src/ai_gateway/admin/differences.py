"""What has changed between two states of the same thing, member by member, for whoever has to judge a change before it
is made. Values are shown as they are; nothing that is kept in a row is a secret."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from ai_gateway.admin.answers import Answer
from ai_gateway.store.rows import Row

MOST: Final = 200
LONGEST: Final = 500
_UNSAID: Final = frozenset({"id", "tenant_id", "created_at", "updated_at"})


def differences_of(before: Row, after: Row) -> list[Answer]:
    """Of two rows: [{"path": "rules[0].max", "before": 0.8, "after": 0.5}, ...], MOST at most."""
    return differences(_said(before), _said(after))


def differences(before: Any, after: Any) -> list[Answer]:
    """Of two JSON values. A member that is not there is null on that side."""
    found: list[Answer] = []
    for change in _compare(before, after, ""):
        if len(found) == MOST:
            return [*found, {"path": "...", "before": None, "after": None}]
        found.append(change)
    return found


def _said(row: Row) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(row).items() if name not in _UNSAID}


def _compare(before: Any, after: Any, path: str) -> Iterator[Answer]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        old, new = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
        for name in (*old, *(name for name in new if name not in old)):
            yield from _compare(old.get(name), new.get(name), f"{path}.{name}" if path else str(name))
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        olds, news = cast("Sequence[Any]", before), cast("Sequence[Any]", after)
        for index in range(max(len(olds), len(news))):
            yield from _compare(_at(olds, index), _at(news, index), f"{path}[{index}]")
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield {"path": path, "before": _shown(before), "after": _shown(after)}


def _at(values: Sequence[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def _shown(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}..."
    return msgspec.to_builtins(value, enc_hook=str)
