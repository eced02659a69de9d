import csv
import io
from typing import Any

import pytest

from admin.world import FOREIGN, NOW, OWN, PREFIX, TOKENS, World
from ai_gateway.policy.windows import DAY_MS
from ai_gateway.store.rows import LedgerRow

DAY = int(NOW) // 86_400  # 2027-01-15


def _row(number: int, day: int = DAY, **more: Any) -> LedgerRow:
    fields: dict[str, Any] = {
        "request_id": f"req_{day * DAY_MS:012x}{number:016x}",
        "attempt_id": f"att_{number}",
        "kind": "charge",
        "tenant_id": OWN,
        "key_id": "key_1",
        "requested_model": "fast",
        "model": "gpt-4o-mini",
        "endpoint": "up-1",
        "provider": "openai",
        "operation": "chat",
        "input_tokens": 10,
        "cost_nano_usd": 1_500,
        "priced": True,
        "credential": "tenant",
        "outcome": "ok",
        "estimated": False,
        "started_at": NOW,
        "total_ms": 12.5,
        "day": day,
    }
    return LedgerRow(**{**fields, **more})


async def ask(world: World, query: str = "", **options: Any) -> dict[str, Any]:
    answer = await world.call("GET", f"/usage{query}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_usage_is_told_by_day_unless_somebody_says_otherwise(world: World) -> None:
    await world.store.append_ledger([_row(1), _row(2, DAY + 1, outcome="timeout"), _row(3, DAY + 1, kind="adjust")])
    answer = await ask(world, role="viewer")
    assert [(it["day"], it["requests"], it["errors"], it["cost_nano_usd"]) for it in answer["data"]] == [
        ("2027-01-15", 1, 0, 1_500),
        ("2027-01-16", 1, 1, 3_000),
    ]
    assert answer["data"][0]["cost_usd"] == "0.0000015"
    assert (answer["has_more"], answer["next_cursor"], answer["watermark"]) == (False, None, 3)
    assert answer["total"]["cost_nano_usd"] == 4_500
    assert answer["as_of"] == "2027-01-15T08:00:00Z"


async def test_pages_belong_to_one_watermark_whatever_is_booked_between_them(world: World) -> None:
    await world.store.append_ledger([_row(number, model=f"m{number}") for number in range(5)])
    seen: list[str] = []
    query = "?by=model&limit=2"
    while True:
        page = await ask(world, query)
        seen += [it["model"] for it in page["data"]]
        assert ("total" in page) == ("cursor" not in query)
        assert page["watermark"] == 5
        if not page["has_more"]:
            break
        query = f"?by=model&limit=2&cursor={page['next_cursor']}"
        await world.store.append_ledger([_row(100 + len(seen), model="a-new-one")])
    assert seen == ["m0", "m1", "m2", "m3", "m4"]


async def test_who_sends_a_watermark_back_sees_the_same_again(world: World) -> None:
    await world.store.append_ledger([_row(1)])
    first = await ask(world, "?by=key,model")
    await world.store.append_ledger([_row(2)])
    assert (await ask(world, f"?by=key,model&watermark={first['watermark']}"))["data"] == first["data"]
    assert (await ask(world, "?by=key,model"))["data"][0]["requests"] == 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("by=weekday", "unknown_dimension"),
        ("by=day,day", "unknown_dimension"),
        ("watermark=9", "invalid_watermark"),
        ("cursor=dGVhbV8x", "invalid_cursor"),
        ("cursor=OS4w", "invalid_watermark"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_the_reason(world: World, query: str, code: str) -> None:
    answer = await world.call("GET", f"/usage?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_a_time_is_of_admission_and_ends_before_until(world: World) -> None:
    await world.store.append_ledger([_row(number, DAY + number) for number in range(3)])
    answer = await ask(world, "?since=2027-01-16T00:00:00Z&until=2027-01-17T00:00:00Z")
    assert [it["day"] for it in answer["data"]] == ["2027-01-16"]
    answer = await ask(world, "?since=2027-01-15T00:00:00.001Z&by=")
    assert [it["requests"] for it in answer["data"]] == [2]


@pytest.mark.parametrize(
    "name",
    ["key_id", "team_id", "department_id", "user_id", "model", "requested_model", "provider", "endpoint", "route",
     "credential", "outcome"],
)  # fmt: skip
async def test_usage_is_filtered(world: World, name: str) -> None:
    await world.store.append_ledger([_row(1), _row(2, **{name: "other", "cost_nano_usd": 7})])
    assert (await ask(world, f"?by=&{name}=other"))["total"]["cost_nano_usd"] == 7


async def test_a_tenants_people_see_their_own_and_the_platform_sees_all(world: World) -> None:
    await world.store.append_ledger([_row(1), _row(2, tenant_id=FOREIGN)])
    query = "?by=tenant"
    assert [it["tenant_id"] for it in (await ask(world, query))["data"]] == [OWN]
    assert (await ask(world, f"{query}&tenant_id={FOREIGN}"))["data"] == []
    assert [it["tenant_id"] for it in (await ask(world, query, role="platform"))["data"]] == [FOREIGN, OWN]
    assert [it["tenant_id"] for it in (await ask(world, query, role="platform", tenant=FOREIGN))["data"]] == [FOREIGN]


async def test_csv_has_every_group_and_the_same_numbers(world: World) -> None:
    rows = [_row(1, model="=cmd()", team_id="a,b"), _row(2, kind="adjust", cost_nano_usd=-5_000, model='m"2')]
    await world.store.append_ledger(rows)
    answer = await world.call("GET", "/usage?by=model,team&format=csv&limit=1")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-watermark"] == "2"
    read = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(it["model"], it["team_id"], it["cost_nano_usd"], it["cost_usd"]) for it in read] == [
        ("'=cmd()", "a,b", "1500", "0.0000015"),
        ('m"2', "", "-5000", "-0.000005"),
    ]
    listed = await ask(world, "?by=model,team")
    assert [int(it["cost_nano_usd"]) for it in read] == [it["cost_nano_usd"] for it in listed["data"]]


@pytest.mark.parametrize(("accept", "kind"), [("text/csv;q=1, */*", "text/csv"), ("*/*", "application/json")])
async def test_csv_comes_to_who_accepts_it_first(world: World, accept: str, kind: str) -> None:
    headers = {"authorization": f"Bearer {TOKENS['viewer']}", "accept": accept}
    answer = await world.raw("GET", PREFIX + "/usage", headers=headers)
    assert answer.headers["content-type"].startswith(kind)
