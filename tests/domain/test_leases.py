import itertools
import random

import pytest

from ai_gateway.domain.leases import LEVELS, Lease, LeaseState, Pot

POT = Pot("t", "key", "k", "T:total", "usd")


def test_locks_are_taken_from_the_key_to_the_tenant() -> None:
    pots = [Pot("t", scope, scope_id, "T:total", "usd") for scope, scope_id in itertools.product(LEVELS, ("a", "b"))]
    assert sorted(random.Random(1).sample(pots, len(pots)), key=lambda pot: pot.place) == pots
    assert LEVELS == ("key", "team", "department", "user", "tenant")


@pytest.mark.parametrize(
    ("state", "granted", "used", "charged"),
    [
        (LeaseState.LIVE, 10, 4, 6),
        (LeaseState.LIVE, 10, 12, 0),
        (LeaseState.SUSPENSE, 10, 4, 6),
        (LeaseState.RESOLVED, 10, 4, 6),
        (LeaseState.RETURNED, 10, 4, 0),
    ],
)
def test_what_a_lease_charges(state: LeaseState, granted: int, used: int, charged: int) -> None:
    assert Lease("lse", "prc", POT, granted, used, state, 1.0, 2.0).charged == charged
