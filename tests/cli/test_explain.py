import json
from typing import Any

from ai_gateway.cli.explain import tell
from cli.conftest import Run
from support.admin_server import AdminServer

ATTEMPTS = [
    {
        "attempt_id": "att_1",
        "endpoint": "openai-1",
        "provider": "openai",
        "model": "gpt-4",
        "outcome": "timeout",
        "started_ms": 0.8,
        "total_ms": 5000.0,
        "ttft_ms": None,
    },
    {
        "attempt_id": "att_2",
        "endpoint": "backup-1",
        "provider": "mock",
        "model": "gpt-4",
        "outcome": "ok",
        "started_ms": 5100.0,
        "total_ms": 90.0,
        "ttft_ms": 40.0,
    },
]
STEPS = [
    {"at_ms": 5000.9, "what": "waited", "reason": "before the next attempt", "endpoint": None, "seconds": 0.1},
    {"at_ms": 0.5, "what": "passed_over", "reason": "Its breaker is open.", "endpoint": "openai-2", "seconds": None},
]


def a_decision(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"request_id": "req_1", "seconds": 5.191, "status": 200, "why": "fallback"}
    fields |= {"model": "gpt-4", "route": None, "chosen": {"endpoint": "backup-1", "model": "gpt-4"}}
    fields |= {"attempts": ATTEMPTS, "steps": STEPS, "fault": None}
    return fields | changes


def an_answer(decision: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"request_id": "req_1", "state": "finished", "decision": decision, "attempts": []}
    fields |= {"running": [], "cost_nano_usd": 3_600, "cost_usd": "0.0000036"}
    return fields | changes


def test_the_story_is_told_in_the_order_in_which_it_happened() -> None:
    assert tell(an_answer(a_decision())) == [
        "req_1  gpt-4: 200 after 5191 ms, kept because another endpoint had to take over",
        "       0.5 ms  passed over openai-2: Its breaker is open.",
        "       0.8 ms  tried openai-1 (gpt-4): timeout in 5000 ms",
        "    5000.9 ms  waited for 0.10 s: before the next attempt",
        "    5100.0 ms  tried backup-1 (gpt-4): ok in 90 ms, first token after 40 ms",
        "  cost   $0.0000036",
    ]


def test_a_request_that_failed_ends_with_what_its_caller_was_told() -> None:
    fault = {"category": "timeout", "code": "provider_timeout", "message": "It was too slow.", "origin": "provider"}
    lines = tell(an_answer(a_decision(status=504, why="error", steps=[], attempts=ATTEMPTS[:1], fault=fault)))
    assert lines[-2] == "  told   timeout (provider_timeout): It was too slow."


def test_of_a_request_that_went_straight_through_the_choice_is_told() -> None:
    lines = tell(an_answer(a_decision(why=None, steps=[], attempts=[], route="bot"), attempts=[a_row()]))
    assert lines[:3] == [
        "req_1  bot: 200 after 5191 ms",
        "  chose  backup-1 (gpt-4)",
        "  tried  backup-1 (gpt-4): ok in 90 ms",
    ]


def a_row() -> dict[str, Any]:
    return {"endpoint": "backup-1", "model": "gpt-4", "outcome": "ok", "total_ms": 90.4}


def test_where_only_the_ledger_is_left_its_attempts_are_told() -> None:
    lines = tell(an_answer(None, attempts=[a_row()]))
    assert lines[:2] == ["req_1  finished", "  tried  backup-1 (gpt-4): ok in 90 ms"]


def test_what_runs_is_told_with_how_far_it_has_come() -> None:
    runs = {"endpoint": "openai-1", "sent_as": "gpt-4", "running_seconds": 2.04, "output_tokens": 12}
    lines = tell(an_answer(None, state="running", running=[runs]))
    assert lines[:2] == ["req_1  running", "  runs   openai-1 (gpt-4) for 2.0 s, 12 tokens so far"]


def test_the_command_asks_the_admin_api_and_prints_for_people_or_for_scripts(run: Run, gateway: AdminServer) -> None:
    answer = an_answer(a_decision())
    gateway.answers["GET /api/v1/admin/requests/req_1"] = (200, answer)
    done = run("explain", "req_1", "--tenant", "ten_1", AI_GATEWAY_URL=gateway.url)
    assert (done.exit_code, done.stdout) == (0, "\n".join(tell(answer)) + "\n")
    assert gateway.seen[0].headers["x-tenant-id"] == "ten_1"
    as_json = run("explain", "req_1", "--json", AI_GATEWAY_URL=gateway.url)
    assert json.loads(as_json.stdout) == answer


def test_an_unknown_request_is_a_failure_and_no_gateway_is_another(run: Run, gateway: AdminServer) -> None:
    assert run("explain", "req_9", AI_GATEWAY_URL=gateway.url).exit_code == 1
    assert run("explain", "req_9", AI_GATEWAY_URL="http://127.0.0.1:1").exit_code == 4
