"""What rules do to decoded bodies in every dialect: take members out, put some in, call them otherwise.

A path names members from the top of a body down, and lists on the way are gone through. What is not there is not
dropped; what is in the way (a number where an object should be) stays as it is, since an answer that has begun to go
out cannot be refused for its form.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Final, TypeGuard

import msgspec

from ai_gateway.domain.rules import AnswerRules, Json, Path

Body = dict[str, Json]

_ENCODE: Final = msgspec.json.Encoder().encode
_NO_TEXT: Final = frozenset(
    {
        "caller", "channel", "code", "created", "data", "encrypted", "encrypted_content", "encrypted_index",
        "encrypted_stdout", "extra_content", "finish_reason", "format", "id", "index", "media_type", "mime_type",
        "model", "name", "native_finish_reason", "obfuscation", "object", "p", "phase", "provider", "role",
        "server_name", "service_tier", "severity", "status", "stop_reason", "system_fingerprint", "tool_name", "type",
    }
)  # fmt: skip
"""Members that are the same in every chunk, or that somebody needs back as they are."""


def is_object(value: object) -> TypeGuard[Body]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Json]]:
    return isinstance(value, list)


def is_text(name: str) -> bool:
    """Whether a string member of this name, where nothing else is known of it, may be words for people."""
    return name not in _NO_TEXT and not name.endswith(("_id", "_ids", "_type", "signature"))


def encode(value: Json) -> bytes:
    """JSON. Half an emoji, which a decoder of arguments may find, is no text in any encoding: U+FFFD."""
    try:
        return _ENCODE(value)
    except UnicodeEncodeError:
        return _ENCODE(rewrite(value, _mended))


def rewrite(value: Json, change: Callable[[str], str]) -> Json:
    """A decoded value, changed in place, with every text in it changed: strings under names that are no text stay,
    addresses that hold data too. Without recursion, since a hostile value may be deep."""
    if isinstance(value, str):
        return change(value)
    waiting: list[Json] = [value]
    while waiting:
        holder = waiting.pop()
        inner: list[Json] = []
        for place, it in list(_entries(holder)):
            if isinstance(it, dict | list):
                inner.append(it)
            elif isinstance(it, str) and (not isinstance(place, str) or is_text(place)) and not it.startswith("data:"):
                holder[place] = change(it)
        waiting += reversed(inner)
    return value


def drop(value: Json, path: Path) -> None:
    for holder in _objects(value, path[:-1]):
        holder.pop(path[-1], None)


def put(value: Json, path: Path, told: Json) -> None:
    """Objects on the way are made where there is nothing."""
    found = _flat([value])
    for name in path[:-1]:
        for holder in found:
            if holder.get(name) is None:
                holder[name] = {}
        found = _flat([holder[name] for holder in found])
    for holder in found:
        holder[path[-1]] = deepcopy(told)


def has(value: Json, path: Path) -> bool:
    """Whether anything is there that is not null."""
    return any(holder.get(path[-1]) is not None for holder in _objects(value, path[:-1]))


def add_metadata(body: Body, values: Mapping[str, str]) -> None:
    if values:
        said = body.get("metadata")
        body["metadata"] = {**said, **values} if is_object(said) else dict(values)


def name_anew(body: Body, answer: AnswerRules, prefix: str, known: frozenset[str]) -> None:
    """What tells the provider: called otherwise, or hidden. `prefix` begins the dialect's ids, `known` are the
    members that the dialect has."""
    if answer.hidden_as is None:
        for name in _NAMES if answer.names else ():
            if isinstance(said := body.get(name), str):
                body[name] = renamed(said, answer.names)
        return
    for name in [it for it in body if it not in known]:
        del body[name]
    if "model" in body:
        body["model"] = answer.hidden_as
    if "id" in body:
        body["id"] = prefix + answer.request_id.removeprefix("req_")


_NAMES: Final = ("model", "id", "system_fingerprint")


def renamed(text: str, names: tuple[Callable[[str], str], ...]) -> str:
    for replace in names:
        text = replace(text)
    return text


def below(paths: Iterable[Path], *way: str) -> tuple[Path, ...]:
    """The rest of those paths that begin so."""
    count = len(way)
    return tuple(path[count:] for path in paths if path[:count] == way and len(path) > count)


def _entries(holder: Json) -> Iterable[tuple[Json, Json]]:
    return holder.items() if is_object(holder) else enumerate(holder) if is_list(holder) else ()


def _objects(value: Json, way: Path) -> list[Body]:
    found = _flat([value])
    for name in way:
        found = _flat([holder[name] for holder in found if name in holder])
    return found


def _flat(values: list[Json]) -> list[Body]:
    """The objects among them, lists gone through."""
    found: list[Body] = []
    waiting = values[::-1]
    while waiting:
        value = waiting.pop()
        if is_object(value):
            found.append(value)
        elif is_list(value):
            waiting += reversed(value)
    return found


def _mended(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
