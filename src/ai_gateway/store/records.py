"""What a store can do: the contract that SQL and the memory twin both pass (tests/store).

Every read and write names the tenant it is for; the scoping is in here, once, and no caller can forget it. A change
and what it leaves behind (audit row, revision) are one unit of work: all of it, or nothing.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, final

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.traffic import WindowSpent
from ai_gateway.store.ledger_columns import Entries
from ai_gateway.store.rows import LedgerRow, Row

if TYPE_CHECKING:
    from ai_gateway.store.charges import Span

R = TypeVar("R", bound=Row)


@final
class AnyTenant:
    """Says aloud that a read is not scoped: platform admins' lists, start-up. Never built from a request."""


ANY_TENANT: Final = AnyTenant()

Scope = str | None | AnyTenant
"""A tenant's id; None for rows that belong to nobody (book prices, platform tokens); or ANY_TENANT, said aloud."""


class Conflict(Exception):
    """A row with this name is there already. `field` names the column."""

    def __init__(self, noun: str, field: str) -> None:
        super().__init__(f"{noun}: {field} is taken")
        self.noun = noun
        self.field = field


class StoreUnavailable(Exception):
    """The database is away, locked too long, or full; the cause is in `__cause__`, for logs only."""


class Unit(Protocol):
    """One transaction: it commits when the block ends, and is rolled back when the block raises."""

    async def insert(self, row: Row) -> None:
        """Raises Conflict where `unique` is violated."""
        ...

    async def insert_missing(self, rows: Sequence[Row]) -> int:
        """Insert rows of one noun in one statement; those whose id is there are skipped. The number really inserted."""
        ...

    async def fetch(self, kind: type[R], scope: Scope, row_id: str) -> R | None: ...

    async def find(self, kind: type[R], scope: Scope, **equal: Any) -> list[R]:
        """All rows of the scope whose columns equal these, by id."""
        ...

    async def page(
        self, kind: type[R], scope: Scope, *, after: str | None = None, limit: int = 100, **equal: Any
    ) -> list[R]:
        """At most `limit` rows in the order of their ids, those behind `after`; audit rows newest first."""
        ...

    async def replace(self, row: Row) -> bool:
        """Overwrite the row with this id and tenant; False where there is none. Raises Conflict."""
        ...

    async def delete(self, kind: type[Row], scope: Scope, row_id: str) -> bool: ...

    async def bump(self, tenant_id: str | None, noun: str, noun_id: str) -> ConfigurationChanged:
        """Write the next configuration revision; part of this transaction."""
        ...


class Store(Protocol):
    def begin(self) -> AbstractAsyncContextManager[Unit]:
        """Raises StoreUnavailable."""
        ...

    async def changes_since(self, revision: int) -> list[ConfigurationChanged]: ...

    async def load_snapshot(self) -> Snapshot: ...

    async def apply_changes(self, snapshot: Snapshot, changes: Sequence[ConfigurationChanged]) -> Snapshot:
        """A new Snapshot at the last change's revision: only what the changes touch is read and rebuilt.

        A change of "api_keys" replaces that key alone; any other noun of a tenant rebuilds that tenant's part (not its
        keys); a tenant_id of None rebuilds the price book and every tenant's system endpoints.
        """
        ...

    async def append_ledger(self, entries: Entries, process_id: str = "") -> int:
        """Insert in bulk; rows whose (attempt_id, kind) is there are skipped. The number really inserted.
        `process_id` is the run whose leases pay for them; empty where nobody leases."""
        ...

    async def page_ledger(
        self, scope: Scope, *, before: int | None = None, limit: int = 100, **equal: Any
    ) -> list[LedgerRow]:
        """Newest first: rows with `id` < `before`. `equal` filters columns (request_id, key_id, model, ...)."""
        ...

    async def charges(self, scope: Scope, span: "Span", limit: int) -> list[LedgerRow]:
        """The first rows of kind `charge` in a span, by request id and row id."""
        ...

    async def adjustments(self, request_ids: Sequence[str]) -> list[LedgerRow]:
        """All rows of kind `adjust` of these requests, oldest first."""
        ...

    async def ledger_watermark(self) -> int:
        """A row's place: up to it no row will be added any more, whoever is writing now. 0: there is none."""
        ...

    async def spent_in(self, window_ids: Sequence[str]) -> list[WindowSpent]:
        """What every leg has spent in these windows (`policy.windows.window_id`), as the ledger has it."""
        ...

    async def ping(self) -> None:
        """Raises StoreUnavailable."""
        ...

    async def close(self) -> None: ...
