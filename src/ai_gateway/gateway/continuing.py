"""One request's second chances after its stream broke in the caller's sight.

The attempts loop owns where and how often; this room knows what is left to try there. It learns from what came of each
continuation: a model that refuses or ignores a prefill is asked to start again, and once an answer that was started
again has differed, no other is started, since what differed once is an answer with freedom in it and each try is paid.

What the caller is told in the end is the first fault. Those of continuations are about requests that he never made.
"""

from collections.abc import Iterable
from typing import Final, final

from ai_gateway.domain.config import Candidate, OnStreamCut
from ai_gateway.domain.faults import Category, Fault
from ai_gateway.domain.traffic import Shaped
from ai_gateway.gateway.relay import Diverged
from ai_gateway.providers.continuation import Continuation, Delivered, Way, continue_by, delivered_for

_FINAL: Final = frozenset(
    {
        Category.INVALID_REQUEST,
        Category.CONTEXT_LENGTH,
        Category.CONTENT_FILTER,
        Category.BUDGET,
        Category.GATEWAY_FAULT,
    }
)
"""What no other endpoint may do better, also a gateway that is draining."""


_NO_MODELS: Final[frozenset[str]] = frozenset()


@final
class Rescue:
    """`delivered` is handed to every Streaming of the request."""

    __slots__ = ("_may_restart", "_no_prefill", "_shaped", "delivered", "first")

    def __init__(self, shaped: Shaped, delivered: Delivered) -> None:
        self.delivered = delivered
        self.first: Fault | None = None
        self._shaped = shaped
        self._no_prefill = _NO_MODELS
        self._may_restart = True

    def broke(self, fault: Fault) -> bool:
        """A stream that the caller saw a part of ended in this. True where the answer may go on; the first fault is
        kept in `first`, for the caller if it does not."""
        if self.first is None:
            self.first = fault
        return fault.category not in _FINAL and self.delivered.so_far() is not None

    def way_on(self, candidate: Candidate) -> Continuation | None:
        """The best way that is left with this candidate."""
        so_far = self.delivered.so_far()
        if so_far is None:
            return None
        for way in self._ways(candidate.model):
            continuation = continue_by(way, so_far, self._shaped, candidate.endpoint.provider, candidate.model)
            if continuation is not None:
                return continuation
        return None

    def has_way_on(self, candidates: Iterable[Candidate]) -> bool:
        return any(self.way_on(it) is not None for it in candidates)

    def came_to_nothing(self, continuation: Continuation, model: str, why: Fault | Diverged) -> bool:
        """Why a continuation gave the caller nothing. A provider that merely failed says nothing about the way. True
        where the same endpoint is well and may be asked in the other way."""
        if isinstance(why, Fault) and why.category is not Category.INVALID_REQUEST:
            return False
        if continuation.way is Way.PREFILL:
            self._no_prefill |= {model}
            return self._may_restart
        self._may_restart = False
        return False

    def _ways(self, model: str) -> tuple[Way, ...]:
        prefill = () if model in self._no_prefill else (Way.PREFILL,)
        return (*prefill, Way.RESTART) if self._may_restart else prefill


def rescue_for(on_stream_cut: OnStreamCut, shaped: Shaped) -> Rescue | None:
    """None where a cut stream ends in an error: by configuration, or because its answer could not be continued."""
    if shaped.answer is not None and shaped.answer.hooks:
        return None  # what its guardrails hold was read, and is not what the caller has
    delivered = delivered_for(shaped) if on_stream_cut is OnStreamCut.CONTINUE else None
    return None if delivered is None else Rescue(shaped, delivered)
