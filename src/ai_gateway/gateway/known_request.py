"""A request whose head came on this connection before: what it was read as then, so that its body is all that is new.

Only heads of the data plane are remembered, of one whole request that came alone and leaves its connection open.
"""

from typing import TYPE_CHECKING, Any, Final, final

from ai_gateway.policy.known_head import KnownHead

if TYPE_CHECKING:
    from ai_gateway.gateway.cycle import Cycle
    from ai_gateway.gateway.http import Known
    from ai_gateway.gateway.lanes import Lanes

_DATA_PLANE: Final = "/v1/"


@final
class Memory:
    """Whoever reads a head for the first time leaves in `known` what it says, for the next time; whoever answers it
    leaves in `lanes` how that was done."""

    __slots__ = ("known", "lanes")

    def __init__(self) -> None:
        self.known: Known | None = None
        self.lanes: Lanes | None = None


@final
class KnownRequest:
    """`scope` is ASGI's, without extensions."""

    __slots__ = ("head", "memory", "path", "scope")

    def __init__(self, head: KnownHead, scope: dict[str, Any], path: str) -> None:
        self.head = head
        self.scope = scope
        self.path = path
        self.memory = Memory()


def known_request(head: KnownHead | None, cycle: "Cycle") -> KnownRequest | None:
    """`head` is what the request came with; None where the next one must be read by the parser again."""
    path = cycle.watch.path
    if not cycle.keep_alive or cycle.waiting_for_100_continue or path is None or not path.startswith(_DATA_PLANE):
        return None
    return None if head is None else KnownRequest(head, {**cycle.scope, "extensions": {}}, path)
