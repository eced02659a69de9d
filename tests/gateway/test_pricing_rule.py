"""B-10: a model without a price is not free under a budget, and not asked."""

import pytest

from ai_gateway.domain.budgets import Mode, Unit
from gateway.budgets import CHAT, DOLLAR, KEY, a_body, a_limit, a_limited_line, a_reply, limited_tenant
from support.builders import a_candidate, a_course, an_endpoint
from support.line import Line
from support.upstream import JSON, Script


async def a_line_with(*models: str, limit: object = None) -> Line:
    endpoints = [an_endpoint(f"up-{number}", models=(model,)) for number, model in enumerate(models)]
    course = a_course("fast", *(a_candidate(it, it.models[0]) for it in endpoints), pool=None)
    limits = () if limit is None else (limit,)
    tenant = limited_tenant(*limits, endpoints=tuple(endpoints), courses=(course,))  # type: ignore[arg-type]
    line = await a_limited_line(tenant=tenant)
    line.upstream.always = lambda request: Script(200, JSON, (a_reply(1, 1),))
    return line


async def test_b10_an_unpriced_model_is_refused_under_a_budget_and_nobody_is_asked() -> None:
    line = await a_line_with("nobody-knows", limit=a_limit(KEY, DOLLAR))
    refused = await line.post(CHAT, a_body(10, model="fast"))
    assert (refused.status, refused.error["code"], refused.error["param"]) == (400, "price_unknown", "model")
    assert line.upstream.sent == []
    line.assert_at_rest()


async def test_b10_of_several_candidates_only_the_priced_ones_are_asked() -> None:
    line = await a_line_with("nobody-knows", "gpt-4o-mini", limit=a_limit(KEY, DOLLAR))
    for _ in range(6):
        answered = await line.post(CHAT, a_body(10, model="fast"))
        assert (answered.status, answered.headers["x-gateway-endpoint"]) == (200, "up-1")
        assert answered.headers["x-gateway-route"] == "fast"
    assert all(it.priced for it in line.receipts)


@pytest.mark.parametrize("limit", [None, a_limit(KEY, 10_000, unit=Unit.TOKENS, mode=Mode.STRICT)])
async def test_where_no_money_is_watched_an_unpriced_model_costs_nothing_and_says_so(limit: object) -> None:
    line = await a_line_with("nobody-knows", limit=limit)
    assert (await line.post(CHAT, a_body(10, model="fast"))).status == 200
    (receipt,) = line.receipts
    assert (receipt.cost_nano_usd, receipt.priced) == (0, False)
