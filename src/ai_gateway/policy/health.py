"""Whether an endpoint is healthy, from three witnesses who do not weigh the same.

An operator's word beats everything while it holds. Real requests come next: a breaker that opened makes an endpoint
unhealthy at once and only its closing makes it healthy again, so a free check, which may be served by another part of
the provider, never closes a breaker. And a request that was served since the last check proves more than a check that
failed: servers without a list of models answer it with an error for ever and work all the same. The free check has
the last word only where traffic is silent, and it needs several in a row either way, because one lost packet is no
outage and one lucky answer no recovery.

Thresholds both ways, as load balancers do it: https://www.haproxy.com/documentation/haproxy-configuration-manual/
(`fall` 3, `rise` 2). Instants are Unix seconds: they are shown to people and outlive the process.
"""

from enum import StrEnum
from typing import final

import msgspec

from ai_gateway.domain.faults import Category, Fault


class Source(StrEnum):
    MANUAL = "manual"
    CHECK = "check"
    TRAFFIC = "traffic"


class Finding(StrEnum):
    """What one check says of health. UNCLEAR: somebody answered, but not about that."""

    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"


class Thresholds(msgspec.Struct, frozen=True):
    """Checks in a row until the verdict changes."""

    bad_checks: int = 3
    good_checks: int = 2


class Override(msgspec.Struct, frozen=True):
    """An operator's word; `until` None holds until it is taken back."""

    healthy: bool
    reason: str | None = None
    until: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """`since` is None for an endpoint that has been healthy from the start. `reason` is for people."""

    healthy: bool
    source: Source
    reason: str | None = None
    since: float | None = None


_UNHEALTHY = frozenset(
    {
        Category.PROVIDER_ERROR,
        Category.TIMEOUT,
        Category.OVERLOADED,
        Category.PROVIDER_AUTHENTICATION,
    }
)


def finding_of(fault: Fault | None) -> Finding:
    """A refused key is as bad as no answer: no request will be served. A 404, a rate limit or an empty account say
    that somebody is there, and that is all they say."""
    if fault is None:
        return Finding.GOOD
    return Finding.BAD if fault.category in _UNHEALTHY else Finding.UNCLEAR


@final
class Condition:
    """One endpoint's health. It knows no clock: every word comes with its instant. What each witness says is kept as
    the verdict that it would be, so that whoever ranks highest among those who speak is the answer."""

    __slots__ = ("_bad", "_good", "_open", "_override", "_sick", "_thresholds", "_well")

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._bad = 0
        self._good = 0
        self._override: tuple[Override, Verdict] | None = None
        self._open: Verdict | None = None
        self._sick: Verdict | None = None
        self._well = Verdict(healthy=True, source=Source.TRAFFIC)

    def checked(self, finding: Finding, at: float, reason: str | None = None) -> None:
        """A check was made. `reason`: what was wrong, for people."""
        if finding is Finding.GOOD:
            self._bad = 0
            self._good += 1
            if self._sick is None:
                self._well = Verdict(healthy=True, source=Source.CHECK, since=self._well.since)
            elif self._good >= self._thresholds.good_checks:
                self._recover(Source.CHECK, at)
        elif finding is Finding.BAD:
            self._good = 0
            self._bad += 1
            if self._sick is None and self._bad >= self._thresholds.bad_checks:
                self._sick = Verdict(healthy=False, source=Source.CHECK, reason=reason, since=at)

    def served(self, at: float) -> None:
        """A real request has succeeded since the last check."""
        self._bad = 0
        if self._sick is None:
            self._well = Verdict(healthy=True, source=Source.TRAFFIC, since=self._well.since)
        else:
            self._recover(Source.TRAFFIC, at)

    def opened(self, at: float, reason: str | None = None) -> None:
        """Traffic opened the endpoint's breaker; opening it again, after a probe that failed, is the same illness."""
        since = at if self._open is None else self._open.since
        self._open = Verdict(healthy=False, source=Source.TRAFFIC, reason=reason, since=since)

    def closed(self, at: float) -> None:
        """Traffic closed it, which is better news than any check can bring."""
        if self._open is None:
            return
        self._open = None
        self._bad = 0
        self._recover(Source.TRAFFIC, at)

    def override(self, word: Override | None, at: float) -> None:
        """None takes it back, and what checks and traffic said meanwhile holds again."""
        self._override = None if word is None else (word, Verdict(word.healthy, Source.MANUAL, word.reason, at))

    def verdict(self, at: float) -> Verdict:
        if self._override is not None:
            word, said = self._override
            if word.until is None or at < word.until:
                return said
        return self._open or self._sick or self._well

    def _recover(self, source: Source, at: float) -> None:
        self._sick = None
        self._well = Verdict(healthy=True, source=source, since=at)
