"""Keys that carry limits of their own: a few of a hundred thousand, which the ring of keys does not tell apart. They
are looked for when somebody first asks, and then only in the parts of the ring that a change has touched."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import final

from ai_gateway.domain.config import Key, KeyDigest
from ai_gateway.domain.key_ring import KeyRing

_Part = Mapping[KeyDigest, Key]


@final
class LimitedKeys:
    def __init__(self) -> None:
        self._found: dict[int, tuple[_Part, Sequence[Key]]] = {}

    async def of(self, keys: KeyRing, tenant_id: str) -> list[Key]:
        """A tenant's. The event loop has its turn after each part that is looked through."""
        limited: list[Key] = []
        for place, part in enumerate(keys.parts):
            known = self._found.get(place)
            if known is None or known[0] is not part:
                known = self._found[place] = part, [key for key in part.values() if key.limits]
                await asyncio.sleep(0)
            limited += [key for key in known[1] if key.tenant_id == tenant_id]
        return limited
