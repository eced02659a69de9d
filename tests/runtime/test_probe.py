import pytest

from ai_gateway.domain.config import Endpoint, ProviderType
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.probe import Checked, Probe
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, TooSlow
from support.builders import PROVIDER_KEY, a_claude_endpoint, an_endpoint
from support.clock import FakeClock
from support.upstream import Pause, Script, ScriptedUpstream


async def check(script: Script, endpoint: Endpoint | None = None) -> tuple[Checked, ScriptedUpstream]:
    clock = FakeClock()
    upstream = ScriptedUpstream(clock)
    upstream.will_play(script)
    endpoint = endpoint or an_endpoint()
    return await Probe(upstream, clock).check(endpoint, KINDS[endpoint.provider]), upstream


async def test_an_endpoint_that_answers_is_well() -> None:
    checked, upstream = await check(Script(200, {}, (Pause(0.25), b"{}")))

    assert checked == Checked(status=200, latency_ms=250.0, fault=None)
    (sent,) = upstream.sent
    assert (sent.method, sent.path, sent.body) == ("GET", "/models", b"")
    assert dict(sent.headers)["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert upstream.answers[0].closed


async def test_anthropic_is_asked_in_its_own_way() -> None:
    _, upstream = await check(Script(200), a_claude_endpoint())
    assert upstream.sent[0].path == "/v1/models"
    assert dict(upstream.sent[0].headers)["x-api-key"] == PROVIDER_KEY


@pytest.mark.parametrize(
    ("script", "status", "category", "code"),
    [
        (Script(401, {}, (b"{}",)), 401, "provider_authentication", None),
        (Script(500, {}, (b"oops",)), 500, "provider_error", None),
        (Script(before=(CannotConnect("no"),)), None, "provider_error", "provider_unreachable"),
        (Script(before=(Broken("no"),)), None, "provider_error", "provider_unreachable"),
        (Script(before=(EgressRefused("10.0.0.1"),)), None, "provider_error", "egress_denied"),
        (Script(before=(TooSlow("first byte"),)), None, "timeout", None),
        (Script(200, {}, (b"x" * (5 << 20),)), None, "provider_error", "provider_unreachable"),
    ],
)
async def test_what_is_wrong_is_said_as_a_fault(
    script: Script, status: int | None, category: str, code: str | None
) -> None:
    checked, upstream = await check(script)
    assert checked.fault is not None
    assert (checked.status, checked.fault.category.value) == (status, category)
    assert code in (None, checked.fault.code)
    assert "10.0.0.1" not in checked.fault.message
    assert all(it.closed for it in upstream.answers)


async def test_a_key_that_cannot_be_used_asks_nobody() -> None:
    checked, upstream = await check(Script(), an_endpoint(api_key=None, credential_problem="gone"))
    assert checked.fault is not None
    assert checked.fault.code == "provider_key_unavailable"
    assert upstream.sent == []


def test_every_provider_type_but_bedrock_has_a_check_that_costs_nothing() -> None:
    assert [it.type for it in KINDS.values() if it.free_check is None] == [ProviderType.BEDROCK]
    assert set(KINDS) == set(ProviderType)
