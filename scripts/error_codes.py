"""Which stable codes there are, read from the places that raise them: a code that is not written down cannot be sent.

A code is a constant where a fault is made, a constant with a name, the default of a parameter `code`, or the class's
own. Where the message and the action are constants, they are what the code says in English.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from ai_gateway.domain.faults import Category, Fault, every_kind

SOURCE: Final = Path(__file__).resolve().parent.parent / "src" / "ai_gateway"
KINDS: Final = {kind.__name__: kind for kind in every_kind()}
NOT_SENT: Final = frozenset({"asked_wrongly"})
"""Between two rooms of the gateway only."""


class Raised(msgspec.Struct, frozen=True):
    """A place that makes a fault. `message` and `action` None: they are put together there, or the class's own."""

    kind: type[Fault]
    code: str
    status: int
    message: str | None = None
    action: str | None = None


@cache
def raised() -> tuple[Raised, ...]:
    """Every place, and every class as if it were raised bare, sorted by code."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))]
    trees = [ast.parse(text) for text in texts]
    constants = {name: value for tree in trees for name, value in _constants(tree)}
    found = [Raised(kind, kind.default_code, kind.default_status, kind.default_message) for kind in KINDS.values()]
    for text, tree in zip(texts, trees, strict=True):
        if any(f"{name}(" in text for name in KINDS):
            found += _raised_in(tree, constants)
    return tuple(sorted(found, key=lambda it: it.code))


def stable_codes() -> dict[Category, dict[str, set[int]]]:
    """Of each category: its codes, with their statuses."""
    found: dict[Category, dict[str, set[int]]] = {category: {} for category in Category}
    for it in raised():
        if it.code not in NOT_SENT:
            found[it.kind.category].setdefault(it.code, set()).add(it.status)
    return found


def kinds_of(category: Category) -> list[type[Fault]]:
    """The classes of a category, the most general first."""
    return [kind for kind in KINDS.values() if kind.category is category]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                yield target.id, node.value.value


def _raised_in(tree: ast.Module, constants: dict[str, str]) -> Iterator[Raised]:
    for scope, defaults in _scopes(tree):
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                yield from _made(node, KINDS[node.func.id], constants | defaults)


def _scopes(tree: ast.Module) -> Iterator[tuple[ast.AST, dict[str, str]]]:
    """Functions, with what their parameter `code` is if nobody says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = (
                [argument.arg for argument in node.args.args][-len(node.args.defaults) :] if node.args.defaults else []
            )
            pairs = zip(names, node.args.defaults, strict=False)
            yield (
                node,
                {name: it.value for name, it in pairs if isinstance(it, ast.Constant) and isinstance(it.value, str)},
            )


def _made(call: ast.Call, kind: type[Fault], known: dict[str, str]) -> Iterator[Raised]:
    given = {it.arg: it.value for it in call.keywords if it.arg}
    code = _text(given["code"], known) if "code" in given else kind.default_code
    status = given.get("status")
    number = status.value if isinstance(status, ast.Constant) and isinstance(status.value, int) else kind.default_status
    message = _text(call.args[0], known) if call.args else kind.default_message
    if code is not None:
        yield Raised(kind, code, number, message, _text(given["action"], known) if "action" in given else None)


def _text(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return known.get(name)
