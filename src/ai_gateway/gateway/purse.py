"""A stream that is paid for while it comes: its hold covers a step, and grows by another one once half of it is used.

Where the limit has nothing left the stream goes on to the end of what is held and is ended there, so the limit is
passed by less than a step, whatever the provider would have written. Tokens are counted as they come, before anybody
has reported any: an event is one at least, and what an event has beyond the shortest one counts four bytes a token, for
providers that send several at once.
"""

from collections.abc import Callable
from typing import Final, final

import msgspec

from ai_gateway.gateway.receipts import BYTES_PER_TOKEN
from ai_gateway.providers.short_end import Bill

AGAIN_TOKENS: Final = 16
"""After a refusal one asks again so many tokens later: others may have settled."""


class Steps(msgspec.Struct, frozen=True):
    """What one step is, over all answers of the request, and what it costs at worst (nano-dollars)."""

    tokens: int
    nano: int


@final
class Purse:
    """`grow` asks for one more step; False: there is none. `first` and `last` are what the caller was given first and
    last; `bill` is what it came to, once it is empty and that is booked."""

    __slots__ = (
        "_bytes",
        "_grow",
        "_grow_at",
        "_held",
        "_least",
        "_steps",
        "bill",
        "first",
        "is_empty",
        "last",
        "tokens",
    )

    def __init__(self, steps: Steps, grow: Callable[[Steps], bool]) -> None:
        self._steps = steps
        self._grow = grow
        self._held = steps.tokens
        self._grow_at = steps.tokens // 2
        self._bytes = 0
        self._least = 1 << 30
        self.tokens = 0
        self.first = b""
        self.last = b""
        self.is_empty = False
        self.bill: Bill | None = None

    def note(self, events: int, ready: bytes) -> None:
        """So many events were given by now, `ready` the latest of them."""
        self.first = self.first or ready
        self.last = ready
        self._bytes += len(ready)
        self._least = min(self._least, len(ready))
        self.tokens = max(events, (self._bytes - events * self._least) // BYTES_PER_TOKEN)
        if self.tokens >= self._grow_at:
            self._reach(self.tokens)

    def _reach(self, tokens: int) -> None:
        half = self._steps.tokens // 2
        while tokens >= self._held - half:
            if not self._grow(self._steps):
                self._grow_at = min(tokens + AGAIN_TOKENS, self._held)
                self.is_empty = tokens >= self._held
                return
            self._held += self._steps.tokens
        self._grow_at = self._held - half
