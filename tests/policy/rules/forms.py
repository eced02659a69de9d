"""A small real form of requests for tests: a chat-like body in plain dictionaries."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ai_gateway.domain.rules import FactValue, Path, Seat, SystemMode, TextPipe, Where

KNOWN: dict[str, FactValue] = {
    "request.id": "req_7",
    "request.date": "2026-11-26",
    "request.operation": "chat",
    "request.model": "gpt-4o",
    "request.stream": True,
    "request.max_tokens": None,
    "request.temperature": 0.9,
    "request.tools": ("search", "shell"),
    "request.user": None,
    "request.bytes": 120,
    "caller.tenant_id": "ten_1",
    "caller.tenant_name": "Acme",
    "caller.department_id": None,
    "caller.team_id": "trial",
    "caller.user_id": "usr_1",
    "caller.key_id": "key_1",
    "caller.key_name": "laptop",
    "route.name": "bot",
    "route.pool": "fast",
    "budget.used_percent": 10,
    "budget.limited": True,
}


class Known:
    """Facts, and which of them were asked for."""

    def __init__(self, **changes: FactValue) -> None:
        self.values = KNOWN | {name.replace("__", "."): value for name, value in changes.items()}
        self.asked: list[str] = []

    def value(self, name: str) -> FactValue:
        self.asked.append(name)
        return self.values[name]


class PlainForm:
    """A RequestForm. `done` is what its verbs were told."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.done: list[tuple[Any, ...]] = []

    def get(self, path: Path) -> Any:
        value: Any = self.body
        for name in path:
            if not isinstance(value, dict) or name not in value:
                return msgspec.UNSET
            value = value[name]
        return value

    def put(self, path: Path, value: Any) -> None:
        parent = self.body
        for name in path[:-1]:
            parent = parent.setdefault(name, {})
        parent[path[-1]] = value

    def drop(self, path: Path) -> bool:
        parent = self.body if len(path) == 1 else self.get(path[:-1])
        return isinstance(parent, dict) and parent.pop(path[-1], msgspec.UNSET) is not msgspec.UNSET

    def rename(self, path: Path, to: str) -> bool:
        value = self.get(path)
        if value is msgspec.UNSET:
            return False
        self.drop(path)
        self.put((*path[:-1], to), value)
        return True

    def system(self, mode: SystemMode, text: str) -> bool:
        self.done.append(("system", mode, text))
        return True

    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        self.done.append(("inject", seat, where, text))
        return True

    def tool_names(self) -> tuple[str, ...]:
        return tuple(self.body.get("tools", ()))

    def keep_tools(self, keeps: Callable[[str], bool]) -> tuple[str, ...]:
        gone = tuple(name for name in self.tool_names() if not keeps(name))
        self.body["tools"] = [name for name in self.tool_names() if keeps(name)]
        return gone

    def add_metadata(self, values: Mapping[str, str]) -> bool:
        self.body.setdefault("metadata", {}).update(values)
        return True

    def rewrite(self, make: Callable[[], TextPipe], spares: Callable[[str], bool] | None = None) -> None:
        def through(text: str) -> str:
            pipe = make()
            return pipe.feed(text) + pipe.end()

        self.body["messages"] = [through(text) for text in self.texts()]

    def texts(self) -> tuple[str, ...]:
        return tuple(self.body.get("messages", ()))

    def fields(self) -> dict[str, msgspec.Raw]:
        return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in self.body.items()}
