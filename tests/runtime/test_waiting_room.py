"""Time stands still until a test moves it: the room's one timer is a list of what was asked to be called later."""

import asyncio
from math import inf

import pytest

from ai_gateway.domain.config import QueueLimits, RateLimits
from ai_gateway.domain.faults import RateLimited
from ai_gateway.policy.provider_limits import ProviderLimits
from ai_gateway.runtime.waiting_room import Ask, Guest, InVain, Rooms, WaitingRoom
from support.clock import FakeClock
from support.timers import Timers

START = 1_000.0


class Places:
    """So many places; who has one keeps it until `end`. `next_in` is what `free_in` says."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.next_in = inf
        self.taken = 0
        self.returned: list[str] = []

    def ask(self, name: str = "place") -> Ask[str]:
        def take(now: float) -> str | None:
            if not self.free:
                return None
            self.free -= 1
            self.taken += 1
            return name

        def put_back(now: float, place: str) -> None:
            self.free += 1
            self.returned.append(place)

        return Ask(take=take, put_back=put_back, free_in=lambda now: self.next_in)


async def turn() -> None:
    """Until every task has done what it can."""
    for _ in range(5):
        await asyncio.sleep(0)


def a_room(timers: Timers, most: int = 100, timeout: float = 30.0) -> WaitingRoom:
    return WaitingRoom("pool gpt-4", QueueLimits(most, timeout), timers.clock, timers.later)


def come(room: WaitingRoom, places: Places, tenant: str = "a", seconds: float = 600.0) -> asyncio.Task[str]:
    return asyncio.create_task(room.enter(Guest(tenant, START + seconds), places.ask(tenant)))


async def fault_of(task: asyncio.Task[str]) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        await task
    return caught.value


async def test_where_a_place_is_free_nobody_waits() -> None:
    timers, places = Timers(), Places(1)
    room = a_room(timers)
    assert await room.enter(Guest("a", START + 1), places.ask("mine")) == "mine"
    assert timers.set == []
    assert len(room) == 0


async def test_a_place_that_comes_up_goes_to_whoever_is_first() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    first, second = come(room, places), come(room, places)
    await turn()
    places.free = 1
    room.place_free()
    await turn()
    assert first.done()
    assert not second.done()
    places.free = 1
    room.place_free()
    assert await second == "a"
    assert room.standing().served == 2


async def test_nobody_overtakes_who_waits() -> None:
    """A place is free, and the one who comes is not the one who gets it."""
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    waiting = come(room, places)
    await turn()
    places.free = 1
    late = come(room, places)
    await turn()
    assert waiting.done()
    assert not late.done()
    late.cancel()


async def test_tenants_take_turns() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    order: list[str] = []

    async def visit(tenant: str) -> None:
        order.append(await room.enter(Guest(tenant, START + 600), places.ask(tenant)))

    visits = [asyncio.create_task(visit(tenant)) for tenant in "aaaaabb"]
    await turn()
    for _ in visits:
        places.free = 1
        room.place_free()
        await turn()
    assert "".join(order) == "ababaaa"


async def test_one_tenant_at_twenty_times_keeps_no_other_out() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers, most=20)
    loud = [come(room, places, "loud") for _ in range(40)]
    await turn()
    quiet = [come(room, places, f"quiet-{number}") for number in range(9)]
    await turn()
    assert len(room) == 20
    assert not any(it.done() for it in quiet)
    for _ in range(11):
        places.free = 1
        room.place_free()
        await turn()
    assert all(it.done() for it in quiet)
    refused = [it for it in loud if it.done() and it.exception()]
    assert len(refused) == 20 + 9
    assert room.standing().refused == 20 + 9
    for task in loud:
        task.cancel()
    await asyncio.gather(*loud, return_exceptions=True)


async def test_a_full_room_refuses_at_once_and_says_for_how_long() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers, most=2)
    waiting = [come(room, places), come(room, places)]
    await turn()
    unknown = await fault_of(come(room, places))
    assert (unknown.code, unknown.status, unknown.retry_after_seconds) == ("queue_full", 429, 1)
    await timers.advance(4.0)
    places.free = 1
    room.place_free()
    waiting.append(come(room, places))
    await turn()
    known = await fault_of(come(room, places))
    assert known.retry_after_seconds == 8  # two wait, a place came up after 4 s
    for task in waiting:
        task.cancel()


async def test_who_waited_long_enough_is_told_so_by_the_one_timer() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers, timeout=30.0)
    patient, hasty = come(room, places), come(room, places, seconds=5.0)
    await turn()
    assert len(timers.pending) == 1
    await timers.advance(5.0)
    assert (await fault_of(hasty)).code == "queue_timeout"
    assert not patient.done()
    assert len(timers.pending) == 1
    await timers.advance(25.0)
    fault = await fault_of(patient)
    assert (fault.code, fault.status) == ("queue_timeout", 429)
    assert fault.retry_after_seconds is not None
    assert fault.retry_after_seconds >= 1
    assert room.standing().timed_out == 2
    assert timers.fired <= 3


async def test_who_comes_too_late_does_not_join() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    fault = await fault_of(come(room, places, seconds=0.0))
    assert fault.code == "queue_timeout"
    assert len(room) == 0


async def test_a_place_that_comes_up_at_the_deadline_goes_to_the_next() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    hasty, patient = come(room, places, seconds=5.0), come(room, places)
    await turn()
    timers.clock.advance(5.0)  # the timer has not been called yet
    places.free = 1
    room.place_free()
    assert (await fault_of(hasty)).code == "queue_timeout"
    assert await patient == "a"


async def test_what_a_rate_limit_lets_through_is_called_when_it_does() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    places.next_in = 2.5
    waiting = come(room, places)
    await turn()
    await timers.advance(2.4)
    assert timers.fired == 0
    places.free = 1
    await timers.advance(0.2)
    assert waiting.done()
    assert timers.fired == 1


async def test_a_limit_that_is_always_nearly_free_does_not_keep_the_loop_busy() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    places.next_in = 0.0
    waiting = come(room, places)
    await turn()
    for _ in range(50):
        room.place_free()
    assert len(timers.set) == 1
    await timers.advance(1.0)
    assert timers.fired <= 201
    waiting.cancel()


async def test_requests_above_a_providers_rate_go_one_by_one_as_it_allows() -> None:
    """60 a minute and 70 callers: 60 go at once, and one each second from then on."""
    timers = Timers()
    room = a_room(timers)
    limits = ProviderLimits(RateLimits(requests_per_minute=60))

    def take(now: float) -> ProviderLimits | None:
        if not limits.admits(now, 100):
            return None
        limits.take(now, 100)
        return limits

    ask = Ask(take, lambda now, place: place.put_back(now, 100), lambda now: limits.free_in(now, 100))
    tasks = [asyncio.create_task(room.enter(Guest(f"t{n % 3}", START + 600), ask)) for n in range(70)]
    await turn()
    gone = [sum(it.done() for it in tasks)]
    for _ in range(10):
        await timers.advance(1.001)
        gone.append(sum(it.done() for it in tasks))
    assert gone == list(range(60, 71))
    assert timers.fired == 10


async def test_who_is_cancelled_while_waiting_leaves_at_once() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    leaving, staying = come(room, places), come(room, places)
    await turn()
    leaving.cancel()
    await turn()
    assert len(room) == 1
    places.free = 1
    room.place_free()
    assert await staying == "a"
    assert places.returned == []
    assert room.standing().left == 1


async def test_a_place_that_comes_up_for_one_who_was_just_cancelled_goes_to_the_next() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    leaving, staying = come(room, places), come(room, places)
    await turn()
    leaving.cancel()
    places.free = 1
    room.place_free()  # before the cancelled task has run
    await turn()
    assert staying.done()
    assert (places.taken, places.returned) == (1, [])


async def test_who_is_cancelled_between_being_called_and_hearing_hands_the_place_on() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    leaving, staying = come(room, places, "leaving"), come(room, places, "staying")
    await turn()
    places.free = 1
    room.place_free()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == "staying"
    assert places.returned == ["leaving"]
    assert (places.taken, places.free) == (2, 0)
    standing = room.standing()
    assert (standing.served, standing.left) == (1, 1)


async def test_who_is_cancelled_between_being_turned_away_and_hearing_leaves_nothing() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    hasty = come(room, places, seconds=5.0)
    await turn()
    timers.clock.advance(5.0)
    room.place_free()
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    assert (len(room), room.standing().timed_out, room.standing().left) == (0, 1, 0)


async def test_a_deadline_that_finds_a_cancelled_task_is_no_accident() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    hasty = come(room, places, seconds=5.0)
    await turn()
    hasty.cancel()
    timers.clock.advance(5.0)
    room.place_free()  # before the cancelled task has run
    with pytest.raises(asyncio.CancelledError):
        await hasty
    assert (len(room), room.standing().timed_out) == (0, 1)


async def test_whichever_moment_a_task_is_cancelled_in_no_place_is_lost_or_given_twice() -> None:
    """Every order of cancelling and freeing, with up to five turns of the loop between: whoever is not cancelled is
    served, and places that are neither held nor free do not exist."""
    for between in range(6):
        for cancel_first in (True, False):
            timers, places = Timers(), Places(0)
            room = a_room(timers)
            tasks = [come(room, places, tenant) for tenant in "abc"]
            await turn()

            def cancel(task: asyncio.Task[str] = tasks[0]) -> None:
                task.cancel()

            def free(room: WaitingRoom = room, places: Places = places) -> None:
                places.free += 1
                room.place_free()

            for step, action in enumerate((cancel, free) if cancel_first else (free, cancel)):
                action()
                for _ in range(between if step == 0 else 0):
                    await asyncio.sleep(0)
            await turn()
            held = sum(it.done() and not it.cancelled() for it in tasks)
            assert held + places.free == 1
            assert held == 1
            assert len(room) == sum(not it.done() for it in tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert len(room) == 0


async def test_a_door_that_breaks_leaves_nobody_behind() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)

    def break_down(now: float) -> float:
        raise ValueError("a bug")

    ask = places.ask()
    with pytest.raises(ValueError, match="a bug"):
        await room.enter(Guest("a", START + 10), Ask(take=ask.take, put_back=ask.put_back, free_in=break_down))
    assert len(room) == 0
    assert room.standing().left == 1


async def test_who_waits_in_vain_is_told_so_when_it_is_first_and_the_next_is_asked() -> None:
    timers, places, hopeful = Timers(), Places(0), Places(0)
    room = a_room(timers)
    ask, hope = places.ask(), [True]
    doomed = Ask(take=ask.take, put_back=ask.put_back, free_in=ask.free_in, has_hope=lambda: hope[0])
    tasks = [asyncio.create_task(room.enter(Guest("a", START + 10), doomed)) for _ in range(2)]
    await turn()
    other = come(room, hopeful)
    await turn()
    hope[0] = False
    hopeful.free = 1

    room.place_free()

    assert await other == "a"
    for task in tasks:
        with pytest.raises(InVain):
            await task
    standing = room.standing()
    assert (standing.waiting, standing.left, standing.served, standing.timed_out) == (0, 2, 1, 0)


async def test_who_has_nothing_to_wait_for_does_not_begin_to() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    ask = places.ask()
    with pytest.raises(InVain):
        await room.enter(Guest("a", START + 10), Ask(ask.take, ask.put_back, ask.free_in, lambda: False))
    assert (len(room), timers.pending) == (0, [])


async def test_whoever_changes_things_has_all_rooms_look_again_after_its_step() -> None:
    timers, places = Timers(), Places(0)
    rooms = Rooms(timers.clock, timers.later)
    rooms.look_again()
    assert timers.set == [], "where nobody waits nothing is asked for"
    task = come(rooms.of("pool", QueueLimits()), places)
    await turn()
    places.free = 1

    rooms.look_again()

    assert places.taken == 0
    await timers.advance(0.0)
    assert await task == "a"


async def test_position_and_wait_are_told_at_once_and_then_once_a_second() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers)
    told: list[tuple[float, int, float | None]] = []

    def listen(position: int, wait: float | None) -> None:
        told.append((timers.clock.now() - START, position, wait))

    before = [come(room, places) for _ in range(3)]
    await turn()
    guest = Guest("a", START + 600, listener=listen)
    listening = asyncio.create_task(room.enter(guest, places.ask()))
    await turn()
    for _ in range(2):
        await timers.advance(0.5)
        places.free = 1
        room.place_free()
        room.place_free()
    await timers.advance(1.2)
    assert [(round(at, 3), position) for at, position, _ in told] == [(0.0, 4), (1.0, 3), (2.0, 2)]
    assert told[0][2] is None
    assert told[1][2] == pytest.approx(3 * 0.5)  # one was served, after half a second
    places.free = 2
    room.place_free()
    assert await listening == "place"
    await timers.advance(5.0)
    assert len(told) == 3
    assert all(it.done() for it in before)


async def test_the_standing_says_how_it_stands() -> None:
    timers, places = Timers(), Places(0)
    room = a_room(timers, most=5)
    tasks = [come(room, places)]
    await turn()
    await timers.advance(3.0)
    tasks.append(come(room, places))
    await turn()
    standing = room.standing()
    assert (standing.name, standing.max_waiting, standing.waiting) == ("pool gpt-4", 5, 2)
    assert standing.longest_wait_seconds == pytest.approx(3.0)
    assert standing.expected_wait_seconds is None
    for task in tasks:
        task.cancel()


async def test_a_room_is_one_however_often_it_is_asked_for_and_takes_new_limits() -> None:
    timers = Timers()
    rooms = Rooms(timers.clock, timers.later)
    room = rooms.of("pool gpt-4", QueueLimits(1))
    assert rooms.of("pool gpt-4", QueueLimits(7)) is room
    assert room.standing().max_waiting == 7
    assert [it.name for it in rooms.standings()] == ["pool gpt-4"]
    rooms.keep_only(set())
    assert rooms.standings() == ()


async def test_a_place_that_several_rooms_wait_for_goes_round() -> None:
    timers, places = Timers(), Places(0)
    rooms = Rooms(timers.clock, timers.later)
    assert not rooms.crowded
    left, right = (rooms.of(name, QueueLimits()) for name in ("left", "right"))
    tasks = [come(left, places, f"left-{n}") for n in range(3)] + [come(right, places, f"right-{n}") for n in range(2)]
    await turn()
    assert rooms.crowded
    order: list[str] = []
    for _ in range(5):
        places.free = 1
        rooms.place_free()
        await turn()
        order += [it.result()[:-2] for it in tasks if it.done()]
        tasks = [it for it in tasks if not it.done()]
    assert order == ["left", "right", "left", "right", "left"]
    assert not rooms.crowded


async def test_a_room_with_somebody_in_it_is_not_closed() -> None:
    timers, places = Timers(), Places(0)
    rooms = Rooms(timers.clock, timers.later)
    task = come(rooms.of("gone", QueueLimits()), places)
    await turn()
    rooms.keep_only(set())
    assert len(rooms.standings()) == 1
    task.cancel()
    await turn()
    rooms.keep_only(set())
    assert rooms.standings() == ()
    assert not rooms.crowded


async def test_it_stands_on_the_real_loop() -> None:
    """`call_later` and futures of asyncio itself; the deadline is over before the loop has turned twice."""
    clock = FakeClock(START)
    room = WaitingRoom("real", QueueLimits(10, 0.001), clock, asyncio.get_running_loop().call_later)
    places = Places(0)
    task = asyncio.create_task(room.enter(Guest("a", START + 1), places.ask()))
    await turn()
    clock.advance(1.0)
    assert (await fault_of(task)).code == "queue_timeout"
