from ai_gateway.domain.stored_responses import StoredResponse


def test_its_size_is_that_of_all_its_bytes() -> None:
    assert StoredResponse("resp_1", b"12345", b"[]").size == 7
