"""What the data plane needs from rooms that it may not import. store/ implements these doors; main.py hands them in."""

from collections.abc import Sequence
from typing import Protocol

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
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
