"""How much of a limit one process is given, from the numbers that were read under the pot's lock.

A slice is what the waiting hold lacks, or a tenth of what nobody has yet, whichever is more: large while there is much,
so that a process seldom asks, and small near the limit, so that little lies idle in one process while another needs
it. What a process has idle already counts towards its tenth.
"""

from typing import Final

import msgspec

from ai_gateway.domain.leases import Grant, Verdict, Want

SHARE: Final = 10
"""A slice is one part in so many of what is left."""
TOP_UP: Final = 2
"""A slice is topped up when less than one part in so many of it is free."""


class Numbers(msgspec.Struct, frozen=True):
    """What the books say of one pot. `settled` is what all rows of the ledger have spent of it, `used` the part that
    the asking process wrote, `granted` what its lease is worth. The leases of other processes charge `others`, the
    part `lost` of which nobody can give back, because their processes are gone."""

    settled: int = 0
    granted: int = 0
    used: int = 0
    others: int = 0
    lost: int = 0


def decide(want: Want, numbers: Numbers) -> Grant:
    mine = max(0, numbers.granted - numbers.used)
    left = want.limit - numbers.settled - numbers.others - mine
    idle = numbers.granted - want.spent - want.held
    lacking = want.asked - idle if want.asked else 0
    if lacking <= max(0, left):
        more, verdict = max(0, lacking, left // SHARE - max(0, idle)), Verdict.ENOUGH
    else:
        makes_do = want.least and want.least - idle <= left
        more, verdict = max(0, left) if makes_do else 0, _why_not(want, numbers)
    return Grant(
        pot=want.pot,
        granted=numbers.granted + more,
        verdict=verdict,
        limit=want.limit,
        settled=numbers.settled,
        used=numbers.used,
        leased=numbers.others + mine + more,
    )


def watermark(idle: int) -> int:
    """A slice of which `idle` is free after a grant is topped up once less than this is free."""
    return max(0, idle) // TOP_UP


def _why_not(want: Want, numbers: Numbers) -> Verdict:
    """What this process spent and the ledger does not have yet is as good as settled; what lies in a lost lease will
    not come back by waiting."""
    undrained = max(0, want.spent - numbers.used)
    gone = numbers.settled + numbers.lost + undrained
    return Verdict.EXHAUSTED if gone + want.asked > want.limit else Verdict.CONTENDED
