"""What is said of requests that name an Idempotency-Key: who runs, and what its reply was."""

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where the reply to an Idempotency-Key is kept: under its tenant and a keyed digest of the key."""

    tenant_id: str
    key: str


class Claim(msgspec.Struct, frozen=True):
    """A request that wants to be the one that runs. `print` tells bodies apart, `owner` is the process, `until` (Unix
    seconds) is how long it counts as running unless it is renewed."""

    place: Place
    print: str
    request_id: str
    owner: str
    until: float


class Kept(msgspec.Struct, frozen=True):
    """A reply as it was given. `request_id` is that of the request that ran."""

    request_id: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Standing(msgspec.Struct, frozen=True):
    """What is known of a key. `reply` None: it has not finished, or was too large to be kept (`finished`).
    `rerun_of`: the claim is yours, and this request had it before and ended without a word."""

    print: str
    request_id: str
    owner: str
    finished: bool = False
    reply: Kept | None = None
    rerun_of: str | None = None
