from ai_gateway.domain.config import EndpointId, TenantId
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.runtime.breakers import CircuitMoved
from ai_gateway.runtime.transitions import Transitions


def a_move(at: float, tenant_id: str = "t1") -> CircuitMoved:
    return CircuitMoved(
        tenant_id=TenantId(tenant_id),
        endpoint_id=EndpointId("pc_1"),
        before=State.CLOSED,
        after=State.OPEN,
        forced=False,
        reason="5 failures in a row",
        at=at,
    )


def test_a_tenant_sees_its_own_newest_first_and_no_more_than_it_asked_for() -> None:
    transitions = Transitions()
    for at in range(5):
        transitions.note(a_move(at))
        transitions.note(a_move(at, "t2"))
    assert [move.at for move in transitions.of("t1", most=3)] == [4, 3, 2]
    assert {move.tenant_id for move in transitions.of("t2", most=9)} == {"t2"}
    assert transitions.of("t3", most=9) == []


def test_only_the_last_are_remembered() -> None:
    transitions = Transitions(most=2)
    for at in range(5):
        transitions.note(a_move(at))
    assert [move.at for move in transitions.of("t1", most=9)] == [4, 3]
