"""The last ten thousand requests and why each went where it went.

Nearly all go straight through, and what there is to say of them is who was chosen: one tuple of plain values, which
the garbage collector does not look at again. What failed, was tried twice, had something in its way, or was drawn as
one of a hundred is kept in full, and is handed to somebody who takes it to SQL. When everything fails at once only so
many a second are handed on: an outage is told by its first hundred records, and its thousands would slow down what is
left of the gateway.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import log
from random import Random
from typing import Final, final

from ai_gateway.domain.decisions import Attempted, Chosen, Decision, Ending, Said, Step, Why
from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.telemetry import Ended, Note

MOST: Final = 10_000
SAMPLE: Final = 0.01
MOST_KEPT_A_SECOND: Final = 100
LONGEST_SAID: Final = 1000

_Brief = tuple[str, str, float, float, int, str, str | None, str, str, int]
"""Request, tenant, Unix seconds it came, seconds it took, status, model asked for, route, endpoint, model, revision."""


@final
class Decisions:
    """`keep` is given every record that is to outlive the process; it must not wait and must not raise. `note` is a
    listener of telemetry, and this its taker of notes."""

    def __init__(self, keep: Callable[[Decision], None], rng: Random, sample: float = SAMPLE, most: int = MOST) -> None:
        self._keep = keep
        self._rng = rng
        self._sample = sample
        self._last: deque[_Brief | Note | Decision] = deque(maxlen=most)
        self._look: Callable[[], None] = _nobody_has_notes
        self._until_sample = self._gap()
        self._second = 0
        self._kept = 0
        self.not_kept = 0

    def note(self, it: Ended) -> None:
        receipts, tenant_id = it.receipts, it.tenant_id
        self._until_sample = until_sample = self._until_sample - 1
        if (
            until_sample
            and it.fault is None
            and len(receipts) == 1
            and it.status < 400
            and not it.steps
            and tenant_id is not None
        ):
            one = receipts[0]
            self._last.append(
                (
                    it.request_id,
                    tenant_id,
                    it.started_wall,
                    it.seconds,
                    it.status,
                    one.requested_model,
                    one.route,
                    one.endpoint,
                    one.model,
                    one.revision,
                )
            )
            return
        steps = it.steps
        is_sample = not until_sample
        if is_sample:
            self._until_sample = self._gap()
        why = _why(it, steps) or (Why.SAMPLED if is_sample and receipts else None)
        if why is not None and tenant_id is not None:
            self._note_whole(_whole(it, tenant_id, why, steps))

    def ask_before_reading(self, look: Callable[[], None]) -> None:
        self._look = look

    @property
    def most(self) -> int:
        """How many may be noted before the next one of the sample."""
        until_sample = self._until_sample
        return MOST if until_sample <= 0 else until_sample - 1

    def take(self, notes: Sequence[Note]) -> None:
        """What flew."""
        self._until_sample -= len(notes)
        self._last.extend(notes)

    def find(self, tenant_id: str, request_id: str) -> Decision | None:
        found = (it for it in self._of(tenant_id) if it.request_id == request_id)
        return next(found, None)

    def recent(self, tenant_id: str, most: int) -> list[Decision]:
        """A tenant's own, newest first."""
        return list(islice(self._of(tenant_id), most))

    def _of(self, tenant_id: str) -> Iterator[Decision]:
        self._look()
        for it in reversed(self._last):
            if isinstance(it, Decision):
                if it.tenant_id == tenant_id:
                    yield it
            elif len(it) == 7:
                if it[5].tenant_id == tenant_id:
                    yield _noted(it)
            elif it[1] == tenant_id:
                yield _spelled_out(it)

    def _note_whole(self, decision: Decision) -> None:
        self._last.append(decision)
        second = int(decision.at + decision.seconds)
        if second != self._second:
            self._second, self._kept = second, 0
        if self._kept < MOST_KEPT_A_SECOND:
            self._kept += 1
            self._keep(decision)
        else:
            self.not_kept += 1

    def _gap(self) -> int:
        """How many requests until the next of the sample: geometric, so that each has the same chance whatever
        pattern the requests come in. Drawn by inversion: Devroye, Non-Uniform Random Variate Generation, X.2."""
        if self._sample <= 0.0:
            return -1
        if self._sample >= 1.0:
            return 1
        return 1 + int(log(1.0 - self._rng.random()) / log(1.0 - self._sample))


def _why(it: Ended, steps: Sequence[Step]) -> Why | None:
    if it.fault is not None or it.status >= 400:
        return Why.ERROR
    receipts = it.receipts
    if len(receipts) > 1:
        places = {(receipt.endpoint, receipt.model) for receipt in receipts}
        return Why.RETRY if len(places) == 1 else Why.FALLBACK
    return Why.DETOUR if steps else None


def _whole(it: Ended, tenant_id: str, why: Why, steps: Sequence[Step]) -> Decision:
    receipts = it.receipts
    last = receipts[-1] if receipts else None
    faults = dict(it.faults)
    return Decision(
        request_id=it.request_id,
        tenant_id=tenant_id,
        at=it.started_wall,
        seconds=it.seconds,
        status=it.status,
        why=why,
        model=it.model,
        route=None if last is None else last.route,
        revision=None if last is None else last.revision,
        chosen=None if last is None else Chosen(last.endpoint, last.model),
        attempts=tuple(attempted(receipt, it.started_wall, faults.get(receipt.attempt_id)) for receipt in receipts),
        steps=tuple(steps),
        fault=None if it.fault is None else _ending(it.fault),
    )


def attempted(receipt: Receipt, came: float, fault: Fault | None = None) -> Attempted:
    """`came`: Unix seconds at which the request came."""
    return Attempted(
        attempt_id=receipt.attempt_id,
        endpoint=receipt.endpoint,
        provider=receipt.provider.value,
        model=receipt.model,
        outcome=receipt.outcome.value,
        started_ms=round((receipt.started_at - came) * 1000, 3),
        total_ms=receipt.total_ms,
        ttft_ms=receipt.ttft_ms,
        fault=None if fault is None else _ending(fault),
    )


def _ending(fault: Fault) -> Ending:
    said, known_by = fault.provider_error, fault.classified_by
    return Ending(
        category=fault.category.value,
        code=fault.code,
        message=fault.message,
        origin=fault.origin.value,
        classified_by=None if known_by is None else known_by.value,
        said=None if said is None else Said(said.status, said.type, said.code, said.message[:LONGEST_SAID]),
    )


def _nobody_has_notes() -> None:
    """Until somebody takes them."""


def _noted(it: Note) -> Decision:
    request_id, at, seconds, _, _, kind, _ = it
    return Decision(
        request_id=request_id,
        tenant_id=kind.tenant_id,
        at=at,
        seconds=seconds,
        status=kind.status,
        why=None,
        model=kind.asked,
        route=kind.route,
        revision=kind.revision,
        chosen=Chosen(kind.endpoint, kind.model),
    )


def _spelled_out(it: _Brief) -> Decision:
    request_id, tenant_id, at, seconds, status, asked, route, endpoint, model, revision = it
    return Decision(
        request_id=request_id,
        tenant_id=tenant_id,
        at=at,
        seconds=seconds,
        status=status,
        why=None,
        model=asked,
        route=route,
        revision=revision,
        chosen=Chosen(endpoint, model),
    )
