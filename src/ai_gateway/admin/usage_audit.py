"""The self-audit: one bill, looked at from every side, at one watermark.

What the API adds up by each dimension, what the CSV says, the totals that budgets are enforced by, and what this
process counts in its metrics must be the ledger to the nano-dollar. The answer says what was compared and what could
not be.
"""

import asyncio
import csv
import io
from decimal import Decimal
from typing import Any, Final

import msgspec

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Wide, WideDesk
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.routing import Route
from ai_gateway.admin.usage import CSV_GROUPS, csv_head, csv_lines
from ai_gateway.store.usage import DIMENSIONS, UsageBooks, UsageQuery

TRIES: Final = 20
PAUSE_SECONDS: Final = 0.05
_NANO: Final = 10**9


async def audit_usage(desk: WideDesk) -> Answer:
    """Does everything that says what was spent say the same? A platform admin who names no tenant compares all of them,
    and the metrics of the process that answers."""
    doors = desk.doors
    watermark = await doors.usage.watermark()
    truth = await doors.audit.books.cost(desk.scope, watermark)
    checks = [
        _check(f"usage by {name}", truth, await _by_dimension(doors.usage, _query(desk, name, watermark)))
        for name in DIMENSIONS
    ]
    cost, dollars = await _in_csv(doors.usage, _query(desk, "key", watermark))
    checks += [_check("csv, nano-dollars", truth, cost), _check("csv, dollars", truth, dollars)]
    checks.append(await _windows(desk))
    if desk.tenant_id is None:
        checks.append(await _metrics(desk))
    return {
        "agrees": all(it["agrees"] is not False for it in checks),
        "watermark": watermark,
        "as_of": show_instant(doors.now()),
        "cost_nano_usd": truth,
        "checks": checks,
    }


def _query(desk: Wide, name: str, watermark: int) -> UsageQuery:
    return UsageQuery(by=(name,), scope=desk.scope, through=watermark)


def _check(compared: str, expected: int, found: int) -> Answer:
    return {
        "compared": compared,
        "agrees": expected == found,
        "expected_nano_usd": expected,
        "found_nano_usd": found,
        "difference_nano_usd": found - expected,
    }


def _not_compared(compared: str, why: str) -> Answer:
    return {"compared": compared, "agrees": None, "reason": why}


async def _by_dimension(books: UsageBooks, query: UsageQuery) -> int:
    total = offset = 0
    while groups := await books.page(query, offset=offset, limit=CSV_GROUPS):
        total += sum(group.sums["cost_nano_usd"] for group in groups)
        offset += len(groups)
    return total


async def _in_csv(books: UsageBooks, query: UsageQuery) -> tuple[int, int]:
    """As a finance system reads it: the file itself, taken apart again."""
    nano, dollars, offset = 0, Decimal(0), 0
    while groups := await books.page(query, offset=offset, limit=CSV_GROUPS):
        text = (csv_head(query) + csv_lines(query, groups)).decode()
        for row in csv.DictReader(io.StringIO(text, newline="")):
            nano += int(row["cost_nano_usd"])
            dollars += Decimal(row["cost_usd"])
        offset += len(groups)
    return nano, int(dollars * _NANO)


async def _windows(desk: Wide) -> Answer:
    """The totals are written with their rows, so both are read in one view."""
    found = await desk.doors.audit.books.window_differences(desk.scope)
    answer: Answer = {"compared": "totals of budget windows", "agrees": not found}
    return {**answer, "differences": [msgspec.to_builtins(it) for it in found]} if found else answer


async def _metrics(desk: Wide) -> Answer:
    """What this process has booked since it started is in the ledger or waits for it. A batch may be on its way at any
    instant: only what is the same before and after the look is compared."""
    name, audit = "ai_gateway_cost_nano_usd_total of this process", desk.doors.audit
    found: Any = None
    for _ in range(TRIES):
        counted = audit.counted()
        in_ledger = await _written(desk)
        if audit.counted().settled_nano == counted.settled_nano:
            found = _check(name, in_ledger, counted.settled_nano)
            if found["agrees"]:
                return found | {"waiting_nano_usd": counted.waiting_nano, "metric_nano_usd": counted.booked_nano}
        await asyncio.sleep(PAUSE_SECONDS)
    return found or _not_compared(name, "The ledger was being written at every look.")


async def _written(desk: Wide) -> int:
    """By this process. Its rows do not say so, but the totals are kept apart by who added to them where several do."""
    audit = desk.doors.audit
    if audit.process_id:
        return await audit.books.added_by(audit.process_id)
    return await audit.books.charged(audit.since_request_id, await desk.doors.usage.watermark())


ROUTES: Final = (Route("GET", "/usage/audit", audit_usage, Permission.READ),)
