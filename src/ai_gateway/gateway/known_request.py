"""A request whose head came on this connection before: what it was read as then, so that its body is all that is new.

Only heads of the data plane are remembered, of one whole request that came alone and leaves its connection open.
"""

from typing import TYPE_CHECKING, Any, Final, final
from weakref import WeakValueDictionary

from ai_gateway.policy.known_head import KnownHead

if TYPE_CHECKING:
    from ai_gateway.gateway.cycle import Cycle
    from ai_gateway.gateway.http import Known
    from ai_gateway.gateway.lanes import Lanes

_DATA_PLANE: Final = "/v1/"
_OF_ONE: Final = ("client", "extensions")
"""What a scope says of one request and not of its head."""


@final
class Memory:
    """Whoever reads a head for the first time leaves in `known` what it says, for the next time; whoever answers it
    leaves in `lanes` how that was done."""

    __slots__ = ("known", "lanes")

    def __init__(self) -> None:
        self.known: Known | None = None
        self.lanes: Lanes | None = None


@final
class SharedHead:
    """A head and what it was read as: `scope` is ASGI's, without what it says of one request only."""

    __slots__ = ("__weakref__", "head", "scope")

    def __init__(self, head: KnownHead, scope: dict[str, Any]) -> None:
        self.head = head
        self.scope = scope


@final
class Heads:
    """Callers open many connections and say the same on all of them: what it is, is there once, for as long as one of
    them is open."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[KnownHead, object, object], SharedHead] = WeakValueDictionary()

    def same(self, head: KnownHead, scope: dict[str, Any]) -> SharedHead:
        """`scope` is that of a request with this head. It is given what others have of it already."""
        name = (head, scope["server"], scope["scheme"])
        known = self._known.get(name)
        if known is None:
            kept = {name: value for name, value in scope.items() if name not in _OF_ONE}
            known = self._known[name] = SharedHead(head, kept)
        else:
            scope.update(known.scope)
        return known


@final
class KnownRequest:
    """`scope` is ASGI's, without `client` and `extensions`."""

    __slots__ = ("_shared", "head", "memory", "path", "scope")

    def __init__(self, shared: SharedHead, path: str) -> None:
        self._shared = shared
        self.head = shared.head
        self.scope = shared.scope
        self.path = path
        self.memory = Memory()


def known_request(head: KnownHead | None, cycle: "Cycle", heads: Heads) -> KnownRequest | None:
    """`head` is what the request came with; None where the next one must be read by the parser again."""
    path = cycle.watch.path
    if not cycle.keep_alive or cycle.waiting_for_100_continue or path is None or not path.startswith(_DATA_PLANE):
        return None
    return None if head is None else KnownRequest(heads.same(head, cycle.scope), path)
