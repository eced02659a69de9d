"""One real process on SQLite, one dollar on all five levels, and a crowd that asks at once: at no look at what the
process itself says is more spent and held than a limit allows, and nearly all of it can be spent.

How many callers there are is for the environment to say (AI_GATEWAY_TEST_CALLERS), as for several processes.
"""

import threading
from collections import Counter
from pathlib import Path

import pytest

from process.crowd import COST, Callers, a_spending_provider
from process.fleet import LEVELS, Fleet, a_key_on_five_legs, move_in
from process.test_leases import CROWD, CROWDED_SECONDS, DOLLAR, QUEUE_SECONDS
from support.gateway import Gateway


class Onlooker:
    """Asks for the budgets without pause. `highest`: the most that was spent and held together, by level."""

    def __init__(self, gateway: Gateway) -> None:
        self.looks = 0
        self.highest = Counter[str]()
        self._gateway = gateway
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Onlooker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            for it in self._gateway.admin("GET", "/budgets").json["data"]:
                used = it["spent_nano_usd"] + it["held_nano_usd"] + it["leased_nano_usd"]
                self.highest[it["scope"]] = max(self.highest[it["scope"]], used)
            self.looks += 1


@pytest.mark.timeout(180 + CROWD // 20)
def test_b01_b20_one_process_spends_the_dollar_and_never_more_and_says_so_all_the_while(tmp_path: Path) -> None:
    with a_spending_provider(CROWDED_SECONDS) as (url, bill), Fleet(None, [tmp_path / "data"]) as fleet:
        move_in(fleet, url)
        callers = Callers(fleet, a_key_on_five_legs(fleet, "spender", "1.00", QUEUE_SECONDS))
        with Onlooker(fleet.any) as onlooker:
            callers.run(CROWD).join()
        standing = fleet.any.admin("GET", "/budgets").json["data"]
        [audit] = [fleet.any.admin("GET", "/usage/audit").json]
    print(f"\n{CROWD} callers, at most {callers.most_open} requests open at once: {dict(callers.answers)};")
    print(f"{onlooker.looks} looks, at most {dict(onlooker.highest)}")
    assert not callers.odd
    assert set(callers.answers) <= {"ok", "budget_exceeded", "gone"}, "nobody is refused wrongly"
    assert set(onlooker.highest) == set(LEVELS)
    assert max(onlooker.highest.values()) <= DOLLAR
    assert sum(bill.values()) * COST == callers.answers["ok"] * COST == DOLLAR
    assert {(it["spent_nano_usd"], it["held_nano_usd"]) for it in standing} == {(DOLLAR, 0)}
    assert audit["agrees"], audit
