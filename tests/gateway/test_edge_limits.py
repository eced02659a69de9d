from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.gateway.edge_limits import EdgeDoors, EdgeLimits
from support.clock import FakeClock


def test_the_limits_are_those_that_are_documented() -> None:
    limits = EdgeLimits()
    assert (limits.head_bytes, limits.head_seconds) == (32 * 1024, 10.0)
    assert (limits.body_bytes, limits.body_seconds, limits.body_bytes_per_second) == (32 * 1024**2, 10.0, 1000)


def test_nobody_has_to_listen_for_refusals() -> None:
    EdgeDoors(clock=FakeClock()).refused(InvalidRequest(), "req_1")
