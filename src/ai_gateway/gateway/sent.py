"""An attempt that was sent, or is about to be, by somebody who does not see it through (gateway/flight.py)."""

import msgspec

from ai_gateway.gateway.receipts import Attempt, Draft
from ai_gateway.gateway.world import Taken
from ai_gateway.runtime.upstream import Answer


class Sent(msgspec.Struct, frozen=True):
    """Its hold is in the journal, and its place (`place` in the first tier) is taken. `answer` None: nobody was asked
    yet."""

    taken: Taken
    place: int
    attempt: Attempt
    draft: Draft
    answer: Answer | None
