"""Leases: what each process has been given of a limit, and what becomes of one whose process is lost.

A process that is lost with its disk leaves nobody who knows what it spent. Until somebody says, all that it had stays
charged; whoever looked at the provider's bill says here how much of it was really spent.
"""

from typing import Annotated, Final, Literal

from pydantic import WithJsonSchema

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Wide, WideDesk
from ai_gateway.admin.fields import Body
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.money import parse_dollars
from ai_gateway.admin.paging import Paged, listing
from ai_gateway.admin.refusals import conflict, invalid, missing
from ai_gateway.admin.routing import Route
from ai_gateway.domain.leases import Lease, LeaseState
from ai_gateway.store.leases import CannotResolve
from ai_gateway.store.rows import AuditRow, new_id

DOLLARS: Final = "usd"


_AMOUNT: Final = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}, {"type": "null"}]}


class ResolveBody(Body):
    """`released`: nothing of it was spent; `spent`: `amount` was, and all of it where no amount is said. The amount is
    dollars (number or decimal text) for a lease in dollars, else a whole number."""

    outcome: Literal["released", "spent"]
    amount: Annotated[object, WithJsonSchema(_AMOUNT)] = None


async def list_leases(desk: WideDesk, page: Paged, *, state: LeaseState | None = None) -> Answer:
    """The tenant's; everybody's for a platform admin who names no tenant. Amounts are in the unit's smallest part."""
    found = await desk.doors.leases.page(desk.tenant_id, state=state, after=page.after, limit=page.limit + 1)
    return listing([describe(lease) for lease in found], [lease.id for lease in found], page.limit)


async def resolve_lease(desk: WideDesk, row_id: str, body: ResolveBody) -> Answer:
    """Only what is in suspense can be resolved: a process that lives speaks for itself."""
    lease = await desk.doors.leases.fetch(row_id)
    if lease is None or desk.tenant_id not in (None, lease.pot.tenant_id):
        raise missing("lease")
    spent = _spent(lease, body)
    try:
        return describe(await desk.doors.leases.resolve(row_id, spent, _audit(desk, lease, spent)))
    except CannotResolve as refused:
        if refused.lease is not None and refused.lease.state is LeaseState.SUSPENSE:
            raise invalid("amount", f"the lease has only {refused.lease.charged} left that could be spent.") from None
        raise conflict("This lease is not in suspense.") from None


def describe(lease: Lease) -> Answer:
    pot = lease.pot
    return {
        "id": lease.id,
        "process_id": lease.process_id,
        "tenant_id": pot.tenant_id,
        "scope": pot.scope,
        "scope_id": pot.scope_id,
        "window_id": pot.window_id,
        "unit": "nano_usd" if pot.unit == DOLLARS else pot.unit,
        "granted": lease.granted,
        "used": lease.used,
        "charged": lease.charged,
        "state": lease.state.value,
        "granted_at": show_instant(lease.granted_at),
        "seen_at": show_instant(lease.seen_at) if lease.seen_at else None,
        "resolved_at": None if lease.resolved_at is None else show_instant(lease.resolved_at),
    }


def _spent(lease: Lease, body: ResolveBody) -> int:
    """In the lease's unit. Raises InvalidRequest."""
    if body.outcome == "released":
        if body.amount is not None:
            raise invalid("amount", "says what was spent; of a lease that is released nothing was.")
        return 0
    if body.amount is None:
        return lease.charged
    try:
        return parse_dollars(body.amount) if lease.pot.unit == DOLLARS else _counted(body.amount)
    except ValueError as error:
        raise invalid("amount", str(error)) from None


def _counted(amount: object) -> int:
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0:
        raise ValueError("must be a whole number that is not negative.")
    return amount


def _audit(desk: Wide, lease: Lease, spent: int) -> AuditRow:
    now = desk.doors.now()
    return AuditRow(
        id=new_id(AuditRow.prefix, now),
        tenant_id=lease.pot.tenant_id,
        created_at=now,
        actor=desk.principal.actor,
        action="resolve",
        target_noun="leases",
        target_id=lease.id,
        detail={"process_id": lease.process_id, "charged": lease.charged, "spent": spent, "unit": lease.pot.unit},
    )


ROUTES: Final = (
    Route("GET", "/leases", list_leases, Permission.READ),
    Route("POST", "/leases/{row_id}/resolve", resolve_lease, Permission.OPERATE),
)
