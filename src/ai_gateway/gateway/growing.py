"""More for a request that has a hold already: one more attempt, one more step of a stream.

A process that holds leases may have to be granted it first. Before an attempt that is waited for. A stream is not
stopped for it: half of its step is still to come, so the grant is asked for beside it, and the stream tries again.
"""

from collections.abc import Callable

import msgspec

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.purse import Steps
from ai_gateway.runtime.cells import Short


async def has_room_for_another(doors: Doors, hold: Hold) -> bool:
    """Whether the worst case is held once more, beside what the attempts before have cost."""
    shortage = doors.meters.cover(hold)
    if shortage is not None and shortage.short is Short.NEEDS_GRANT:
        await _ask(doors, hold.charge)
        shortage = doors.meters.cover(hold)
    return shortage is None


def grow_by_steps(doors: Doors, hold: Hold) -> Callable[[Steps], bool]:
    """What a purse grows by. False: not now."""
    asking: list[Charge] = []

    async def ask(charge: Charge) -> None:
        try:
            await _ask(doors, charge)
        finally:
            asking.clear()

    def grow(step: Steps) -> bool:
        shortage = doors.meters.extend(hold, step.nano, step.tokens)
        if shortage is not None and shortage.short is Short.NEEDS_GRANT and not asking:
            charge = msgspec.structs.replace(hold.charge, worst_nano=step.nano, worst_tokens=step.tokens)
            asking.append(charge)
            doors.tasks.spawn("grant for a stream", ask(charge))
        return shortage is None

    return grow


async def _ask(doors: Doors, charge: Charge) -> None:
    """Where nobody answers there is nothing more, which is what the next look at the meters says."""
    lacking = doors.meters.lacking(charge)
    if not lacking:
        return
    try:
        await doors.grants.ask(lacking, charge)
    except GatewayFault:
        return
