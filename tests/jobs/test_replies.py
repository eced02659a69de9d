import asyncio
from typing import Any

from ai_gateway.jobs.replies import CUT_EVERY, keep_replies, tend
from support.turns import until


class Counted:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.is_away = False

    async def renew(self) -> None:
        if self.is_away:
            raise ConnectionError("away")
        self.done.append("renew")

    async def cut(self) -> int:
        self.done.append("cut")
        return 0


async def test_claims_are_renewed_each_round_and_replies_cut_now_and_then() -> None:
    counted: Any = Counted()
    errors: list[Exception] = []
    job = asyncio.ensure_future(keep_replies(counted, errors.append, every_seconds=0))
    await until(lambda: counted.done.count("cut") == 2)
    job.cancel()
    assert counted.done[: CUT_EVERY + 1] == ["renew"] * CUT_EVERY + ["cut"]
    assert errors == []


async def test_a_vault_that_is_away_is_told_and_asked_again() -> None:
    counted: Any = Counted()
    counted.is_away = True
    errors: list[Exception] = []
    await tend(counted, errors.append, with_cut=True)
    assert [str(error) for error in errors] == ["away"]
