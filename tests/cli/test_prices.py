import json
from pathlib import Path
from typing import Any

import msgspec

from cli.conftest import Run
from support.admin_server import AdminServer

FOUND: dict[str, Any] = {
    "id": "price_1",
    "model": "gpt-x",
    "provider": "openai",
    "input_per_million_usd": "1.00",
    "output_per_million_usd": "2.00",
    "cache_read_per_million_usd": None,
    "per_request_usd": "0.005",
    "tiers": [{"above_input_tokens": 200_000, "input_per_million_usd": "2.00", "output_per_million_usd": "4.00"}],
    "service_tiers": {"batch": {"input_per_million_usd": "0.50", "output_per_million_usd": "1.00"}},
    "hours": {"from": "22:00", "until": "06:00"},
    "effective_from": "2026-01-01T00:00:00Z",
    "source": "book",
    "edition": "genai-prices 9",
}
EDITION = {
    "name": "a book 2",
    "prices": [
        {
            "model": "gpt-x",
            "provider": "openai",
            "lanes": {"input": 1_500_000, "output": 2_000_001, "request": 1},
            "tiers": [{"above_input_tokens": 9, "input": 1, "output": 2}],
            "service_tiers": {"batch": {"input": 3, "output": 4}},
            "hours": {"from": 5_400, "until": 0},
            "match": {"starts_with": "gpt-x"},
        },
        {"model": "m", "provider": "a vendor that this version does not know", "lanes": {"input": 1, "output": 1}},
    ],
}
CHANGE = {
    "model": "gpt-x",
    "provider": "openai",
    "effective_from": "2026-01-01T00:00:00Z",
    "was": {"input_per_million_usd": "1.00"},
    "is": {"input_per_million_usd": "1.50"},
}


def test_a_price_is_shown_with_lanes_tiers_and_where_it_is_from(run: Run, gateway: AdminServer) -> None:
    found = {"model": "gpt-x", "provider": "openai", "at": "...", "data": [FOUND]}
    gateway.answers["GET /api/v1/admin/prices/find?model=gpt-x&provider=openai"] = (200, found)
    said = run("prices", "show", "gpt-x", "--provider", "openai", AI_GATEWAY_URL=gateway.url).stdout
    for words in ("genai-prices 9", "$1.00 per million", "above 200000 input tokens", "batch", "$0.005 each", "22:00"):
        assert words in said
    as_json = run("prices", "show", "gpt-x", "--provider", "openai", "--json", AI_GATEWAY_URL=gateway.url).stdout
    assert json.loads(as_json) == found


def test_a_model_without_a_price_is_a_failure_that_says_what_to_do(run: Run, gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/prices/find?model=new"] = (200, {"data": []})
    done = run("prices", "show", "new", AI_GATEWAY_URL=gateway.url)
    assert done.exit_code == 1
    assert "POST /api/v1/admin/prices" in done.stderr


def test_an_update_shows_what_differs_and_changes_nothing(run: Run, gateway: AdminServer, tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_bytes(msgspec.json.encode(EDITION))
    gateway.answers["POST /api/v1/admin/prices/book"] = (200, {"data": [CHANGE]})
    done = run("prices", "update", "--file", str(path), AI_GATEWAY_URL=gateway.url)
    assert "input 1.00 -> 1.50" in done.stdout
    assert "--apply" in done.stderr
    (asked,) = gateway.seen
    assert asked.body == {
        "edition": "a book 2",
        "dry_run": True,
        "prices": [
            {
                "model": "gpt-x",
                "provider": "openai",
                "input_per_million_usd": "1.500000",
                "output_per_million_usd": "2.000001",
                "per_request_usd": "0.000000000001",
                "effective_from": 0,
                "tiers": [
                    {
                        "above_input_tokens": 9,
                        "input_per_million_usd": "0.000001",
                        "output_per_million_usd": "0.000002",
                    }
                ],
                "service_tiers": {"batch": {"input_per_million_usd": "0.000003", "output_per_million_usd": "0.000004"}},
                "hours": {"from": "01:30", "until": "00:00"},
                "match": {"starts_with": "gpt-x"},
            }
        ],
    }


def test_the_shipped_edition_is_sent_in_parts_and_applied_when_told_to(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/prices/book"] = (200, {"data": []})
    done = run("prices", "update", "--apply", AI_GATEWAY_URL=gateway.url)
    assert "up to date with genai-prices" in done.stdout
    assert len(gateway.seen) > 5
    assert all(len(asked.body["prices"]) <= 250 and asked.body["dry_run"] is False for asked in gateway.seen)


def test_a_file_that_cannot_be_read_is_refused(run: Run, gateway: AdminServer, tmp_path: Path) -> None:
    done = run("prices", "update", "--file", str(tmp_path / "none.json"), AI_GATEWAY_URL=gateway.url)
    assert done.exit_code == 3
    assert "is no price book" in done.stderr
