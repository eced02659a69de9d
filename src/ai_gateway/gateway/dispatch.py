"""Drives the attempts of a request: waits for a place where there is a queue, and then does what the generator in
policy/attempts.py asks, attempt by attempt, until the caller has an answer or there is nothing left to try.

Until something of an answer has reached the caller any other endpoint may take over unseen. After that the next attempt
brings the rest of the answer (gateway/continuing.py) or none; then the stream ends in the dialect's error event, which
tells the first fault: those of continuations are about requests that the caller never made.
"""

import asyncio
from typing import Final, final

import msgspec

from ai_gateway.domain.config import QueueLimits
from ai_gateway.domain.decisions import Step, What
from ai_gateway.domain.faults import (
    Blocked,
    Fault,
    GatewayFault,
    ProviderFailed,
    RateLimited,
    RuleFailed,
    Untranslatable,
)
from ai_gateway.domain.rules import Tally
from ai_gateway.domain.traffic import Receipt
from ai_gateway.gateway import answers
from ai_gateway.gateway.attempt_faults import draining
from ai_gateway.gateway.client import Client, Interruption
from ai_gateway.gateway.continuing import Rescue, rescue_for
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.growing import has_room_for_another
from ai_gateway.gateway.journey import Journey
from ai_gateway.gateway.own_headers import names_of, route_header
from ai_gateway.gateway.queue_updates import queue_updates, wants_updates
from ai_gateway.gateway.relay import EVENT_STREAM, Diverged
from ai_gateway.gateway.sent import Sent
from ai_gateway.gateway.telling import told
from ai_gateway.gateway.trial import Trial
from ai_gateway.gateway.world import Taken, World, affinity_of
from ai_gateway.policy.attempts import ASKED_WRONGLY, Line, Try, Wait, insist, pursue, too_late
from ai_gateway.providers.continuation import Continuation
from ai_gateway.runtime.waiting_room import Ask, Guest, InVain, Rooms, WaitingRoom

_LEFT: Final = Interruption.LEFT  # a member of an enum is a look-up in Python each time


class Carried(msgspec.Struct, frozen=True):
    """How the request ended: the receipt of each attempt, the fault that the caller was or will be told, what else
    happened on the way, and the faults of the attempts that failed, by their ids."""

    receipts: tuple[Receipt, ...] = ()
    fault: Fault | None = None
    steps: tuple[Step, ...] = ()
    faults: tuple[tuple[str, Fault], ...] = ()


class Begun(msgspec.Struct, frozen=True):
    """A first attempt that was made, at the member `place` of the first tier, and what it ended in."""

    trial: Trial
    place: int
    fault: Fault | None


async def carry(doors: Doors, journey: Journey, client: Client, sent: Sent | None = None) -> Carried:
    """Never raises a Fault: what could not be answered comes back in `fault`, with `client.answered` False where it is
    still to be said. `sent` is a first attempt that somebody else has begun.

    Nearly always everybody is well, nobody waits, and the first attempt is the only one: then nothing else is made for
    it. Whatever else there is to do is the pursuit's, which takes over what was done."""
    plan, stream = journey.plan, journey.shaped.call.stream
    rescue = rescue_for(plan.course.on_stream_cut, journey.shaped) if stream else None
    begun: Begun | None = None
    try:
        if sent is not None:
            trial = Trial(doors, journey, client, sent.taken, 1, sent=sent)
            begun = Begun(trial, sent.place, await trial.run())
        else:
            plan.budget.deposit(doors.clock.now())
            if plan.line is None and journey.admitted.caller.tenant.queue is None and journey.tally is None:
                first = _first_attempt(doors, journey, client, rescue)
                begun = None if first is None else Begun(*first, await first[0].run())
        if begun is not None and begun.fault is None and not begun.trial.dropped:
            return Carried((begun.trial.receipt(),))
        pursuit = _Pursuit(doors, journey, client, rescue)
        try:
            fault = await pursuit.run(begun)
            if journey.tally is not None:
                pursuit.note_rules(journey.tally)
        finally:
            pursuit.world.close()
        return Carried(tuple(pursuit.receipts), fault, tuple(pursuit.world.steps), pursuit.faults)
    finally:
        place_free(doors.rooms)


def _first_attempt(doors: Doors, journey: Journey, client: Client, rescue: Rescue | None) -> tuple[Trial, int] | None:
    """An attempt that is held and has still to run, and its place, where everybody of the first tier is well. None:
    nothing was done, and it is not as simple as that."""
    now = doors.clock.now()
    if now >= journey.deadline:
        return None
    stage = journey.plan.stages[0]
    sticky_by = stage.tier.sticky_by
    affinity = None if sticky_by is None else affinity_of(journey.shaped.call, sticky_by)
    place = stage.pick_calmly(doors.rng, now, affinity)
    if place is None:
        return None
    taken = Taken(stage.members[place], 0, now)
    trial = Trial(doors, journey, client, taken, 1, rescue=rescue)
    if trial.is_late:
        taken.withdraw(now)
        return None
    try:
        trial.hold()
    except GatewayFault:  # it is said by who asks again
        taken.withdraw(now)
        return None
    return trial, place


class _Stop(Exception):
    """Nothing more is to be tried: the caller has left, or the gateway itself cannot go on. `fault` None: has left."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault


@final
class _Pursuit:
    def __init__(self, doors: Doors, journey: Journey, client: Client, rescue: Rescue | None) -> None:
        self._doors = doors
        self._journey = journey
        self._client = client
        self._rescue = rescue
        self.world = World(journey.plan, journey.shaped.call, doors.clock, doors.rng, _line_of(journey))
        self.receipts: list[Receipt] = []
        self.faults: tuple[tuple[str, Fault], ...] = ()

    async def run(self, begun: Begun | None) -> Fault | None:
        try:
            if self.world.line is not None:
                await self._stand_in(*self.world.line)
            fault = await self._pursue(begun)
        except _Stop as stop:
            fault = stop.fault
        except Fault as refusal:
            fault = refusal
        if fault is not None and self._client.streams and self._client.interruption is not _LEFT:
            first = None if self._rescue is None else self._rescue.first
            ending = fault if first is None or isinstance(fault, (Blocked, RuleFailed)) else first
            await self._end_with(ending)
            return ending
        return fault

    def note_rules(self, tally: Tally) -> None:
        for note in tally.notes():
            self.world.note(What.RULED, note)

    async def _end_with(self, fault: Fault) -> None:
        """The last event of a stream that has begun. Whoever leaves while it is written has left behind the end."""
        admitted = self._journey.admitted
        head = admitted.head
        said = told(fault, self._client, head, admitted)
        try:
            await self._client.finish(answers.event_of(said, head.dialect, head.request_id, head.operation))
        except asyncio.CancelledError:
            if self._client.take_interruption() is None:
                raise

    async def _pursue(self, begun: Begun | None) -> Fault | None:
        world, deadline, rng = self.world, self._journey.deadline, self._doors.rng
        limits = self._journey.plan.limits
        answer: Fault | None = None
        first: Fault | None = None
        if begun is None:
            tries = pursue(world, limits, deadline, rng)
        else:
            world.was_at(begun.trial.member)
            first = self._conclude(begun.trial, begun.fault, None)
            if first is None:
                return None
            tries = insist(world, limits, deadline, rng, last=Try(0, begun.place), fault=first)
        while True:
            try:
                step = tries.send(answer)
            except StopIteration as end:
                return end.value
            if isinstance(step, Try):
                if first is not None and not await self._has_room():
                    self.world.note(What.GAVE_UP, "A cost limit has no room for another attempt.")
                    return first
                answer = await self._attempt(step)
                first = first or answer
            elif isinstance(step, Wait):
                await self._pause(step.seconds)
                answer = None
            else:
                answer = await self._stand_in_again(step)

    async def _attempt(self, step: Try) -> Fault | None:
        client = self._client
        taken = self.world.use()
        if self.receipts or step.tier or not self._journey.plan.stages[0].is_calm:
            self.world.note_passed_over(step)
        continuation: Continuation | None = None
        if client.committed:
            continuation = self._rescue and self._rescue.way_on(taken.member.candidate)
            if continuation is None:
                taken.withdraw(self._doors.clock.now())
                return _cannot_continue()
            self.world.note(What.CONTINUED, continuation.way.value, taken.member.candidate.endpoint.name)
        number = len(self.receipts) + 1
        trial = Trial(self._doors, self._journey, client, taken, number, rescue=self._rescue, continuation=continuation)
        if trial.is_late:
            taken.withdraw(self._doors.clock.now())
            return too_late()
        try:
            trial.hold()
        except GatewayFault as refusal:
            taken.withdraw(self._doors.clock.now())
            raise _Stop(refusal) from None
        return self._conclude(trial, await trial.run(), continuation)

    def _conclude(self, trial: Trial, fault: Fault | None, continuation: Continuation | None) -> Fault | None:
        """What an attempt that has ended leaves to do."""
        client = self._client
        name = trial.member.candidate.endpoint.name
        self.receipts.append(trial.receipt())
        if fault is not None:
            self.faults = (*self.faults, (self.receipts[-1].attempt_id, fault))
        if isinstance(fault, Untranslatable):
            self.world.note(What.PASSED_OVER, fault.message, name)
        if trial.dropped:
            self.world.note(What.DROPPED, f"Left out: {', '.join(trial.dropped)}.", name)
        if fault is None:
            if client.interruption is _LEFT:
                raise _Stop(None)
            return None
        if client.interruption is not None or isinstance(fault, (Blocked, RuleFailed)):
            raise _Stop(fault)
        place_free(self._doors.rooms)  # this request goes on elsewhere, perhaps for long
        return self._broken(fault, trial, continuation) if client.committed else fault

    def _broken(self, fault: Fault, trial: Trial, continuation: Continuation | None) -> Fault:
        """The caller has a part of the answer and this attempt did not bring the rest: whether another may."""
        rescue = self._rescue
        if rescue is None:
            raise _Stop(fault)
        if continuation is not None:
            why = Diverged() if trial.diverged else fault
            is_well = rescue.came_to_nothing(continuation, trial.receipt().model, why)
            fault = _cannot_continue(ASKED_WRONGLY) if is_well else _cannot_continue()
        elif not rescue.broke(fault):
            raise _Stop(fault)
        if not rescue.has_way_on(self._journey.plan.candidates):
            raise _Stop(fault)
        return fault

    async def _has_room(self) -> bool:
        try:
            return await has_room_for_another(self._doors, self._journey.hold)
        except asyncio.CancelledError:
            raise self._interrupted() from None

    async def _pause(self, seconds: float) -> None:
        self.world.note(What.WAITED, "Before the same endpoint is asked again.", seconds=round(seconds, 3))
        try:
            await self._doors.sleep(seconds)
        except asyncio.CancelledError:
            raise self._interrupted() from None

    async def _stand_in(self, name: str, limits: QueueLimits) -> None:
        """Until a place is promised, or there is none to wait for. Raises RateLimited; `_Stop` where nobody waits for
        it any more."""
        world = self.world
        tenant_id = self._journey.admitted.caller.tenant.id
        room = self._doors.rooms.of(name, limits)
        if not len(room):
            promised = world.take_any(self._doors.clock.now())
            if promised is not None:
                world.promise(promised)
                return
        if not world.waits_for_a_place and not world.is_admitted:
            return
        began = self._doors.clock.now()
        guest = Guest(tenant_id, self._journey.deadline)
        ask = Ask(
            world.take_any,
            lambda now, promised: promised[1].withdraw(now),
            world.free_in,
            lambda: world.waits_for_a_place,
        )
        try:
            await self._wait_in(room, guest, ask)
        except InVain:
            return
        except asyncio.CancelledError:
            raise self._interrupted() from None
        finally:
            waited = round(self._doors.clock.now() - began, 3)
            world.note(What.QUEUED, f"In the queue '{name}'.", seconds=waited)

    async def _stand_in_again(self, step: Line) -> Fault | None:
        """Behind a provider that asked for a pause."""
        assert self.world.line is not None
        self.world.bar(step.barred)
        try:
            await self._stand_in(*self.world.line)
        except RateLimited as refusal:
            return refusal
        return None

    async def _wait_in(self, room: WaitingRoom, guest: Guest, ask: Ask[tuple[Try, Taken]]) -> None:
        """The world knows of the place before anything else is waited for: whoever leaves then gives it back."""
        journey = self._journey
        if not journey.shaped.call.stream or not wants_updates(journey.admitted.head):
            self.world.promise(await room.enter(guest, ask))
            return
        headers = (EVENT_STREAM, ("cache-control", "no-cache"), route_header(journey.plan.course))
        async with queue_updates(self._doors.tasks, self._client, headers) as listener:
            self.world.promise(await room.enter(msgspec.structs.replace(guest, listener=listener), ask))

    def _interrupted(self) -> Exception | asyncio.CancelledError:
        """What a cancellation was about: the caller left, the gateway drains, or the process ends."""
        why = self._client.take_interruption()
        if why is None:
            return asyncio.CancelledError()
        return _Stop(None if why is _LEFT else draining())


def _line_of(journey: Journey) -> tuple[str, QueueLimits] | None:
    """The queue that a request stands in if it has to wait: its pool's, its provider's, else its tenant's."""
    plan, tenant = journey.plan, journey.admitted.caller.tenant
    if plan.line is not None:
        return f"{tenant.id} {plan.line[0]}", plan.line[1]
    return None if tenant.queue is None else (f"{tenant.id} tenant", tenant.queue)


def place_free(rooms: Rooms) -> None:
    if rooms.crowded:
        rooms.place_free()


def tried_headers(client: Client, receipts: tuple[Receipt, ...]) -> tuple[tuple[str, str], ...]:
    """Where a request that failed was sent last, if the caller may know, and how often it was tried."""
    if not receipts:
        return ()
    last = receipts[-1]
    names = () if client.hides_providers else names_of(last.endpoint, last.provider.value)
    return (*names, ("x-gateway-attempts", str(len(receipts))))


def _cannot_continue(code: str = "continuation_failed") -> Fault:
    """For the generator: on, to whoever is next."""
    return ProviderFailed("This endpoint cannot continue the answer.", code=code)
