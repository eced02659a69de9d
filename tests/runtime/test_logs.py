import json
import logging
from typing import Any

import pytest

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import GatewayFault, NotFound, ProviderFailed
from ai_gateway.policy.error_handler import classify
from ai_gateway.runtime.logs import Log, ServerLog
from ai_gateway.runtime.telemetry import Ended
from support.builders import PROVIDER_KEY, TOKEN, a_receipt
from support.line import BEARER, a_line
from support.upstream import JSON

CANARY = "canary in the prompt"


def an_end(**changes: Any) -> Ended:
    fields = {"request_id": "req_1", "operation": "chat", "status": 200, "started_wall": 0.0, "seconds": 0.0123}
    return Ended(**fields | {"fault": None, "receipts": (a_receipt(),), "tenant_id": "t1"} | changes)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(it) for it in captured.err.splitlines()]


def test_a_success_is_no_line_at_info_and_one_at_debug(capsys: pytest.CaptureFixture[str]) -> None:
    Log("info").note(an_end())
    assert lines(capsys) == []
    assert [Log(level).tells_all for level in ("debug", "info", "error")] == [True, False, False]
    Log("debug").note(an_end())
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["status"], line["ms"]) == ("request", "debug", 200, 12.3)


def test_a_failure_is_one_line_that_says_what_and_whose(capsys: pytest.CaptureFixture[str]) -> None:
    Log("info").note(an_end(status=404, fault=NotFound(code="model_not_found"), receipts=()))
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["request_id"]) == ("request_failed", "info", "req_1")
    assert (line["category"], line["origin"], line["code"]) == ("not_found", "client", "model_not_found")
    assert line["attempts"] == 0


def test_a_fault_of_our_own_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    Log("info").note(an_end(status=503, fault=GatewayFault(detail="disk full"), receipts=()))
    (line,) = lines(capsys)
    assert (line["level"], line["detail"]) == ("error", "disk full")


def test_a_level_hides_what_is_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("warning")
    log.debug("one")
    log.info("two")
    log.warning("three", port=1, nothing=None)
    log.error("four")
    assert [(it["event"], it["level"]) for it in lines(capsys)] == [("three", "warning"), ("four", "error")]


def test_nothing_that_is_not_known_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    Log("info").warning("three", nothing=None)
    assert "nothing" not in lines(capsys)[0]


def test_what_a_provider_said_stays_out(capsys: pytest.CaptureFixture[str]) -> None:
    said = ProviderError(400, f"Invalid value: '{CANARY}'", "invalid_request_error", "bad_value")
    Log("debug").note(an_end(fault=classify(ProviderType.OPENAI, said)))
    (line,) = lines(capsys)
    assert CANARY not in str(line)
    assert (line["provider_status"], line["provider_code"]) == (400, "bad_value")


def test_what_the_wire_did_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Log("info").note(an_end(fault=ProviderFailed(detail="Broken: reset")))
    assert lines(capsys)[0]["detail"] == "Broken: reset"


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
async def test_no_prompt_and_no_key_reaches_the_log(capsys: pytest.CaptureFixture[str], status: int) -> None:
    from ai_gateway.runtime.telemetry import Telemetry

    log = Log("debug")
    line = await a_line(telemetry=Telemetry((log.note,)))
    error = {"error": {"message": f"{CANARY} {PROVIDER_KEY}", "type": "t", "code": "c"}}
    line.upstream.will_answer(json.dumps(error).encode(), status=status, headers=JSON)
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": CANARY}], "user": CANARY}

    await line.post("/v1/chat/completions", json.dumps(body).encode(), BEARER)

    written = capsys.readouterr().err
    assert len(written.splitlines()) == 1
    assert not [it for it in (CANARY, PROVIDER_KEY, TOKEN) if it in written]


def test_libraries_speak_in_our_lines_but_for_what_was_raised_on_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    class OnPurpose(Exception):
        on_purpose = True

    logger = logging.Logger("uvicorn.error")
    logger.addHandler(ServerLog(Log("info")))
    logger.info("below")
    logger.warning("seen %s", "this")
    for error in (OnPurpose(), ValueError("told")):
        logger.error("raised", exc_info=error)

    assert [(it["source"], it["message"], it.get("where")) for it in lines(capsys)] == [
        ("uvicorn.error", "seen this", None),
        ("uvicorn.error", "raised", "ValueError"),
    ]


def test_what_others_have_written_is_freed_of_addresses_and_keys_and_our_own_words_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = Log("info")
    log.warning(
        "store_away", error="connection to 10.0.0.5:5432 failed for token=0123456789abcdef", key_id="key_0123456789"
    )

    (line,) = lines(capsys)

    assert line["error"] == "connection to [redacted] failed for token=[redacted]"
    assert line["key_id"] == "key_0123456789"
