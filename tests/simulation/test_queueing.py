from random import Random

import pytest

from simulation.queueing import SCENES, Fair, Plain, Scene, jain, max_min, simulate


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_nine_quiet_tenants_do_not_suffer_from_one_at_twenty_times(scene: Scene, seed: int) -> None:
    result = simulate(scene, Fair(scene.max_waiting), Random(seed))
    assert result.jain >= 0.95
    assert min(result.shares[1:]) >= 0.9
    assert result.shares[0] <= 1.05
    assert result.expired_served == 0


def test_in_a_plain_line_they_do() -> None:
    """What the bar above is worth: the same requests, first come, first served."""
    for scene in SCENES[:2]:
        plain = simulate(scene, Plain(scene.max_waiting), Random(1))
        assert min(plain.shares[1:]) < 0.7
        assert plain.shares[0] > 1.2


def test_a_quiet_tenant_that_asks_for_little_hardly_waits() -> None:
    scene = SCENES[0]
    fair = simulate(scene, Fair(scene.max_waiting), Random(1))
    plain = simulate(scene, Plain(scene.max_waiting), Random(1))
    assert fair.quiet_p99_seconds <= 1.0
    assert plain.quiet_p99_seconds >= 3.0  # a line of 100 at 20 a second is 5 s long


def test_max_min_fills_the_small_first() -> None:
    assert max_min([1, 10, 4], 9) == [1, 4, 4]
    assert max_min([1, 2], 9) == [1, 2]


def test_jains_index_is_one_for_equals_and_a_tenth_for_one_of_ten() -> None:
    assert jain([3.0] * 10) == pytest.approx(1.0)
    assert jain([1.0] + [0.0] * 9) == pytest.approx(0.1)
