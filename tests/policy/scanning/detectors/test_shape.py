from ai_gateway.policy.scanning.detectors.shape import Run


def test_a_run_ends_where_another_kind_of_character_is() -> None:
    run = Run("a-z")(b"anything")
    assert run.take("xxab-c", 2) == 4
    assert run.take("-ab", 1) is None  # it may go on
    assert run.take("a\u200bb-", 0) == 3
    assert run.take("-", 0) == 0
