"""How long to wait before the same endpoint is asked again.

Full jitter: anything between nothing and the exponential bound, equally likely. Clients that failed together come back
spread out, with the fewest calls in total of the variants compared in
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. A wait that the provider named is a floor:
sooner is a call that was announced to fail. It is stretched by up to a tenth, or all who were told the same number
would come at the same instant.
"""

from random import Random
from typing import Final

from ai_gateway.domain.config import Retries

LONGEST_STRETCH: Final = 0.1


def pause_seconds(retries: Retries, pauses_before: int, rng: Random, retry_after_seconds: float | None = None) -> float:
    """`pauses_before`: how many waits this request has behind it."""
    bound = min(retries.cap_seconds, retries.base_seconds * 2.0 ** min(pauses_before, 60))
    jittered = bound * rng.random()
    if retry_after_seconds is None or retry_after_seconds <= 0:
        return jittered
    return max(jittered, retry_after_seconds * (1.0 + LONGEST_STRETCH * rng.random()))
