"""What the data plane needs from rooms that it may not import. store/ implements these doors; main.py hands them in."""

from collections.abc import Sequence
from typing import Protocol

from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.leases import Grant, Pot, Pulse, Surrender, Want
from ai_gateway.domain.repeats import Claim, Kept, Standing
from ai_gateway.domain.stored_responses import StoredResponse
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


class LeaseDesk(Protocol):
    """Where processes that share a database get their slices of a limit. A process is one run on one journal; each
    call is one transaction, and `grant` and `give_back` of one process never run at the same time.

    Every call raises ConnectionError where the books cannot be reached. What was asked may have been done all the
    same: the next answer says what the lease is worth."""

    async def open(self, process_id: str, journal: str) -> Pulse:
        """A process begins; `journal` says to people where its journal is."""
        ...

    async def beat(self, process_id: str) -> Pulse:
        """It still lives."""
        ...

    async def grant(self, process_id: str, wants: Sequence[Want]) -> list[Grant]:
        """One for each want, in their order. What was refused although it may come free is wanted from now on."""
        ...

    async def give_back(self, process_id: str, back: Sequence[Surrender]) -> None: ...

    async def wanted(self, process_id: str) -> list[Pot]:
        """What others were refused a moment ago."""
        ...

    async def close(self, process_id: str) -> None:
        """The end: all that its journal had is in the ledger, so its leases charge nothing any more."""


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

    async def renew(self, owner: str, request_ids: Sequence[str], until: float) -> None:
        """These claims of the owner are alive; any others that it has are not said to be."""
        ...

    async def cut(self, now: float, most_bytes: int) -> int:
        """Forget what has expired, and the oldest beyond so many bytes; how many there were."""
        ...


class Responses(Protocol):
    """The vault of stored responses. Every call raises ConnectionError while it cannot be asked."""

    async def keep(self, tenant_id: str, responses: Sequence[StoredResponse], expires: float) -> None: ...

    async def find(self, tenant_id: str, response_id: str, now: float) -> StoredResponse | None:
        """None where this tenant has no such response, or it has expired."""
        ...

    async def forget(self, tenant_id: str, response_id: str) -> bool:
        """False where there was none."""
        ...

    async def cut(self, now: float) -> int:
        """Forget what has expired; how many there were."""
        ...
