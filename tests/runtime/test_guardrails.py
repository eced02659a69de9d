import json
from typing import Any

import pytest

from ai_gateway.domain.config import Reach
from ai_gateway.domain.rules import Hook, OnError, RuleError
from ai_gateway.domain.secret import Secret
from ai_gateway.runtime.guardrails import LONGEST_REASON, Finding, Guardrails, Inquiry, Phase, Verdict
from ai_gateway.runtime.upstream import CannotConnect
from support.clock import FakeClock
from support.upstream import Pause, Script, ScriptedUpstream

HOOK = Hook("https://guard.example/check", 0.5, OnError.FAIL, 1000, Secret("sk-guard"))
ASKED = Inquiry(Phase.REQUEST, "req_1", "t1", "support", ("Hello", "4111 1111"))


def says(**members: Any) -> Script:
    return Script(body=[json.dumps(members).encode()])


async def ask(*scripts: Script, hook: Hook = HOOK) -> tuple[Finding, ScriptedUpstream]:
    clock = FakeClock()
    upstream = ScriptedUpstream(clock)
    upstream.will_play(*scripts)
    return await Guardrails(upstream, clock).ask(hook, ASKED), upstream


async def test_it_is_shown_the_texts_and_where_they_are_from_and_nothing_else() -> None:
    found, upstream = await ask(says(verdict="pass"))
    assert found == Finding(Verdict.PASS)
    (sent,) = upstream.sent
    assert json.loads(bytes(sent.body)) == {
        "phase": "request",
        "request_id": "req_1",
        "tenant_id": "t1",
        "route": "support",
        "texts": ["Hello", "4111 1111"],
        "context": "",
        "window": 0,
        "final": True,
        "version": 1,
    }
    assert (sent.method, sent.url.text, sent.path) == ("POST", "https://guard.example/check", "")
    assert sent.reach is Reach.CHECKED
    assert ("authorization", "Bearer sk-guard") in sent.headers
    assert all(answer.closed for answer in upstream.answers)


async def test_without_a_key_none_is_sent() -> None:
    _, upstream = await ask(says(verdict="pass"), hook=Hook("https://guard.example", 0.5, OnError.SKIP, 1000))
    assert "authorization" not in dict(upstream.sent[0].headers)


async def test_what_it_says_is_believed() -> None:
    found, _ = await ask(says(verdict="redact", texts=["Hello", "[card]"], reason="a card\nnumber", more=1))
    assert found == Finding(Verdict.REDACT, ("Hello", "[card]"), "a card number")
    blocked, _ = await ask(says(verdict="block", reason="x" * 999))
    assert blocked == Finding(Verdict.BLOCK, (), "x" * LONGEST_REASON)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (Script(before=[CannotConnect("10.0.0.7 refused")]), r"^the guardrail did not answer \(CannotConnect\)$"),
        (Script(body=[b'{"verdict":', Pause(9.0)]), r"^the guardrail did not answer \(TooSlow\)$"),
        (Script(status=500, body=[b"oops"]), "status 500"),
        (Script(status=302, body=[b""]), "status 302"),
        (Script(body=[b"<html>"]), "none that the gateway knows"),
        (Script(body=[b'{"verdict":"perhaps"}']), "none that the gateway knows"),
        (Script(body=[b"[" * 100_000]), "none that the gateway knows"),
        (says(verdict="redact", texts=["one"]), "another number of texts"),
    ],
)
async def test_whatever_it_does_wrong_is_the_rules_to_decide_about(script: Script, why: str) -> None:
    with pytest.raises(RuleError, match=why):
        await ask(script)
