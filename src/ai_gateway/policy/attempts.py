"""How often a request is tried, and where next: one generator owns the whole budget of attempts of a request.

It yields the place to try and is sent how that ended, so that retries, fallbacks and their limits can be read in one
function and tested as a dialogue. The budget is one attempt: a failure is final.
"""

from collections.abc import Callable, Generator

from ai_gateway.domain.faults import Fault


def attempts(pick: Callable[[], int]) -> Generator[int, Fault | None, Fault | None]:
    """Yields an index into the candidates; is sent the attempt's fault, or None for success. Returns the fault that
    the caller gets, None where the request succeeded."""
    fault = yield pick()
    return fault
