"""The statements of store/leases.py, for PostgreSQL alone: many pots travel as one array a column."""

from typing import Final

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger, Text

_POT_NAMES: Final = ("tenant_id", "scope", "scope_id", "window_id", "unit")
_NOW: Final = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
_POTS: Final = (
    f"unnest({', '.join(f'CAST(:{name} AS text[])' for name in _POT_NAMES)}) WITH ORDINALITY"
    f" AS pots({', '.join(_POT_NAMES)}, place)"
)
_SAME_WINDOW: Final = (
    "windows.window_id = {0}.window_id AND windows.scope = {0}.scope AND windows.scope_id = {0}.scope_id"
)
_AMOUNT: Final = (
    "CASE {0}.unit WHEN 'usd' THEN windows.cost_nano_usd WHEN 'tokens' THEN windows.tokens ELSE windows.requests END"
)
_USED: Final = (
    f"(SELECT coalesce(sum({_AMOUNT.format('leases')}), 0) FROM spending_windows AS windows"  # noqa: S608  # constants
    f" WHERE {_SAME_WINDOW.format('leases')} AND windows.process_id = leases.process_id)"
)
_SEEN: Final = "coalesce((SELECT seen_at FROM processes WHERE processes.id = leases.process_id), 0)"
_IS_LOST: Final = f"leases.state = 'live' AND {_SEEN} < {_NOW} - :lost"


def _with_pots(statement: str, *more: str) -> TextClause:
    """With a parameter for each column of the pots; `more` are arrays of numbers beside them."""
    columns = [bindparam(name, type_=ARRAY(Text())) for name in _POT_NAMES]
    return text(statement).bindparams(*columns, *(bindparam(name, type_=ARRAY(BigInteger())) for name in more))


LOCK: Final = _with_pots(
    f"INSERT INTO lease_pots (window_id, scope, scope_id, unit, grants)"  # noqa: S608  # constants
    f" SELECT window_id, scope, scope_id, unit, 1 FROM {_POTS} ORDER BY place"
    " ON CONFLICT (window_id, scope, scope_id, unit) DO UPDATE SET grants = lease_pots.grants + 1"
)
"""Makes the row of a pot or finds it, and holds it until the end of the transaction: one after the other, in the order
of the arrays."""

CHARGED: Final = _with_pots(
    f"SELECT pots.place, windows.process_id, {_AMOUNT.format('pots')} AS used, CAST(0 AS bigint) AS granted,"  # noqa: S608
    f" false AS is_lost FROM {_POTS} JOIN spending_windows AS windows ON {_SAME_WINDOW.format('pots')}"
    f" UNION ALL SELECT pots.place, leases.process_id, 0, leases.granted, leases.state <> 'live' OR ({_IS_LOST})"
    f" FROM {_POTS} JOIN leases USING (window_id, scope, scope_id, unit) WHERE leases.state <> 'returned'"
)
"""What each process has booked on each pot, and what it was granted: two kinds of rows of one instant."""

GRANT: Final = _with_pots(
    "INSERT INTO leases (id, process_id, tenant_id, scope, scope_id, window_id, unit, granted, state, granted_at)"  # noqa: S608
    " SELECT ids.id, :process, pots.tenant_id, pots.scope, pots.scope_id, pots.window_id, pots.unit, given.granted,"
    f" 'live', {_NOW} FROM {_POTS} JOIN unnest(CAST(:granted AS bigint[])) WITH ORDINALITY AS given(granted, place)"
    " USING (place) JOIN unnest(CAST(:ids AS text[])) WITH ORDINALITY AS ids(id, place) USING (place)"
    " ON CONFLICT (window_id, scope, scope_id, unit, process_id)"
    " DO UPDATE SET granted = excluded.granted, state = 'live', granted_at = excluded.granted_at, resolved_at = NULL",
    "granted",
).bindparams(bindparam("ids", type_=ARRAY(Text())))

WANT: Final = _with_pots(
    "INSERT INTO lease_wants (tenant_id, scope, scope_id, window_id, unit, process_id, at)"  # noqa: S608
    f" SELECT tenant_id, scope, scope_id, window_id, unit, :process, {_NOW} FROM {_POTS} ORDER BY place"
    " ON CONFLICT (window_id, scope, scope_id, unit, process_id) DO UPDATE SET at = excluded.at"
)
WANTED: Final = text(
    f"SELECT DISTINCT {', '.join(_POT_NAMES)} FROM lease_wants"  # noqa: S608
    f" WHERE process_id <> :process AND at >= {_NOW} - :seconds"
)
GIVE_BACK: Final = _with_pots(
    f"UPDATE leases SET granted = greatest({_USED}, least(leases.granted, kept.keep))"  # noqa: S608
    f" FROM {_POTS} JOIN unnest(CAST(:keep AS bigint[])) WITH ORDINALITY AS kept(keep, place) USING (place)"
    " WHERE leases.process_id = :process AND leases.state = 'live' AND leases.window_id = pots.window_id"
    " AND leases.scope = pots.scope AND leases.scope_id = pots.scope_id AND leases.unit = pots.unit",
    "keep",
)
RETURN: Final = text(
    f"UPDATE leases SET granted = {_USED}, state = 'returned' WHERE process_id = :process AND state <> 'returned'"  # noqa: S608
)
CLOSE: Final = text(f"UPDATE processes SET closed_at = {_NOW} WHERE id = :process")  # noqa: S608

OPEN: Final = text(
    "INSERT INTO processes (id, journal, started_at, seen_at)"  # noqa: S608
    f" VALUES (:process, :journal, {_NOW}, {_NOW}) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"
)
BEAT: Final = text(f"UPDATE processes SET seen_at = {_NOW} WHERE id = :process")  # noqa: S608
PULSE: Final = text(
    f"SELECT {_NOW} AS at, count(*) AS live FROM processes"  # noqa: S608
    f" WHERE closed_at IS NULL AND seen_at >= {_NOW} - :lost"
)

_SHOWN: Final = (
    f"SELECT leases.id, leases.process_id, {', '.join(f'leases.{name}' for name in _POT_NAMES)}, leases.granted,"  # noqa: S608
    f" CAST({_USED} AS bigint) AS used, CASE WHEN {_IS_LOST} THEN 'suspense' ELSE leases.state END AS state,"
    f" leases.granted_at, {_SEEN} AS seen_at, leases.resolved_at FROM leases"
)
PAGE: Final = text(
    f"SELECT * FROM ({_SHOWN} WHERE id > :after AND (CAST(:tenant AS text) IS NULL OR tenant_id = :tenant)) AS shown"  # noqa: S608
    " WHERE CAST(:state AS text) IS NULL OR state = :state ORDER BY id LIMIT :most"
)
ONE: Final = text(f"{_SHOWN} WHERE id = :id")
ONE_TO_CHANGE: Final = text(f"{_SHOWN} WHERE id = :id FOR UPDATE OF leases")
RESOLVE: Final = text(
    f"UPDATE leases SET granted = :granted, state = 'resolved', resolved_at = {_NOW} WHERE id = :id"  # noqa: S608
)
RELEASE_LOST: Final = text(
    f"UPDATE leases SET granted = {_USED}, state = 'resolved', resolved_at = {_NOW}"  # noqa: S608
    f" WHERE state = 'live' AND {_SEEN} < {_NOW} - :seconds"
)

TIDY: Final = (
    text("DELETE FROM leases USING processes WHERE processes.id = leases.process_id AND processes.closed_at < :before"),
    text(f"DELETE FROM leases WHERE granted_at < :before AND state <> 'resolved' AND granted <= {_USED}"),  # noqa: S608
    text(
        "WITH gone AS (DELETE FROM spending_windows AS windows USING processes"
        " WHERE processes.id = windows.process_id AND processes.closed_at < :before RETURNING windows.*)"
        " INSERT INTO spending_windows"
        " (window_id, scope, scope_id, tenant_id, process_id, cost_nano_usd, tokens, requests)"
        " SELECT window_id, scope, scope_id, tenant_id, '', CAST(sum(cost_nano_usd) AS bigint),"
        " CAST(sum(tokens) AS bigint), CAST(sum(requests) AS bigint)"
        " FROM gone GROUP BY window_id, scope, scope_id, tenant_id ORDER BY window_id, scope, scope_id, tenant_id"
        " ON CONFLICT (window_id, scope, scope_id, tenant_id, process_id) DO UPDATE SET"
        " cost_nano_usd = spending_windows.cost_nano_usd + excluded.cost_nano_usd,"
        " tokens = spending_windows.tokens + excluded.tokens,"
        " requests = spending_windows.requests + excluded.requests"
    ),
    text("DELETE FROM processes WHERE closed_at < :before"),
    text("DELETE FROM lease_wants WHERE at < :before"),
    text(
        "DELETE FROM lease_pots WHERE NOT EXISTS (SELECT 1 FROM leases WHERE leases.window_id = lease_pots.window_id"
        " AND leases.scope = lease_pots.scope AND leases.scope_id = lease_pots.scope_id"
        " AND leases.unit = lease_pots.unit)"
    ),
)
"""What processes that are closed have booked is kept, in one sum of all of them."""
