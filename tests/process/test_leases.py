"""Several real gateways over one PostgreSQL and one dollar, whatever becomes of them: together they never spend more,
and nearly all of it can be spent.

How many kills and how much money is for the environment to say (AI_GATEWAY_TEST_KILLS); the usual numbers take seconds.
"""

import os
import random
import time
from pathlib import Path

import pytest

from process.fleet import COST, Callers, Fleet, Watcher, a_spending_provider, move_in, sums_of

KILLS = int(os.environ.get("AI_GATEWAY_TEST_KILLS", "2"))
DOLLAR = 1_000_000_000
CALLERS = 12


@pytest.mark.timeout(120 + 30 * KILLS)
def test_three_processes_never_spend_more_than_a_dollar_through_any_kill(tmp_path: Path, database: str) -> None:
    """They share a data folder: each has a journal of its own in it, and whoever is there replays that of the dead."""
    chance = random.Random(5)
    with a_spending_provider() as (url, bill), Fleet(database, [tmp_path / "data"] * 3) as fleet:
        callers = Callers(fleet, move_in(fleet, url, "1.00"), patience_seconds=60 + 30 * KILLS)
        with Watcher(database) as watcher:
            threads = callers.run(CALLERS)
            for _ in range(KILLS):
                time.sleep(chance.uniform(0.1, 0.6))
                slot = chance.choice(sorted(fleet.gateways))
                fleet.kill(slot)
                fleet.start(slot)
            for thread in threads:
                thread.join()
    sums = sums_of(database)
    print(f"\n{KILLS} kills: {dict(callers.answers)}, {watcher.looks} looks, at most {watcher.highest}, {sums}")
    assert watcher.looks > 100
    assert watcher.highest <= DOLLAR, "settled and leased, at any instant"
    assert sums["ledger"] == sums["key"] == sums["team"] <= DOLLAR
    assert sums["ledger"] == sums["rows"] * COST, "an orphan here costs nothing: its floor is its input, which is free"
    assert sums["leased"] == 0, "whoever ended gave back what it had"
    assert sums["ledger"] >= DOLLAR * 95 // 100, "and it could be spent"
    assert len(callers.paid) <= sums["rows"] <= sum(bill.values()) <= sums["rows"] + sums["orphans"]
    assert not callers.odd
