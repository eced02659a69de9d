import asyncio
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.config import Endpoint, Price
from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Outcome
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.paid_probe import INPUT_TOKENS, KEY_ID, MOST_OUTPUT, PaidDoors, PaidProbe, Prices
from ai_gateway.runtime.probe import Checked
from ai_gateway.runtime.upstream import CannotConnect, Outgoing, TooSlow
from support.builders import CLAUDE, MODEL, PROVIDER_KEY, a_book, a_claude_endpoint, a_price, an_endpoint
from support.clock import NOON, FakeClock
from support.journal import MemoryFolder, a_journal
from support.upstream import JSON, Gate, Pause, Script, ScriptedUpstream

ANSWER = b'{"choices":[{"message":{"content":"OK"}}],"usage":{"prompt_tokens":10,"completion_tokens":2}}'
MESSAGE = b'{"type":"message","content":[],"usage":{"input_tokens":10,"output_tokens":2}}'
COST = 10 * 150 + 2 * 600
"""Nano-dollars: 10 tokens at $0.15 and 2 at $0.60 a million."""


class World:
    def __init__(self, *prices: Price) -> None:
        self.clock = FakeClock()
        self.upstream = ScriptedUpstream(self.clock)
        self.journal: Journal = a_journal(MemoryFolder())
        self.meters = Meters()
        book = a_book(*(prices or (a_price(), a_price(CLAUDE))))
        self.probe = PaidProbe(
            PaidDoors(
                upstream=self.upstream,
                clock=self.clock,
                journal=self.journal,
                meters=self.meters,
                kinds=KINDS,
                prices=lambda tenant_id: Prices(own=book, book=a_book(), revision=9),
            )
        )

    async def check(self, script: Script, endpoint: Endpoint | None = None, model: str = MODEL) -> Checked:
        self.upstream.will_play(script)
        return await self.probe.check(endpoint or an_endpoint(), model)

    def spent(self) -> int:
        return self.meters.spent(("tenant", "t1"), Window.TOTAL, NOON)[0]


async def test_a_model_that_answers_is_well_and_what_it_cost_is_in_the_ledger_and_in_the_tenants_spending() -> None:
    world = World()
    checked = await world.check(Script(200, JSON, (Pause(0.25), ANSWER)))
    assert checked == Checked(status=200, latency_ms=250.0, fault=None, paid=True)
    (receipt,) = world.journal.peek(9)
    assert (receipt.tenant_id, receipt.key_id, receipt.endpoint, receipt.model) == ("t1", KEY_ID, "up-1", MODEL)
    assert (receipt.kind, receipt.outcome, receipt.cost_nano_usd, receipt.estimated) == (
        "charge",
        Outcome.OK,
        COST,
        False,
    )
    assert (receipt.revision, receipt.priced, receipt.total_ms) == (9, True, 250.0)
    assert world.spent() == COST
    assert (world.meters.open_holds, world.journal.open_attempts) == (0, 0)


async def test_it_asks_for_very_little_with_the_endpoints_key() -> None:
    world = World()
    await world.check(Script(200, JSON, (ANSWER,)))
    (sent,) = world.upstream.sent
    body = sent_body(sent)
    assert (sent.method, sent.path) == ("POST", "/chat/completions")
    assert dict(sent.headers)["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert (body["model"], body["max_completion_tokens"]) == (MODEL, MOST_OUTPUT)
    assert world.upstream.answers[0].closed


async def test_anthropic_is_asked_in_its_own_way() -> None:
    world = World()
    checked = await world.check(Script(200, JSON, (MESSAGE,)), a_claude_endpoint(), CLAUDE)
    assert checked.fault is None
    assert world.upstream.sent[0].path == "/v1/messages"
    assert sent_body(world.upstream.sent[0])["max_tokens"] == MOST_OUTPUT


def sent_body(request: Outgoing) -> dict[str, Any]:
    body = request.body if isinstance(request.body, bytes) else b"".join(request.body)
    return msgspec.json.decode(body)


@pytest.mark.parametrize(
    ("script", "category", "outcome"),
    [
        (Script(500, {}, (b"oops",)), "provider_error", Outcome.PROVIDER_ERROR),
        (Script(401, JSON, (b"{}",)), "provider_authentication", Outcome.PROVIDER_ERROR),
        (Script(200, JSON, (b'{"error":{"message":"no"}}',)), "provider_error", Outcome.PROVIDER_ERROR),
        (Script(before=(CannotConnect("no"),)), "provider_error", Outcome.PROVIDER_ERROR),
        (Script(before=(TooSlow("first byte"),)), "timeout", Outcome.TIMEOUT),
    ],
)
async def test_what_failed_is_said_and_costs_nothing_and_has_its_row(
    script: Script, category: str, outcome: Outcome
) -> None:
    world = World()
    checked = await world.check(script)
    assert checked.fault is not None
    assert checked.fault.category.value == category
    (receipt,) = world.journal.peek(9)
    assert (receipt.outcome, receipt.cost_nano_usd) == (outcome, 0)
    assert (world.spent(), world.meters.open_holds) == (0, 0)


async def test_a_provider_that_does_not_count_is_billed_for_what_was_asked_at_most() -> None:
    world = World()
    await world.check(Script(200, JSON, (b'{"choices":[{"message":{}}]}',)))
    assert world.spent() == INPUT_TOKENS * 150 + MOST_OUTPUT * 600


async def test_an_unpriced_model_costs_nothing_that_is_known() -> None:
    world = World(a_price("other"))
    await world.check(Script(200, JSON, (ANSWER,)))
    (receipt,) = world.journal.peek(9)
    assert (receipt.priced, receipt.cost_nano_usd, receipt.price_version) == (False, 0, None)


async def test_it_is_in_the_journal_before_it_is_sent_and_settled_when_it_is_cancelled() -> None:
    world, gate = World(), Gate()
    asking = asyncio.ensure_future(world.check(Script(before=(gate,))))
    await gate.reached()
    assert (world.journal.open_attempts, world.meters.open_holds) == (1, 1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    (receipt,) = world.journal.peek(9)
    assert receipt.outcome is Outcome.CUT
    assert (world.journal.open_attempts, world.meters.open_holds) == (0, 0)


async def test_a_key_that_cannot_be_used_asks_nobody() -> None:
    world = World()
    checked = await world.check(Script(), an_endpoint(api_key=None, credential_problem="gone"))
    assert checked.fault is not None
    assert checked.fault.code == "provider_key_unavailable"
    assert world.upstream.sent == []


async def test_what_cannot_be_booked_is_not_asked() -> None:
    folder = MemoryFolder()
    world = World()
    world.journal = a_journal(folder)
    folder.failing_writes = 28
    world.probe = PaidProbe(
        PaidDoors(
            world.upstream, world.clock, world.journal, world.meters, KINDS, lambda _: Prices(a_book(), a_book(), 1)
        )
    )
    checked = await world.check(Script(200, JSON, (ANSWER,)))
    assert isinstance(checked.fault, GatewayFault)
    assert not checked.paid
    assert (world.upstream.sent, world.meters.open_holds) == ([], 0)
