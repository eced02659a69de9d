"""Why a request went the way it went: what was tried, what stood in the way, how it ended.

A record is for an engineer who asks afterwards, so it says names that people gave and reasons in words. It never has
a prompt, an answer, a credential or an address in it; what a provider said is freed of them.
"""

from enum import StrEnum

import msgspec


class What(StrEnum):
    """What a step did. Attempts are no steps: they have receipts."""

    PASSED_OVER = "passed_over"
    WAITED = "waited"
    QUEUED = "queued"
    PANICKED = "panicked"
    CONTINUED = "continued"
    GAVE_UP = "gave_up"
    DROPPED = "dropped"
    RULED = "ruled"


class Step(msgspec.Struct, frozen=True, gc=False):
    """`at_ms`: milliseconds since the request came. `reason` is for people; `endpoint` None where it is about none;
    `seconds`: how long it took, for waits."""

    at_ms: float
    what: What
    reason: str
    endpoint: str | None = None
    seconds: float | None = None


class Said(msgspec.Struct, frozen=True):
    """A refusal in the provider's own words, for the tenant's administrators: freed of secrets and cut."""

    status: int | None
    type: str | None
    code: str | None
    message: str


class Ending(msgspec.Struct, frozen=True):
    """A fault. `classified_by`: how far a provider's refusal (`said`) was understood; "status" and "nothing" are
    guesses."""

    category: str
    code: str
    message: str
    origin: str
    classified_by: str | None = None
    said: Said | None = None


class Attempted(msgspec.Struct, frozen=True):
    """An attempt as its receipt has it; milliseconds, `started_ms` since the request came. `fault`: how it failed."""

    attempt_id: str
    endpoint: str
    provider: str
    model: str
    outcome: str
    started_ms: float
    total_ms: float
    ttft_ms: float | None = None
    fault: Ending | None = None


class Why(StrEnum):
    """Why a record is kept in full."""

    ERROR = "error"
    FALLBACK = "fallback"
    RETRY = "retry"
    DETOUR = "detour"
    SAMPLED = "sampled"


class Chosen(msgspec.Struct, frozen=True):
    """All that is remembered of a request that went straight through."""

    endpoint: str
    model: str


class Decision(msgspec.Struct, frozen=True):
    """`at` Unix seconds at which the request came, `seconds` how long it took, `revision` the configuration it was
    decided under (None: it came to no attempt). `why` None: a brief record, without steps. `fault` is the one that the
    caller was told."""

    request_id: str
    tenant_id: str
    at: float
    seconds: float
    status: int
    why: Why | None
    model: str | None = None
    route: str | None = None
    revision: int | None = None
    chosen: Chosen | None = None
    attempts: tuple[Attempted, ...] = ()
    steps: tuple[Step, ...] = ()
    fault: Ending | None = None
