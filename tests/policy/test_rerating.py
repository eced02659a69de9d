import msgspec
import pytest

from ai_gateway.domain.chat import Operation, Usage
from ai_gateway.policy.rerating import adjust, adjustment_id, attempt_of, booked_nano
from support.builders import a_price, a_receipt

CHARGE = a_receipt("att_1", usage=Usage(1_000, 100), cost_nano_usd=210_000)  # at $0.15 and $0.60
DEARER = a_price(version="price_2", input_pico=300_000, output_pico=1_200_000)


def test_the_difference_is_a_row_of_money_alone() -> None:
    found = adjust(CHARGE, [], DEARER)
    assert found is not None
    assert (found.kind, found.cost_nano_usd, found.usage) == ("adjust", 210_000, Usage())
    assert (found.request_id, found.started_at, found.price_version) == ("req_1", CHARGE.started_at, "price_2")
    assert attempt_of(found) == "att_1" == attempt_of(CHARGE)


def test_a_price_that_says_the_same_writes_nothing() -> None:
    assert adjust(CHARGE, [], a_price(version="price_2")) is None


def test_twice_is_once_and_a_correction_of_a_correction_counts_from_what_is_booked() -> None:
    first = adjust(CHARGE, [], DEARER)
    assert first is not None
    assert adjust(CHARGE, [first], DEARER) is None
    second = adjust(CHARGE, [first], a_price(version="price_3", input_pico=100_000, output_pico=0))
    assert second is not None
    assert second.cost_nano_usd == 100_000 - 420_000
    assert booked_nano(CHARGE, [first, second]) == 100_000


def test_what_was_free_because_nobody_had_priced_it_is_priced() -> None:
    unpriced = msgspec.structs.replace(CHARGE, cost_nano_usd=0, priced=False, price_version=None)
    found = adjust(unpriced, [], a_price())
    assert found is not None
    assert (found.cost_nano_usd, found.priced) == (210_000, True)


@pytest.mark.parametrize(
    "changes", [{"operation": Operation.COUNT_TOKENS, "cost_nano_usd": 0}, {"usage": Usage(), "cost_nano_usd": 0}]
)
def test_what_was_free_stays_free(changes: dict[str, object]) -> None:
    assert adjust(msgspec.structs.replace(CHARGE, **changes), [], DEARER) is None


def test_a_hit_of_a_cache_keeps_what_it_was_booked_at() -> None:
    hit = a_receipt(usage=Usage(), cost_nano_usd=21_000, cached=True)
    assert adjust(hit, [], DEARER) is None


def test_a_rows_id_says_what_it_adjusts_and_to_what() -> None:
    assert adjustment_id("att_1", "price_2") == "att_1~price_2"
