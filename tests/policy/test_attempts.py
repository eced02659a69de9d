import pytest

from ai_gateway.domain.faults import Fault, ProviderFailed
from ai_gateway.policy.attempts import attempts


@pytest.mark.parametrize("fault", [None, ProviderFailed()])
def test_one_attempt_is_all_there_is_and_its_end_is_the_requests_end(fault: Fault | None) -> None:
    picks: list[int] = []

    def pick() -> int:
        picks.append(3)
        return 3

    tries = attempts(pick)

    assert next(tries) == 3
    with pytest.raises(StopIteration) as end:
        tries.send(fault)
    assert end.value.value is fault
    assert picks == [3]
