"""The condition of every endpoint in this process, and the two short sets that the line looks into.

A request must not pay for anybody's health check, so every verdict is drawn when something was learnt, and the line
asks one set: `out` is empty on a good day. Whom an operator took out is apart from whom the checks took out, because
panic may try the latter and never the former. A breaker that is open is in neither: it lets its own probes through,
and a set that hid its endpoint would keep it from ever finding it well again.
"""

from collections.abc import Iterable
from typing import final

from ai_gateway.policy.health import Condition, Finding, Override, Source, Thresholds, Verdict


@final
class Healths:
    """Instants are Unix seconds. `out`: not to be picked; `withdrawn`, a part of it: not even in panic."""

    def __init__(self, thresholds: Thresholds = Thresholds()) -> None:
        self._thresholds = thresholds
        self._conditions: dict[str, Condition] = {}
        self._timed: set[str] = set()  # overridden until some instant
        self.out: set[str] = set()
        self.withdrawn: set[str] = set()

    def verdict(self, endpoint_id: str, at: float) -> Verdict:
        condition = self._conditions.get(endpoint_id)
        return Verdict(healthy=True, source=Source.TRAFFIC) if condition is None else condition.verdict(at)

    def checked(self, endpoint_id: str, finding: Finding, at: float, reason: str | None = None) -> Verdict:
        self._of(endpoint_id).checked(finding, at, reason)
        return self._draw(endpoint_id, at)

    def served(self, endpoint_id: str, at: float) -> Verdict:
        self._of(endpoint_id).served(at)
        return self._draw(endpoint_id, at)

    def opened(self, endpoint_id: str, at: float, reason: str | None = None) -> Verdict:
        self._of(endpoint_id).opened(at, reason)
        return self._draw(endpoint_id, at)

    def closed(self, endpoint_id: str, at: float) -> Verdict:
        self._of(endpoint_id).closed(at)
        return self._draw(endpoint_id, at)

    def override(self, endpoint_id: str, word: Override | None, at: float) -> Verdict:
        """An operator's word, or None to take it back."""
        self._of(endpoint_id).override(word, at)
        (self._timed.add if word is not None and word.until is not None else self._timed.discard)(endpoint_id)
        return self._draw(endpoint_id, at)

    def lapse(self, at: float) -> list[str]:
        """Draw the verdicts anew whose override may have ended; the ids of those that have."""
        ended = [it for it in self._timed if self._draw(it, at).source is not Source.MANUAL]
        self._timed.difference_update(ended)
        return ended

    def keep_only(self, endpoint_ids: Iterable[str]) -> None:
        """Forget endpoints that are no longer configured."""
        for gone in self._conditions.keys() - set(endpoint_ids):
            del self._conditions[gone]
            for names in (self._timed, self.out, self.withdrawn):
                names.discard(gone)

    def _of(self, endpoint_id: str) -> Condition:
        condition = self._conditions.get(endpoint_id)
        if condition is None:
            condition = self._conditions[endpoint_id] = Condition(self._thresholds)
        return condition

    def _draw(self, endpoint_id: str, at: float) -> Verdict:
        verdict = self.verdict(endpoint_id, at)
        is_withdrawn = not verdict.healthy and verdict.source is Source.MANUAL
        is_out = is_withdrawn or (not verdict.healthy and verdict.source is Source.CHECK)
        (self.out.add if is_out else self.out.discard)(endpoint_id)
        (self.withdrawn.add if is_withdrawn else self.withdrawn.discard)(endpoint_id)
        return verdict
