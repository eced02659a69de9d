from typing import Any

import pytest

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.doors import LineLimits
from support.builders import TOKEN, a_course, a_key, a_receipt, a_snapshot, a_tenant, an_endpoint
from support.clock import NOON
from support.line import BEARER, Line, a_line

MODELS = ("m1", "m2", "m3", "m4")
ANTHROPIC = {**BEARER, "anthropic-version": "2023-06-01"}


async def a_line_with_models(**key: Any) -> Line:
    tenant = a_tenant("t1", an_endpoint(models=MODELS), courses=(a_course("fast"),))
    return await a_line(a_snapshot(tenant, keys={TOKEN: a_key(**key)}))


def ids(body: dict[str, Any]) -> list[str]:
    return [it["id"] for it in body["data"]]


async def test_the_list_has_pools_and_models_in_a_body_that_both_sdks_parse() -> None:
    body = (await (await a_line_with_models()).get("/v1/models")).json()

    assert ids(body) == ["fast", *MODELS]
    assert (body["object"], body["has_more"], body["first_id"], body["last_id"]) == ("list", False, "fast", "m4")
    assert body["data"][0] == {
        "id": "fast",
        "object": "model",
        "created": 0,
        "owned_by": "ai-gateway",
        "type": "model",
        "display_name": "fast",
        "created_at": "1970-01-01T00:00:00Z",
    }


async def test_a_restricted_key_sees_what_it_may_use() -> None:
    line = await a_line_with_models(allowed_models=("m2", "fast"))
    assert ids((await line.get("/v1/models")).json()) == ["fast", "m2"]
    assert (await line.get("/v1/models/m1")).status == 404
    assert (await line.get("/v1/models/m2")).json()["id"] == "m2"


async def test_pages_join_to_the_whole_list() -> None:
    line = await a_line_with_models()
    seen: list[str] = []
    after = ""
    while True:
        body = (await line.get(f"/v1/models?limit=2{after}", ANTHROPIC)).json()
        seen += ids(body)
        if not body["has_more"]:
            break
        after = f"&after_id={body['last_id']}"
    assert seen == ["fast", *MODELS]


@pytest.mark.parametrize(
    ("query", "shown", "more"),
    [
        ("after_id=m2", ["m3", "m4"], False),
        ("after_id=m4", [], False),
        ("after_id=unknown", [], False),
        ("before_id=m1", ["fast"], False),
        ("limit=1", ["fast"], True),
        ("limit=1000", ["fast", *MODELS], False),
        ("unknown=1", ["fast", *MODELS], False),
    ],
)
async def test_a_page_is_what_was_asked_for(query: str, shown: list[str], more: bool) -> None:
    body = (await (await a_line_with_models()).get(f"/v1/models?{query}")).json()
    assert (ids(body), body["has_more"]) == (shown, more)


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5", "9" * 5_000])
async def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    answered = await (await a_line_with_models()).get(f"/v1/models?limit={limit}")
    assert (answered.status, answered.error["param"]) == (400, "limit")


async def test_an_unknown_model_is_404_in_the_dialect_that_asked() -> None:
    line = await a_line_with_models()
    assert (await line.get("/v1/models/nope")).error["code"] == "model_not_found"
    assert (await line.get("/v1/models/nope", ANTHROPIC)).json()["type"] == "error"


async def test_a_tenant_without_models_has_an_empty_list() -> None:
    body = (await (await a_line(a_snapshot(a_tenant()))).get("/v1/models")).json()
    assert (body["data"], body["first_id"], body["last_id"], body["has_more"]) == ([], None, None, False)


SETTLED = a_receipt("att_1_1", request_id="req_1", outcome=Outcome.TIMEOUT, usage=Usage(input_tokens=5))
WAITING = a_receipt("att_1_2", request_id="req_1", started_at=NOON + 2)


async def test_a_request_is_the_sum_of_its_attempts_settled_or_not() -> None:
    line = await a_line()
    line.history.receipts = [SETTLED, WAITING]
    line.doors.journal.append(WAITING)

    body = (await line.get("/v1/requests/req_1")).json()

    assert [it["attempt_id"] for it in body["attempts"]] == ["att_1_1", "att_1_2"]
    assert (body["cost_nano_usd"], body["cost_usd"]) == (7_200, "0.0000072")
    assert (body["input_tokens"], body["output_tokens"]) == (17, 3)
    assert body["attempts"][0]["outcome"] == "timeout"
    assert [(it["kind"], it["delivered_tokens"], it["cached"]) for it in body["attempts"]] == [
        ("charge", 0, False),
        ("charge", 3, False),
    ]
    assert body["attempts"][1]["started_at"] == "2026-01-01T12:00:02.000+00:00"


async def test_the_bill_states_what_was_delivered_and_paid_and_what_was_corrected() -> None:
    line = await a_line()
    left = a_receipt("att_1_1", request_id="req_1", usage=Usage(12, 30), delivered_tokens=4, outcome=Outcome.CANCELLED)
    corrected = a_receipt(
        "att_1_1~p2", request_id="req_1", kind="adjust", usage=Usage(), cost_nano_usd=-100, price_version="p2"
    )
    line.history.receipts = [left, corrected]
    body = (await line.get("/v1/requests/req_1")).json()
    shown = [(it["kind"], it["usage"]["output_tokens"], it["delivered_tokens"]) for it in body["attempts"]]
    assert shown == [("charge", 30, 4), ("adjust", 0, 0)]
    assert body["attempts"][1]["price_version"] == "p2"
    assert body["cost_nano_usd"] == left.cost_nano_usd - 100


@pytest.mark.parametrize(
    "receipt",
    [
        a_receipt(key_id="key_2"),
        a_receipt(tenant_id="t2"),
        a_receipt(request_id="req_2"),
    ],
    ids=["of another key", "of another tenant", "of another request"],
)
async def test_a_request_that_is_not_this_keys_is_as_one_that_never_was(receipt: Any) -> None:
    line = await a_line()
    unknown = (await line.get("/v1/requests/req_1")).error
    line.history.receipts = [receipt]
    line.doors.journal.append(receipt)

    answered = await line.get("/v1/requests/req_1")

    assert (answered.status, answered.error["code"]) == (404, "request_not_found")
    same = answered.error
    for error in (unknown, same):
        error["gateway"].pop("request_id")
    assert same == unknown


async def test_a_history_that_is_away_is_503_and_not_404() -> None:
    line = await a_line()
    line.history.away = ConnectionError("away")

    answered = await line.get("/v1/requests/req_1")

    assert (answered.status, answered.error["code"]) == (503, "history_unavailable")
    assert answered.headers["retry-after"] == "1"


async def test_a_history_that_says_nothing_is_not_waited_for_longer_than_allowed() -> None:
    line = await a_line(limits=LineLimits(history_seconds=0.01))
    line.history.silent = True

    assert (await line.get("/v1/requests/req_1")).status == 503
    line.assert_at_rest()


async def test_what_waits_in_the_journal_is_told_while_the_history_is_away() -> None:
    line = await a_line()
    line.history.away = ConnectionError("away")
    line.doors.journal.append(WAITING)

    assert (await line.get("/v1/requests/req_1")).status == 200
