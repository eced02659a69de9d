import pytest

from admin.world import OWN, World
from ai_gateway.admin.access import Principal, Role
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.standing import describe_breaker, endpoints_called, endpoints_of, tenant_of, verdict_of
from ai_gateway.domain.faults import NotFound, ProviderFailed, ProviderKeyRefused, RateLimited
from ai_gateway.policy.health import Override, Source


@pytest.fixture
async def desk(world: World) -> Desk:
    await world.made("/providers", {"name": "up-1", "provider": "mock", "models": ["m"]})
    return Desk(doors=world.doors, principal=Principal(Role.TENANT_ADMIN, "ann", OWN), tenant_id=OWN)


def fail(world: World, fault: Exception, times: int = 1) -> None:
    gate = world.oncall.breakers.of(world.endpoint("up-1"))
    for _ in range(times):
        gate.fail(gate.send(world.now), fault, world.now)  # pyright: ignore[reportArgumentType]


def test_an_endpoint_that_nothing_is_known_of_is_healthy(world: World, desk: Desk) -> None:
    verdict = verdict_of(desk, world.endpoint("up-1"))
    assert (verdict.healthy, verdict.source) == (True, Source.TRAFFIC)


def test_a_breaker_that_was_open_before_the_restart_is_seen_though_no_request_came_yet(
    world: World, desk: Desk
) -> None:
    fail(world, ProviderFailed(), times=5)
    saved = world.oncall.breakers.dirty()
    world.oncall.breakers.keep_only(set())
    world.oncall.breakers.restore(saved)
    verdict = verdict_of(desk, world.endpoint("up-1"))
    assert (verdict.healthy, verdict.source, verdict.since) == (False, Source.TRAFFIC, world.now)


def test_a_credential_that_is_refused_makes_unhealthy_and_says_so_on_a_closed_breaker(world: World, desk: Desk) -> None:
    fail(world, ProviderKeyRefused())
    verdict = verdict_of(desk, world.endpoint("up-1"))
    assert (verdict.healthy, verdict.source) == (False, Source.TRAFFIC)
    described = describe_breaker(desk, world.endpoint("up-1"))
    assert described["state"] == "CLOSED"
    assert "refuses its key" in described["reason"]


def test_a_rate_limit_is_no_illness_but_is_said(world: World, desk: Desk) -> None:
    from ai_gateway.domain.faults import Origin

    fail(world, RateLimited(origin=Origin.PROVIDER, retry_after_seconds=20))
    assert verdict_of(desk, world.endpoint("up-1")).healthy
    assert describe_breaker(desk, world.endpoint("up-1"))["reason"] == (
        "The provider limits its rate until 2027-01-15T08:00:20Z."
    )


def test_an_operators_word_beats_an_open_breaker(world: World, desk: Desk) -> None:
    fail(world, ProviderFailed(), times=5)
    world.oncall.healths.override(world.endpoint("up-1").id, Override(healthy=True), world.now)
    assert verdict_of(desk, world.endpoint("up-1")).source is Source.MANUAL


def test_a_name_an_id_and_a_type_lead_to_the_endpoint(world: World, desk: Desk) -> None:
    endpoint = world.endpoint("up-1")
    assert [endpoints_called(desk, word) for word in ("up-1", endpoint.id, "mock")] == [[endpoint]] * 3
    with pytest.raises(NotFound):
        endpoints_called(desk, "up")


def test_a_tenant_that_the_snapshot_does_not_know_has_nothing(world: World, desk: Desk) -> None:
    world.snapshot = type(world.snapshot)(revision=0)
    assert (tenant_of(desk), endpoints_of(desk)) == (None, [])
