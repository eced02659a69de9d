"""Money set aside and money spent, per leg, in the memory of the one process that owns it. A hold and its settlement
each touch every leg in one step of the event loop, so no other request can see them half done.

No limit is enforced here yet: the numbers are kept so that what is held and what was spent can be seen and must
balance. Where limits arrive, `hold` is the place that refuses.
"""

from typing import final

from ai_gateway.domain.traffic import Charge, Hold


@final
class Meters:
    def __init__(self) -> None:
        self._held: dict[tuple[str, str], int] = {}
        self._open: dict[str, Hold] = {}

    def hold(self, request_id: str, charge: Charge) -> Hold:
        hold = Hold(request_id=request_id, charge=charge)
        self._open[request_id] = hold
        for leg in charge.legs:
            self._held[leg] = self._held.get(leg, 0) + charge.worst_nano
        return hold

    def settle(self, hold: Hold) -> None:
        """Give back the whole hold. Settling twice is settling once."""
        if self._open.pop(hold.request_id, None) is None:
            return
        for leg in hold.charge.legs:
            left = self.held(leg) - hold.charge.worst_nano
            if left:
                self._held[leg] = left
            else:  # several holds of 0, as unpriced calls have them, leave nothing behind from the first one on
                self._held.pop(leg, None)

    def held(self, leg: tuple[str, str]) -> int:
        """Nano-dollars that open requests hold on this leg."""
        return self._held.get(leg, 0)

    @property
    def open_holds(self) -> int:
        return len(self._open)
