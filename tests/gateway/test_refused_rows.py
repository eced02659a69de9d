"""What the ledger has of requests that were turned away."""

import pytest

from ai_gateway.domain.budgets import Mode, Unit
from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import LegRates, RateLimits
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime.refusal_rows import RefusalRows
from gateway.budgets import CHAT, KEY, a_body, a_limit, a_limited_line, a_reply, limited_tenant
from support.builders import a_candidate, a_course, an_endpoint
from support.line import Line
from support.upstream import JSON, Script

BODY = a_body(100)


def rows(line: Line) -> list[Receipt]:
    return list(line.doors.journal.peek(100))


async def test_a_refusal_leaves_a_row_that_costs_nothing_and_names_nobody_who_was_asked() -> None:
    line = await a_limited_line(a_limit(KEY, 1, mode=Mode.STRICT))
    refused = await line.post(CHAT, BODY)
    assert refused.status == 402
    (row,) = rows(line)
    assert (row.outcome, row.cost_nano_usd, row.usage, row.priced) == (Outcome.REFUSED, 0, Usage(), True)
    assert (row.request_id, row.requested_model) == (refused.headers["x-request-id"], "gpt-4o-mini")
    assert (row.key_id, row.team_id, row.user_id, row.tenant_id) == ("key_1", "team_1", "usr_1", "t1")
    assert (row.model, row.endpoint) == ("", "")
    assert line.upstream.sent == []
    (shown,) = (await line.get(f"/v1/requests/{row.request_id}")).json()["attempts"]
    assert (shown["outcome"], shown["cost_nano_usd"]) == ("refused", 0)
    line.assert_at_rest()


async def test_rates_and_unknown_prices_refuse_too() -> None:
    rates = {("tenant", "t1"): LegRates(("tenant", "t1"), RateLimits(requests_per_minute=1))}
    line = await a_limited_line(tenant=limited_tenant(a_limit(KEY, 5, unit=Unit.REQUESTS), rates=rates))
    line.upstream.always = lambda _: Script(200, JSON, (a_reply(1, 1),))
    for _ in range(2):
        await line.post(CHAT, BODY)
    assert [it.outcome for it in rows(line)] == [Outcome.OK, Outcome.REFUSED]

    nobody_knows = an_endpoint(models=("new",))
    course = a_course("fast", a_candidate(nobody_knows, "new"))
    line = await a_limited_line(tenant=limited_tenant(a_limit(KEY, 1), endpoints=(nobody_knows,), courses=(course,)))
    assert (await line.post(CHAT, a_body(10, model="fast"))).error["gateway"]["origin"] == "policy"
    assert [it.requested_model for it in rows(line)] == ["fast"]


async def test_rows_of_refusals_are_bounded_and_what_is_left_out_is_counted() -> None:
    line = await a_limited_line(a_limit(KEY, 1, mode=Mode.STRICT), refusal_rows=RefusalRows(each=2))
    for _ in range(5):
        await line.post(CHAT, BODY)
    assert len(rows(line)) == 2
    assert line.doors.telemetry.dropped == {"refusal_row": 3}


@pytest.mark.parametrize(
    "body", [b"{", a_body(10, model="unknown"), a_body(10, messages="x" * 10, model=7)], ids=["json", "model", "type"]
)
async def test_what_is_wrong_with_the_request_itself_leaves_none(body: bytes) -> None:
    line = await a_limited_line(a_limit(KEY, 1, mode=Mode.STRICT))
    assert (await line.post(CHAT, body)).status in (400, 404)
    assert rows(line) == []
