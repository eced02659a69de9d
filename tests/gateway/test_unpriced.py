"""B-10: a model that nobody priced, on the line: free without a limit, refused under one, priced by a ceiling."""

from ai_gateway.domain.budgets import Unit
from ai_gateway.domain.config import Tenant
from ai_gateway.domain.price_book import PriceBook
from gateway.budgets import CHAT, DOLLAR, KEY, a_body, a_limit, a_limited_line, limited_tenant, spends_all
from support.builders import MODEL, a_book, a_candidate, a_course, a_price, an_endpoint
from support.line import Answered, Line

BODY = a_body(10)
LIMIT = a_limit(KEY, DOLLAR)


def unpriced_tenant(*limits: object, **more: object) -> Tenant:
    return limited_tenant(*limits, **{"prices": a_book()} | more)  # type: ignore[arg-type]


async def ask(tenant: Tenant, body: bytes = BODY) -> tuple[Line, Answered]:
    line = await a_limited_line(tenant=tenant)
    line.upstream.always = spends_all(len(body))
    return line, await line.post(CHAT, body)


async def test_without_a_limit_in_dollars_it_costs_nothing_and_says_so() -> None:
    for limits in ((), (a_limit(KEY, 10**6, unit=Unit.TOKENS),)):
        line, answer = await ask(unpriced_tenant(*limits))
        assert answer.status == 200
        (receipt,) = line.doors.journal.peek(9)
        assert (receipt.cost_nano_usd, receipt.priced) == (0, False)


async def test_under_a_limit_it_is_refused_before_anything_is_sent() -> None:
    line, answer = await ask(unpriced_tenant(LIMIT))
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "price_unknown", "model")
    assert line.upstream.sent == []
    line.assert_at_rest()


async def test_under_a_limit_what_is_priced_serves_instead() -> None:
    known, new = a_candidate(an_endpoint("known")), a_candidate(an_endpoint("new"), model="new")
    course = a_course("fast", new, known)
    tenant = unpriced_tenant(LIMIT, endpoints=(known.endpoint,), courses=(course,), prices=a_book(a_price(MODEL)))
    for _ in range(3):
        _, answer = await ask(tenant, a_body(10, model="fast"))
        assert (answer.status, answer.headers["x-gateway-endpoint"]) == (200, "known")
        assert answer.headers["x-gateway-route"] == "fast"


async def test_a_declared_ceiling_is_its_price() -> None:
    ceiling = a_price("", version="ceiling", input_pico=1_000, output_pico=2_000)
    line, answer = await ask(unpriced_tenant(LIMIT, prices=PriceBook(ceiling=ceiling)))
    assert answer.status == 200
    (receipt,) = line.doors.journal.peek(9)
    assert (receipt.cost_nano_usd, receipt.priced, receipt.price_version) == (len(BODY) + 20, True, "ceiling")
