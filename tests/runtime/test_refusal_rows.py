from ai_gateway.runtime.refusal_rows import RefusalRows


def test_a_key_has_so_many_rows_a_minute() -> None:
    rows = RefusalRows(each=2)
    assert [rows.take("k", 0.0) for _ in range(3)] == [True, True, False]
    assert rows.take("other", 59.9)
    assert rows.take("k", 60.0)


def test_all_keys_together_have_so_many() -> None:
    rows = RefusalRows(each=10, altogether=3)
    assert [rows.take(f"k{number}", 1.0) for number in range(4)] == [True, True, True, False]
    assert rows.take("k9", 61.0)
