import pytest

from ai_gateway.admin.price_fields import (
    FIELDS,
    PriceBody,
    ceiling_body_of,
    columns_of,
    said_by,
    show_ceiling,
    show_lanes,
)
from ai_gateway.store.rows import PriceRow

_LEAST = {"model": "m", "input_per_million_usd": "0.000001", "output_per_million_usd": 2}


def test_a_body_and_its_row_say_the_same() -> None:
    body = PriceBody.model_validate(_LEAST)
    row = PriceRow(id="price_1", tenant_id=None, created_at=0.0, effective_from=0.0, **columns_of(body))
    assert (row.input_pico, row.output_pico, row.request_pico) == (1, 2_000_000, None)
    assert said_by(row) == {
        "model": "m",
        "provider": None,
        "input_per_million_usd": "0.000001",
        "output_per_million_usd": "2.00",
        "cache_read_per_million_usd": None,
        "cache_write_per_million_usd": None,
        "effective_from": "1970-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("lane", "pico", "text"), [("input", 1, "0.000001"), ("request", 1, "0.000000000001"), ("reasoning", 0, "0.00")]
)
def test_lanes_are_shown_to_the_last_pico_dollar(lane: str, pico: int, text: str) -> None:
    assert show_lanes({lane: pico}) == {FIELDS[lane]: text}


def test_a_ceiling_is_rebuilt_from_what_is_stored() -> None:
    lanes = {"input": 3, "output": 4}
    body = ceiling_body_of(lanes)
    assert body is not None
    assert body.lanes() == lanes
    assert show_ceiling(lanes) == {"input_per_million_usd": "0.000003", "output_per_million_usd": "0.000004"}
    assert ceiling_body_of(None) is show_ceiling(None) is None
