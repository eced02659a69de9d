"""How a request comes by its hold: whole, shorter than it asked, after others have settled, or not at all.

What would never fit is made to fit where the limit's mode allows it: the answer is cut to what is left (`clamp`), or
paid for in steps while it comes (`extend`, streams only). What is only held by others is waited for in the order of
arrival at that limit, as long as the caller's queue allows, or a moment where there is no queue. A shorter answer is
never the price of a crowd: what others hold may come back, so it is waited for first.
"""

from math import inf
from typing import Final, final

import msgspec

from ai_gateway.domain.budgets import Mode, Unit
from ai_gateway.domain.config import QueueLimits
from ai_gateway.domain.faults import RateLimited
from ai_gateway.domain.traffic import Call, Caller, Charge, Hold
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.purse import Steps
from ai_gateway.policy import quotas
from ai_gateway.policy.worst_case import Worst
from ai_gateway.runtime.cells import NEVER, Cell, Short, Shortage
from ai_gateway.runtime.shortages import fault_of
from ai_gateway.runtime.waiting_room import Ask, Guest

LEAST_OUTPUT: Final = 16
"""Tokens. A shorter answer is worth nobody's money, and some models refuse to be asked for less."""
STEP_TOKENS: Final = 1024
"""What a stream in mode `extend` is held for at a time."""
PATIENCE: Final = QueueLimits(max_waiting=1_000, timeout_seconds=1.0)
"""For who has no queue: most holds come back within moments."""


class Need(msgspec.Struct, frozen=True, gc=False):
    """What is to be paid for. `queue` None: the caller has none. `deadline`: monotonic seconds."""

    caller: Caller
    call: Call
    worst: Worst
    revision: int
    queue: QueueLimits | None
    deadline: float


class Funded(msgspec.Struct, frozen=True, gc=False):
    """`clamped` is the output that the answer was cut to. `steps`: the hold covers one, and must grow with the
    stream."""

    hold: Hold
    clamped: int | None = None
    steps: Steps | None = None


def fund_unlimited(doors: Doors, caller: Caller, call: Call, worst: Worst) -> Funded:
    """Nobody limits this caller: nothing can be short."""
    hold = doors.meters.take(call.head.request_id, quotas.charge(caller, call, worst))
    assert isinstance(hold, Hold), "without a limit there is no shortage"
    return Funded(hold)


def fund_at_once(doors: Doors, need: Need) -> Funded | None:
    """The whole hold, where it is there: nearly always. None: nothing was taken, and `fund` has to see."""
    if _goes_in_steps(need):
        return None
    taken = doors.meters.take(
        need.call.head.request_id, quotas.charge(need.caller, need.call, need.worst, need.revision)
    )
    return Funded(taken) if isinstance(taken, Hold) else None


async def fund(doors: Doors, need: Need) -> Funded:
    """Raises BudgetExceeded, RateLimited, GatewayFault."""
    call = need.call
    if _goes_in_steps(need):
        step = quotas.charge(need.caller, call, need.worst, need.revision, STEP_TOKENS)
        return Funded(await _Funding(doors, need).come_by(step), steps=_steps_of(need))
    charge = quotas.charge(need.caller, call, need.worst, need.revision)
    taken = doors.meters.take(call.head.request_id, charge)
    if isinstance(taken, Hold):
        return Funded(taken)
    return await _Funding(doors, need).whole_or_shorter(charge, taken)


def _steps_of(need: Need) -> Steps:
    one, two = (quotas.cost_at_worst(need.call, need.worst, many * STEP_TOKENS) for many in (1, 2))
    return Steps(STEP_TOKENS * need.call.choices, two - one)


def _goes_in_steps(need: Need) -> bool:
    extends = need.call.stream and any(limit.mode is Mode.EXTEND for limit in need.caller.limits)
    return extends and quotas.asked_output(need.call, need.worst) > STEP_TOKENS


@final
class _Funding:
    def __init__(self, doors: Doors, need: Need) -> None:
        self._doors = doors
        self._need = need
        self._request_id = need.call.head.request_id
        patience = (need.queue or PATIENCE).timeout_seconds
        self._until = min(need.deadline, doors.clock.now() + patience)
        """However often it has to stand in line, and wherever."""

    async def come_by(self, charge: Charge) -> Hold:
        """This hold and no other."""
        taken = await self._wait_while_it_may_fit(self._doors.meters.take(self._request_id, charge), charge)
        if isinstance(taken, Hold):
            return taken
        raise fault_of(taken, charge)

    async def whole_or_shorter(self, charge: Charge, shortage: Shortage) -> Funded:
        """The whole hold, or the largest one that is left for it. What is left is asked anew each time, because others
        spend while this one waits."""
        most: int | None = None
        held = charge
        taken: Hold | Shortage = shortage
        while True:
            taken = await self._wait_while_it_may_fit(taken, held)
            if isinstance(taken, Hold):
                return Funded(taken, clamped=most)
            before, most = most, self._affordable(charge)
            if most is None or (before is not None and most >= before):
                amount = (charge.worst_nano, charge.worst_tokens, 1)[taken.cell.unit]
                raise fault_of(msgspec.structs.replace(taken, amount=amount), charge)
            need = self._need
            held = quotas.charge(need.caller, need.call, need.worst, need.revision, most)
            taken = self._doors.meters.take(self._request_id, held)

    async def _wait_while_it_may_fit(self, taken: Hold | Shortage, charge: Charge) -> Hold | Shortage:
        """A hold, or what is exhausted."""
        waited = False
        while isinstance(taken, Shortage) and taken.short is not Short.EXHAUSTED:
            if taken.short is Short.NEEDS_GRANT:
                if waited and self._doors.clock.now() >= self._until:
                    raise fault_of(taken, charge)
                await self._doors.grants.ask(self._doors.meters.lacking(charge), charge, self._until)
                waited = True
                taken = self._doors.meters.take(self._request_id, charge)
            else:
                taken = await self._stand_in(taken, charge)
        return taken

    async def _stand_in(self, shortage: Shortage, charge: Charge) -> Hold | Shortage:
        meters = self._doors.meters

        def take(_now: float) -> Hold | Shortage | None:
            """Who stands in line keeps the place while more is asked for: the grant says so to who waits for its
            cell."""
            taken = meters.take_in_turn(self._request_id, charge)
            stays = isinstance(taken, Shortage) and (
                taken.short is Short.CONTENDED or (taken.short is Short.NEEDS_GRANT and taken.cell is shortage.cell)
            )
            return None if stays else taken

        def put_back(_now: float, taken: Hold | Shortage) -> None:
            if isinstance(taken, Hold):
                meters.settle(taken)

        need = self._need
        room = self._doors.rooms.of(_line_of(need, shortage.cell), need.queue or PATIENCE)
        guest = Guest(need.caller.tenant.id, self._until)
        try:
            with meters.waiting_for(shortage.cell):
                return await room.enter(guest, Ask(take, put_back, lambda _now: inf))
        except RateLimited:
            raise fault_of(shortage, charge) from None

    def _affordable(self, charge: Charge) -> int | None:
        """Tokens that an answer may have if it is to fit into what is unspent everywhere; None where no answer that is
        worth its money does, or where a limit that stands in the way allows no shorter one."""
        left = [NEVER, NEVER]
        for cell in self._doors.meters.cells_for(charge):
            amount = (charge.worst_nano, charge.worst_tokens, 1)[cell.unit]
            if cell.unspent >= amount:
                continue
            if cell.unit == Unit.REQUESTS or cell.limit.mode is Mode.STRICT:
                return None
            left[cell.unit] = min(left[cell.unit], cell.unspent)
        output = quotas.affordable_output(self._need.call, self._need.worst, left[0], left[1])
        return output if output >= LEAST_OUTPUT else None


def _line_of(need: Need, cell: Cell) -> str:
    limit = cell.limit
    scope, owner = limit.leg
    return f"{need.caller.tenant.id} budget {scope} {owner} {limit.window.value} {limit.unit.name.lower()}"
