import re

from ai_gateway.runtime.ids import BATCH, Ids, attempt_id, request_id, response_id

FORM = re.compile(r"req_[0-9a-f]{12}[0-9a-f]{16}")


def test_ids_are_ours_and_never_twice_the_same() -> None:
    ids = Ids()
    made = [ids.request_id(1_700_000_000.5) for _ in range(3 * BATCH)] + [request_id(1_700_000_000.5)]
    assert all(FORM.fullmatch(it) for it in made)
    assert len(set(made)) == len(made)


def test_ids_sort_by_time() -> None:
    ids = Ids()
    assert ids.request_id(1_700_000_000.001) < ids.request_id(1_700_000_000.002) < request_id(1_700_000_000.003)


def test_the_id_of_a_stored_response_is_all_chance() -> None:
    made = {response_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(re.fullmatch(r"resp_[0-9a-f]{48}", it) for it in made)


def test_an_attempt_names_its_request_and_its_place() -> None:
    assert attempt_id("req_018cabc", 2) == "att_018cabc_2"
