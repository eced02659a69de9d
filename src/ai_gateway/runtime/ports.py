"""What the data plane needs from rooms that it may not import. store/ implements these doors; main.py hands them in."""

from collections.abc import Sequence
from typing import Protocol

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.repeats import Claim, Kept, Standing
from ai_gateway.domain.traffic import Receipt


class SnapshotSource(Protocol):
    async def load_snapshot(self) -> Snapshot: ...

    async def changes_since(self, revision: int) -> list[ConfigurationChanged]: ...

    async def apply_changes(self, snapshot: Snapshot, changes: Sequence[ConfigurationChanged]) -> Snapshot: ...


class History(Protocol):
    async def receipts_of(self, tenant_id: str, request_id: str) -> list[Receipt]:
        """The settled attempts of a request of this tenant, oldest first; empty where there is none.

        Raises ConnectionError while they cannot be read."""
        ...


class Replies(Protocol):
    """The vault of replies. Every call raises ConnectionError while it cannot be asked."""

    async def claim(self, claim: Claim, now: float) -> Standing:
        """Yours (`owner` and `request_id` are the claim's), or whatever stands there. One that was claimed and has
        neither finished nor been renewed in time is given to the next that asks."""
        ...

    async def keep(self, claim: Claim, reply: Kept | None, expires: float) -> bool:
        """The claim has finished; None: with a reply that is too large. False where it was somebody else's by now."""
        ...

    async def free(self, claim: Claim) -> None:
        """Nothing came of it: the next one runs."""
        ...

    async def renew(self, owner: str, until: float) -> None: ...

    async def cut(self, now: float, most_bytes: int) -> int:
        """Forget what has expired, and the oldest beyond so many bytes; how many there were."""
        ...
