from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.world import NOW, OWN, World
from ai_gateway.admin.paging import decode_cursor, encode_cursor, listing
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.store.rows import TeamRow


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True))
def test_a_cursor_leads_back_to_its_id(row_id: str) -> None:
    assert decode_cursor(encode_cursor(row_id)) == row_id


@given(st.text(max_size=50))
def test_any_other_cursor_is_refused_or_is_an_id(cursor: str) -> None:
    with suppress(InvalidRequest):
        assert decode_cursor(cursor)


@pytest.mark.parametrize("cursor", ["", "!", "****", "é", "Li4vLi4v", "a"])
def test_a_cursor_that_no_list_gave_out_is_a_400(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor(cursor)


def test_a_page_says_whether_there_is_more() -> None:
    rows = [{"id": "a"}, {"id": "b"}]
    assert listing(rows, ["a", "b"], 2) == {"data": rows, "has_more": False, "next_cursor": None}
    assert listing(rows, ["a", "b"], 1) == {"data": rows[:1], "has_more": True, "next_cursor": encode_cursor("a")}


async def test_walking_the_pages_sees_every_row_once(world: World) -> None:
    await world.insert(
        *(TeamRow(id=f"team_{number:02}", tenant_id=OWN, created_at=NOW, name=f"t{number}") for number in range(7))
    )
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = (await world.call("GET", f"/teams?limit=3{cursor}")).json()
        seen += [row["id"] for row in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"team_{number:02}" for number in range(7)]
    assert page["has_more"] is False
    assert page["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=!!"])
async def test_a_list_refuses_a_bad_page_with_400(world: World, query: str) -> None:
    assert (await world.call("GET", f"/teams?{query}")).status_code == 400
