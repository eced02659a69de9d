"""The last breakers that moved, for the first look of an engineer on call: newest first, a tenant's own alone."""

from collections import deque
from itertools import islice
from typing import Final, final

from ai_gateway.runtime.breakers import CircuitMoved

MOST: Final = 1_000


@final
class Transitions:
    def __init__(self, most: int = MOST) -> None:
        self._moves: deque[CircuitMoved] = deque(maxlen=most)

    def note(self, move: CircuitMoved) -> None:
        self._moves.append(move)

    def of(self, tenant_id: str, most: int) -> list[CircuitMoved]:
        return list(islice((move for move in reversed(self._moves) if move.tenant_id == tenant_id), most))
