from ai_gateway.runtime.crashes import MOST_FRAMES, place_of

CANARY = "canary: a key, an address, a prompt"


def break_in_two(depth: int) -> None:
    if depth:
        break_in_two(depth - 1)
    try:
        raise KeyError(CANARY)
    except KeyError as error:
        raise ValueError(CANARY) from error


def broken(depth: int) -> ValueError:
    try:
        break_in_two(depth)
    except ValueError as error:
        return error
    raise AssertionError


def test_it_says_what_and_where_and_because_of_what_and_nothing_of_the_text() -> None:
    told = place_of(broken(0))
    assert told.startswith("ValueError at test_crashes.py:")
    assert " break_in_two < test_crashes.py:" in told
    assert ", because of KeyError at test_crashes.py:" in told
    assert "canary" not in told
    assert "/" not in told


def test_it_is_short_however_deep_it_was() -> None:
    assert place_of(broken(50)).count(" < ") < 2 * MOST_FRAMES


def test_what_was_never_raised_has_only_its_type() -> None:
    assert place_of(ValueError(CANARY)) == "ValueError"
