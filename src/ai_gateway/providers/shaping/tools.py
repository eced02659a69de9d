"""Which tools a model may call, whatever shapes a dialect has for them: taken out by name, and the choice with them.

A tool that the provider runs is called by its type where it has no name. Whatever servers of tools there are, each is
`mcp`: which tools they have, no request says.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from ai_gateway.providers.decoding import as_list, as_object, decode_any
from ai_gateway.providers.shaping.raw_json import items_of, members_of, raw_of, value_of

MCP: Final = "mcp"
_NAMESPACE: Final = "namespace"
_OF_SERVERS: Final = ("mcp", "mcp_toolset")

_ALLOWED: Final = "allowed_tools"
_MODES: Final = ("auto", "any", "none", "required")

Keeps = Callable[[str], bool]


class _Named(msgspec.Struct, gc=False):
    name: Any = None


class _Tool(msgspec.Struct, gc=False):
    type: Any = None
    name: Any = None
    function: _Named | None = None
    custom: _Named | None = None


_TOOL: Final = msgspec.json.Decoder(_Tool)


class Kept(msgspec.Struct, frozen=True):
    """`tools` None: none was taken out."""

    names: tuple[str, ...]
    gone: tuple[str, ...]
    tools: msgspec.Raw | None = None
    is_empty: bool = False


def filtered(raw: msgspec.Raw, keeps: Keeps) -> Kept:
    """A list of tools. What is no list has no tools."""
    names: list[str] = []
    gone: list[str] = []
    kept: list[msgspec.Raw] = []
    has_changed = False
    for tool in items_of(raw) or ():
        called, kind = _named(tool)
        if kind == _NAMESPACE:
            inner = _in_namespace(tool, keeps)
            names += inner.names
            gone += inner.gone
            has_changed |= inner.tools is not None
            if not inner.is_empty:
                kept.append(tool if inner.tools is None else inner.tools)
            continue
        names.append(called[0])
        refused = next((name for name in called if not keeps(name)), None)
        if refused is None:
            kept.append(tool)
        else:
            gone.append(refused)
            has_changed = True
    return Kept(tuple(names), tuple(gone), raw_of(kept) if has_changed else None, is_empty=has_changed and not kept)


def chosen_without(choice: msgspec.Raw, keeps: Keeps) -> msgspec.Raw | None:
    """The choice among tools, of which some are gone: the same where it names none of them. None: the model may choose
    of those that are left."""
    said = as_object(value_of(choice))
    if not said or said.get("type") in _MODES:
        return choice
    if said.get("type") != _ALLOWED:
        return choice if _is_kept(choice, keeps) else None
    lists = as_object(said.get(_ALLOWED)) or said
    listed = as_list(lists.get("tools"))
    left = [it for it in listed if _is_kept(raw_of(it), keeps)]
    if len(left) == len(listed):
        return choice
    lists["tools"] = left
    return raw_of(said) if left else None


def _is_kept(tool: msgspec.Raw, keeps: Keeps) -> bool:
    return all(keeps(name) for name in _named(tool)[0])


def _in_namespace(namespace: msgspec.Raw, keeps: Keeps) -> Kept:
    members = members_of(namespace) or {}
    raw = members.get("tools")
    inner = Kept((), ()) if raw is None else filtered(raw, keeps)
    if inner.tools is None:
        return inner
    return Kept(inner.names, inner.gone, raw_of({**members, "tools": inner.tools}), inner.is_empty)


def _named(tool: msgspec.Raw) -> tuple[list[str], str]:
    """Its names, usually one, and its type, which is its name where it says none. One that says two, to be taken for
    either, has to be kept by both."""
    try:
        told = _TOOL.decode(tool)
    except (ValueError, RecursionError):
        told = _lenient(tool)
    kind = told.type if isinstance(told.type, str) else ""
    if kind in _OF_SERVERS:
        return [MCP], kind
    said = [told.name, *[it.name for it in (told.function, told.custom) if it is not None]]
    return [it for it in said if isinstance(it, str) and it] or [kind], kind


def _lenient(tool: msgspec.Raw) -> _Tool:
    """One in which something has not the type that it should have."""
    said = as_object(decode_any(tool))

    def inner(name: str) -> _Named | None:
        told = as_object(said.get(name))
        return _Named(told.get("name")) if told else None

    return _Tool(said.get("type"), said.get("name"), inner("function"), inner("custom"))
