"""Several real gateways over one PostgreSQL and one limit, whatever becomes of them: together they never spend more,
and nearly all of it can be spent.

How many callers ask at once and how often somebody is killed is for the environment to say (AI_GATEWAY_TEST_CALLERS,
AI_GATEWAY_TEST_KILLS); the usual numbers take seconds, `make kills` takes ten thousand callers.
"""

import itertools
import os
import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from process.crowd import COST, Callers, a_spending_provider
from process.fleet import LEVELS, Fleet, Watcher, a_key, a_key_on_five_legs, move_in, sums_of
from support.gateway import Gateway, until
from support.postgres import a_database

KILLS = int(os.environ.get("AI_GATEWAY_TEST_KILLS", "2"))
CROWD = int(os.environ.get("AI_GATEWAY_TEST_CALLERS", "12"))
DOLLAR = 1_000_000_000
CALLERS = 12
ANSWER_SECONDS = 0.02
CROWDED_SECONDS = ANSWER_SECONDS if CROWD < 1_000 else 10.0
"""So long that all have asked before the first is answered, and that the kills fall among them."""
BETWEEN_KILLS = (0.1, 0.6) if CROWD < 1_000 else (1.0, 5.0)
QUEUE_SECONDS = 60.0


@pytest.mark.timeout(180 + 30 * KILLS + CROWD // 20)
def test_b01_b07_three_processes_never_spend_more_than_a_dollar_on_any_level_through_any_kill(
    tmp_path: Path, database: str
) -> None:
    """They share a data folder: each has a journal of its own in it, and whoever is there replays that of the dead."""
    chance = random.Random(5)
    with a_spending_provider(CROWDED_SECONDS) as (url, bill), Fleet(database, [tmp_path / "data"] * 3) as fleet:
        move_in(fleet, url)
        key = a_key_on_five_legs(fleet, "spender", "1.00", QUEUE_SECONDS)
        callers = Callers(fleet, key, most_seconds=90 + 30 * KILLS + CROWD / 40)
        with Watcher(database) as watcher:
            begun = time.monotonic()
            thread = callers.run(CROWD)
            with ThreadPoolExecutor(3) as starters:
                starts: list[Future[None]] = []
                for _ in range(KILLS):
                    time.sleep(chance.uniform(*BETWEEN_KILLS))
                    slot = chance.choice(until(lambda: sorted(fleet.gateways), "somebody who lives"))
                    callers.killed_among.append(callers.now_open)
                    fleet.kill(slot)
                    starts.append(starters.submit(fleet.start, slot))
                for it in starts:
                    it.result()
            thread.join()
            took = time.monotonic() - begun
    sums = sums_of(database)
    print(f"\n{CROWD} callers, at most {callers.most_open} requests open at once, {KILLS} kills, {took:.0f} s:")
    print(f"open when somebody was killed: {callers.killed_among};")
    print(f"{dict(callers.answers)}; {watcher.looks} looks, at most {dict(watcher.highest)}; {sums}")
    assert not callers.odd
    assert watcher.looks > 100
    assert set(watcher.highest) == set(LEVELS)
    assert max(watcher.highest.values()) <= DOLLAR, "settled and leased, on any level, at any instant"
    assert {sums[level] for level in LEVELS} == {sums["ledger"]}
    assert sums["ledger"] == sums["rows"] * COST, "an orphan here costs nothing: its floor is its input, which is free"
    assert sums["leased"] == 0, "whoever ended gave back what it had"
    assert DOLLAR * 95 // 100 <= sums["ledger"] <= DOLLAR, "it could be spent, and no more"
    assert len(callers.paid) <= sums["rows"] <= sum(bill.values()) <= sums["rows"] + sums["orphans"]


@pytest.mark.timeout(240)
def test_a_process_lost_with_its_disk_stays_charged_until_somebody_says_what_it_spent(
    tmp_path: Path, database: str
) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    with (
        a_spending_provider(ANSWER_SECONDS) as (url, bill),
        Fleet(database, folders, AI_GATEWAY_LEASE_LOST_SECONDS="15") as fleet,
    ):
        move_in(fleet, url)
        key = a_key(fleet, "spender", "0.25")
        with Watcher(database) as watcher:
            callers = Callers(fleet, key)
            thread = callers.run(CALLERS)
            until(lambda: len(callers.paid) > 60, "some traffic on all three")
            shutil.rmtree(fleet.kill(0))
            thread.join()
            assert not callers.odd
            left = lost_leases(fleet.any)
            assert {it["scope"] for it in left} == {"key", "team"}
            charged = {it["scope"]: it["charged"] for it in left}
            sums = sums_of(database)
            unknown = sum(bill.values()) * COST - sums["ledger"]
            print(f"\nlost: charged {charged}, spent unseen {unknown}, {dict(callers.answers)}, {sums}")
            assert 0 <= unknown <= min(charged.values()), "what nobody booked is within what is charged"
            for lease in left:
                amount = f"{unknown / DOLLAR:.9f}"
                said = fleet.any.admin("POST", f"/leases/{lease['id']}/resolve", {"outcome": "spent", "amount": amount})
                assert (said.status, said.json["state"], said.json["charged"]) == (200, "resolved", unknown)
            until(lambda: fleet.any.chat("paid/m", key, max_tokens=10).status == 200, "what was released")
            more = Callers(fleet, key)
            more.run(CALLERS).join()
    spent = sum(bill.values()) * COST
    print(f"then {dict(more.answers)}; the provider billed {spent}, at most {dict(watcher.highest)}")
    assert max(watcher.highest.values()) <= DOLLAR // 4
    assert DOLLAR // 4 * 95 // 100 <= spent <= DOLLAR // 4, "what the provider billed, the unseen part too"


def lost_leases(gateway: Gateway) -> list[dict[str, int | str]]:
    """Those that are in suspense and still charge something."""

    def look() -> list[dict[str, int | str]]:
        data = gateway.admin("GET", "/leases?state=suspense").json["data"]
        return [it for it in data if it["charged"]]

    return until(look, "leases in suspense")


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory, cluster: str, worker_id: str) -> Iterator[tuple[Fleet, str]]:
    """Three processes that nobody kills, and their database."""
    folders = [tmp_path_factory.mktemp(f"trio-{name}") / "data" for name in ("a", "b", "c")]
    with (
        a_database(cluster, f"trio_{worker_id}") as database,
        a_spending_provider(ANSWER_SECONDS) as (url, _),
        Fleet(database, folders) as fleet,
    ):
        move_in(fleet, url)
        yield fleet, database


@pytest.mark.timeout(180)
def test_b07_what_a_process_remembers_never_lets_anybody_over_a_shared_limit(trio: tuple[Fleet, str]) -> None:
    """A cold burst on three processes at once: the limit takes 10 requests, and not one more is answered."""
    fleet, _ = trio
    key = a_key(fleet, "b-07", "0.005")
    gateways = itertools.cycle(fleet.gateways.values())
    with ThreadPoolExecutor(30) as pool:
        replies = list(pool.map(lambda it: it.chat("paid/m", key, max_tokens=10), [next(gateways) for _ in range(60)]))
    answered = [it for it in replies if it.status == 200]
    assert len(answered) == 5_000_000 // COST == 10
    assert {it.status for it in replies} <= {200, 402, 429, 503}, "503: no grant within its time on a slow machine"
    assert all(it.chat("paid/m", key, max_tokens=10).status in (402, 429) for it in fleet.gateways.values())


@pytest.mark.timeout(240)
def test_a_rolling_replacement_under_load_refuses_nobody_and_loses_nothing(trio: tuple[Fleet, str]) -> None:
    fleet, database = trio
    callers = Callers(fleet, a_key(fleet, "rolling", "5.00"))
    before = sums_of(database)["rows"]
    with Watcher(database) as watcher:
        thread = callers.run(6)
        for slot in range(3):
            fleet.stop(slot)
            fleet.start(slot)
        callers.most_seconds = 0.0
        thread.join()
    for slot in range(3):
        fleet.stop(slot)
    sums = sums_of(database)
    print(f"\nrolled: {dict(callers.answers)}, {watcher.looks} looks, {sums}")
    assert set(callers.answers) <= {"ok", "gone"}, callers.odd
    assert sums["rows"] - before == len(callers.paid) == callers.answers["ok"] > 100
    assert sums["leased"] == 0
