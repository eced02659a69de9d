import json
from typing import Any

import pytest

from cli.conftest import Run
from support.admin_server import AdminServer

SUMS = {
    "requests": 1_200,
    "attempts": 1_300,
    "refused": 0,
    "errors": 2,
    "estimated": 1,
    "input_tokens": 5,
    "output_tokens": 6,
    "cost_nano_usd": 1_500,
    "cost_usd": "0.0000015",
}


def a_page(*groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"data": [{**group, **SUMS} for group in groups], "has_more": False, "next_cursor": None}
    return {**fields, "watermark": 7, "as_of": "2027-01-15T08:00:00Z", "total": SUMS, "by": ["model"], **changes}


def test_a_table_for_people_names_the_watermark(run: Run, gateway: AdminServer) -> None:
    page = a_page({"model": "gpt-4", "team_id": None})
    gateway.answers["GET /api/v1/admin/usage?by=model%2Cteam&limit=200"] = (200, page)
    done = run("usage", "--by", "model,team", AI_GATEWAY_URL=gateway.url, COLUMNS="200")
    assert done.exit_code == 0
    head, row, total, last = (line for line in done.stdout.splitlines() if line.strip())
    assert head.split()[:2] == ["model", "team"]
    assert row.split() == ["gpt-4", "-", "1,200", "1,300", "2", "1", "5", "6", "0.0000015"]
    assert total.split() == ["total", "1,200", "1,300", "2", "1", "5", "6", "0.0000015"]
    assert last == "Up to row 7 of the ledger, 2027-01-15T08:00:00Z."


def test_all_pages_are_one_document_for_scripts(run: Run, gateway: AdminServer) -> None:
    begin = "GET /api/v1/admin/usage?by=model&since=2026-11-01&key_id=key_1&limit=200"
    gateway.answers[begin] = (200, a_page({"model": "a"}, has_more=True, next_cursor="xyz"))
    gateway.answers[f"{begin}&cursor=xyz"] = (200, a_page({"model": "b"}))
    options = ("--by", "model", "--since", "2026-11-01", "--where", "key_id=key_1", "--json")
    done = run("usage", *options, AI_GATEWAY_URL=gateway.url)
    document = json.loads(done.stdout)
    assert [row["model"] for row in document["data"]] == ["a", "b"]
    assert (document["has_more"], document["watermark"]) == (False, 7)


def test_csv_is_passed_on_as_it_comes(run: Run, gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/usage?by=day&watermark=3&format=csv"] = (200, b"day,cost\r\n2027-01-15,5\r\n")
    done = run("usage", "--csv", "--watermark", "3", AI_GATEWAY_URL=gateway.url)
    assert (done.exit_code, done.stdout_bytes) == (0, b"day,cost\r\n2027-01-15,5\r\n")


@pytest.mark.parametrize("where", ["key_id", "day=5", "=x"])
def test_a_filter_that_is_none_is_wrong_usage(run: Run, gateway: AdminServer, where: str) -> None:
    assert run("usage", "--where", where, AI_GATEWAY_URL=gateway.url).exit_code == 2
    assert gateway.seen == []


def test_no_gateway_and_a_refusal_are_two_endings(run: Run, gateway: AdminServer) -> None:
    assert run("usage", AI_GATEWAY_URL="http://127.0.0.1:1").exit_code == 4
    assert run("usage", AI_GATEWAY_URL=gateway.url).exit_code == 1


def an_audit(*checks: dict[str, Any], agrees: bool = True) -> dict[str, Any]:
    return {"agrees": agrees, "watermark": 7, "cost_nano_usd": 4_500, "checks": checks}


def test_an_audit_says_what_was_compared_and_what_could_not_be(run: Run, gateway: AdminServer) -> None:
    checks = ({"compared": "usage by key", "agrees": True}, {"compared": "x", "agrees": None, "reason": "Not alone."})
    gateway.answers["GET /api/v1/admin/usage/audit"] = (200, an_audit(*checks))
    done = run("usage", "--audit", AI_GATEWAY_URL=gateway.url)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "agrees   usage by key",
        "-        x: Not alone.",
        "Up to row 7 of the ledger: 4,500 nano-dollars.",
    ]


def test_a_difference_is_a_failure(run: Run, gateway: AdminServer) -> None:
    window = {"window_id": "T:total", "scope": "team", "scope_id": "team_1", "difference_nano": 5}
    window |= {"difference_tokens": -2, "difference_requests": 0}
    checks = (
        {"compared": "csv, dollars", "agrees": False, "difference_nano_usd": -1_000},
        {"compared": "totals", "agrees": False, "differences": [window]},
    )
    gateway.answers["GET /api/v1/admin/usage/audit"] = (200, an_audit(*checks, agrees=False))
    done = run("usage", "--audit", AI_GATEWAY_URL=gateway.url)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:2] == [
        "DIFFERS  csv, dollars: -1,000 nano-dollars",
        "DIFFERS  totals: team team_1 T:total +5 nano-dollars, -2 tokens, +0 requests",
    ]
    assert run("usage", "--audit", "--json", AI_GATEWAY_URL=gateway.url).exit_code == 1
