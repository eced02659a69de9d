"""What a request is by the time it may be sent: all that its attempts, its headers and its end have in common."""

import msgspec

from ai_gateway.domain.rules import Tally
from ai_gateway.domain.traffic import Hold, Shaped
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.funding import Funded
from ai_gateway.runtime.plans import Plan
from ai_gateway.runtime.rates import RateHold


class Journey(msgspec.Struct, frozen=True):
    """What a request is by the time it may be sent. `deadline`: monotonic seconds. `place`: what it has taken of its
    caller's rates, where there are any; `tally`: what rules found, where there are any."""

    admitted: Admitted
    shaped: Shaped
    plan: Plan
    funded: Funded
    deadline: float
    place: RateHold | None = None
    tally: Tally | None = None

    @property
    def hold(self) -> Hold:
        return self.funded.hold
