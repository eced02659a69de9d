"""The queue against a model that keeps every ticket in one list and looks at all of them for each question."""

import gc
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.fair_queue import SLACK, TURN, FairQueue, Flow, Joined, Refusal, Ticket, TicketState

NEVER = 1e9


def join(
    queue: FairQueue, tenant: str, now: float = 0.0, deadline: float = NEVER, weight: int = 1, priority: int = 0
) -> Ticket:
    joined = queue.join(tenant, now, deadline, weight, priority)
    assert isinstance(joined, Joined)
    return joined.ticket


def serve_all(queue: FairQueue, now: float = 0.0) -> str:
    return "".join(ticket.tenant for ticket in iter(lambda: queue.next(now), None))


def test_tenants_take_turns_however_many_of_each_wait() -> None:
    queue = FairQueue(100)
    for tenant in "aaaaaabbc":
        join(queue, tenant)
    assert serve_all(queue) == "abcabaaaa"


def test_within_a_tenant_the_first_comes_first_and_the_urgent_before() -> None:
    queue = FairQueue(100)
    slow, quick, urgent = join(queue, "a"), join(queue, "a"), join(queue, "a", priority=-1)
    assert [queue.next(0), queue.next(0), queue.next(0)] == [urgent, slow, quick]


def test_weights_are_shares_of_the_turns() -> None:
    queue = FairQueue(1000)
    for _ in range(100):
        join(queue, "a", weight=3)
        join(queue, "b")
    served = Counter(ticket.tenant for _ in range(80) if (ticket := queue.next(0)))
    assert served == {"a": 60, "b": 20}


def test_who_was_away_has_saved_up_nothing() -> None:
    queue = FairQueue(1000)
    for _ in range(50):
        join(queue, "a")
    for _ in range(40):
        queue.next(0)
    for _ in range(10):
        join(queue, "b")
    assert serve_all(queue)[:6] == "bababa"  # not bbbbbb: b begins where a was last served


def test_whoever_is_not_to_be_had_costs_its_tenant_no_turn() -> None:
    queue = FairQueue(100)
    gone = [join(queue, "a") for _ in range(5)]
    join(queue, "a")
    join(queue, "b")
    for ticket in gone:
        queue.leave(ticket)
    assert serve_all(queue) == "ab"


def test_a_full_queue_refuses_and_says_how_long_it_is() -> None:
    queue = FairQueue(3)
    for _ in range(3):
        join(queue, "a")
    assert queue.join("a", 0, NEVER) == Refusal(None)  # nobody was served yet
    queue.next(2.0)
    join(queue, "a", 2.0)
    assert queue.join("a", 2.0, NEVER) == Refusal(pytest.approx(6.0))  # 3 wait, a place every 2 s


def test_a_newcomer_takes_the_newest_place_of_whoever_has_the_most() -> None:
    queue = FairQueue(4)
    loud = [join(queue, "loud") for _ in range(4)]
    quiet = queue.join("quiet", 0, NEVER)
    assert isinstance(quiet, Joined)
    assert quiet.displaced is loud[3]
    assert loud[3].state is TicketState.DISPLACED
    again = queue.join("quiet", 0, NEVER)
    assert isinstance(again, Joined)
    assert again.displaced is loud[2]
    assert isinstance(queue.join("quiet", 0, NEVER), Refusal)  # two and two: nobody has more
    assert isinstance(queue.join("loud", 0, NEVER), Refusal)
    assert serve_all(queue) == "loudquiet" * 2
    assert len(queue) == 0


def test_nobody_is_displaced_by_whoever_would_have_more_then() -> None:
    queue = FairQueue(5)
    for tenant in "aaabb":
        join(queue, tenant)
    assert isinstance(queue.join("b", 0, NEVER), Refusal)  # 3 of b and 2 of a would be no better


def test_who_has_the_most_is_who_has_it_now() -> None:
    queue = FairQueue(4)
    for _ in range(4):
        join(queue, "a")
    for _ in range(3):
        queue.next(0)
    *_, newest = [join(queue, "b") for _ in range(3)]
    joined = queue.join("c", 0, NEVER)
    assert isinstance(joined, Joined)
    assert joined.displaced is newest


def test_the_least_urgent_is_displaced_first() -> None:
    queue = FairQueue(3)
    later, _, _ = join(queue, "a", priority=1), join(queue, "a"), join(queue, "a")
    joined = queue.join("b", 0, NEVER)
    assert isinstance(joined, Joined)
    assert joined.displaced is later


def test_a_weight_is_a_share_of_the_places_too() -> None:
    queue = FairQueue(6)
    for _ in range(6):
        join(queue, "heavy", weight=5)
    joined = queue.join("light", 0, NEVER, weight=1)
    assert isinstance(joined, Joined)  # 1 of weight 1 is as long as 5 of weight 5
    assert isinstance(queue.join("light", 0, NEVER, weight=1), Refusal)


def test_a_smaller_queue_keeps_who_waits_and_displaces_nobody() -> None:
    queue = FairQueue(4)
    for _ in range(4):
        join(queue, "a")
    queue.most = 2
    assert isinstance(queue.join("b", 0, NEVER), Refusal)
    assert len(queue) == 4


def test_an_expired_ticket_makes_room_and_is_told_once() -> None:
    queue = FairQueue(2)
    first, second = join(queue, "a", deadline=5.0), join(queue, "a", deadline=6.0)
    assert queue.next_deadline() == 5.0
    third = join(queue, "a", now=5.0)  # the first has expired by then
    assert queue.expire(5.0) == [first]
    assert queue.expire(5.0) == []
    assert queue.next(6.0) is third
    assert queue.expire(6.0) == [second]
    assert queue.next_deadline() is None


def test_what_is_expired_already_is_refused_and_displaces_nobody() -> None:
    queue = FairQueue(2)
    for _ in range(2):
        join(queue, "a")
    assert isinstance(queue.join("b", 3.0, 3.0), Refusal)
    assert len(queue) == 2


def test_the_expected_wait_is_the_position_times_the_pace() -> None:
    queue = FairQueue(100)
    tickets = [join(queue, "a") for _ in range(10)]
    assert queue.expected_wait(tickets[9], 0) is None
    for now in (0.5, 1.0, 1.5):
        queue.next(now)
    assert queue.expected_wait(tickets[9], 1.5) == pytest.approx(7 * 0.5)
    assert queue.expected_wait(tickets[9], 11.5) > 7 * 2.0  # type: ignore[operator]  # nothing came for 10 s


def test_time_in_which_nobody_waited_is_not_slowness() -> None:
    queue = FairQueue(100)
    for start in (0.0, 1000.0):
        join(queue, "a", start)
        queue.next(start + 1)
    last = join(queue, "a", 5000.0)
    assert queue.expected_wait(last, 5000.0) == pytest.approx(1.0)


@pytest.mark.parametrize("weight", [1, TURN, TURN * 10])
def test_any_weight_from_one_is_served(weight: int) -> None:
    queue = FairQueue(10)
    join(queue, "a", weight=weight)
    join(queue, "b")
    assert sorted(serve_all(queue)) == ["a", "b"]


class Model:
    """Every ticket ever given, and how it ended."""

    def __init__(self) -> None:
        self.ends: dict[Ticket, TicketState] = {}
        self.all: list[Ticket] = []

    def end(self, ticket: Ticket, state: TicketState) -> None:
        assert ticket not in self.ends, "a ticket ends once"
        self.ends[ticket] = state

    def waiting(self) -> list[Ticket]:
        return [it for it in self.all if it not in self.ends]


A_STEP = st.one_of(
    st.tuples(st.just("join"), st.integers(0, 5), st.integers(1, 30), st.integers(1, 4)),
    st.tuples(st.just("next"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("leave"), st.integers(0, 50), st.just(0), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 10), st.just(0), st.just(0)),
    st.tuples(st.just("expire"), st.just(0), st.just(0), st.just(0)),
)


@given(st.lists(A_STEP, max_size=120), st.integers(1, 12))
def test_every_ticket_ends_exactly_once_and_none_that_expired_is_served(
    steps: list[tuple[str, int, int, int]], most: int
) -> None:
    queue, model, now = FairQueue(most), Model(), 0.0

    def reap() -> None:
        for ticket in queue.expire(now):
            assert ticket.deadline <= now
            model.end(ticket, TicketState.EXPIRED)

    for what, number, seconds, weight in steps:
        if what == "wait":
            now += number
        elif what == "join":
            joined = queue.join(f"t{number}", now, now + seconds, weight, priority=seconds % 2)
            if isinstance(joined, Joined):
                model.all.append(joined.ticket)
                if joined.displaced is not None:
                    model.end(joined.displaced, TicketState.DISPLACED)
        elif what == "next":
            first = queue.first(now)
            ticket = queue.next(now)
            assert ticket is first
            reap()
            if ticket is None:
                assert not model.waiting()
            else:
                assert ticket.deadline > now
                model.end(ticket, TicketState.SERVED)
        elif what == "leave" and (waiting := model.waiting()):
            ticket = waiting[number % len(waiting)]
            if ticket.state is TicketState.WAITING:
                queue.leave(ticket)
                queue.leave(ticket)
                model.end(ticket, TicketState.LEFT)
        else:
            reap()
        assert len(queue) <= most
        assert len(queue) == sum(it.state is TicketState.WAITING for it in model.all)
    now += 1000
    reap()
    assert queue.next(now) is None
    assert {it: it.state for it in model.all} == model.ends


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=40),
    st.tuples(*[st.integers(1, 7)] * 5),
    st.integers(0, 20),
    st.sets(st.integers(0, 39)),
)
def test_a_position_is_how_many_are_served_up_to_it(
    joins: list[tuple[int, int]], weights: tuple[int, ...], before: int, leaving: set[int]
) -> None:
    queue = FairQueue(100)
    tickets = [join(queue, f"t{tenant}", 0, NEVER, weights[tenant], priority) for tenant, priority in joins[::2]]
    for _ in range(before):
        queue.next(0)
    tickets += [join(queue, f"t{tenant}", 0, NEVER, weights[tenant], priority) for tenant, priority in joins[1::2]]
    for number in leaving:
        queue.leave(tickets[number % len(tickets)])

    foretold = {it: queue.position(it) for it in tickets}
    order = list(iter(lambda: queue.next(0), None))

    assert [foretold[it] for it in order] == list(range(1, len(order) + 1))
    assert all(foretold[it] == 0 for it in tickets if it not in order)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), min_size=8, max_size=200),
    st.tuples(*[st.integers(1, 5)] * 4),
    st.integers(0, 2**32),
)
def test_two_that_both_wait_differ_by_a_turn_each_at_most(
    joins: list[tuple[int, int]], weights: tuple[int, ...], seed: int
) -> None:
    """Goyal, Vin and Cheng, theorem 1: over any stretch in which two flows are backlogged,
    |served_f / weight_f - served_m / weight_m| <= 1 / weight_f + 1 / weight_m (requests of size 1)."""
    queue, rng = FairQueue(10_000), Random(seed)
    waiting: Counter[int] = Counter()
    history: list[tuple[int, frozenset[int]]] = []
    for tenant, number in joins:
        for _ in range(number):
            join(queue, f"t{tenant}", 0, NEVER, weights[tenant])
            waiting[tenant] += 1
        for _ in range(rng.randint(0, 4)):
            backlogged = frozenset(it for it, count in waiting.items() if count)
            if (ticket := queue.next(0)) is not None:
                served = int(ticket.tenant[1:])
                waiting[served] -= 1
                history.append((served, backlogged))
    for one in range(4):
        for other in range(one):
            _check_bound(history, one, other, weights)


def _check_bound(history: list[tuple[int, frozenset[int]]], one: int, other: int, weights: tuple[int, ...]) -> None:
    """Over every stretch at once: the range of the difference since both began to wait."""
    bound = 1 / weights[one] + 1 / weights[other] + 1e-6
    ahead = low = high = 0.0
    for served, backlogged in history:
        if not {one, other} <= backlogged:
            ahead = low = high = 0.0
            continue
        ahead += (served == one) / weights[one] - (served == other) / weights[other]
        low, high = min(low, ahead), max(high, ahead)
        assert high - low <= bound


def alive() -> Counter[str]:
    gc.collect()  # a ticket and its flow know each other: what nobody else holds is not kept
    return Counter(type(it).__name__ for it in gc.get_objects() if isinstance(it, Ticket | Flow))


def test_memory_follows_who_waits_and_not_who_was_there() -> None:
    before = alive()
    queue = FairQueue(10)
    join(queue, "patient", deadline=NEVER)
    for number in range(2000):
        queue.leave(join(queue, "patient"))
        queue.leave(join(queue, f"t{number}"))
    kept = alive() - before
    assert kept["Ticket"] <= 4 * SLACK, kept
    assert kept["Flow"] <= 4 * SLACK, kept
    assert queue.position(join(queue, "new")) == 2
