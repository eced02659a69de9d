"""What is booked for an attempt of which the caller has nothing.

A provider that refused, or was never reached, has not generated anything, and says so by its status. Of one that took
the request and then broke off, was silent too long or answered with garbage nobody knows: it may bill what it did and
may not. Whoever pays decides (`FailedAttempts`): only what a provider reported is booked, or what it took in is, as
estimated, so that the books are rather above its invoice than below. What a caller was given before his stream broke is
no matter of this: he has it, and it is booked.
"""

from ai_gateway.domain.config import FailedAttempts
from ai_gateway.runtime.upstream import Answer, Broken, TooSlow, UpstreamError


def owes_estimate(policy: FailedAttempts, answer: Answer | None, error: UpstreamError | None = None) -> bool:
    """`answer` is what had begun to come, `error` what the wire did."""
    if policy is FailedAttempts.REPORTED:
        return False
    if answer is not None:
        return 200 <= answer.status < 300
    return isinstance(error, Broken) or (isinstance(error, TooSlow) and error.stage != "connect")
