import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ServiceTier, Usage, has_parts


def test_fresh_input_is_what_no_cache_had_a_part_in() -> None:
    usage = Usage(input_tokens=100, cache_read_tokens=30, cache_write_5m_tokens=20, cache_write_1h_tokens=10)
    assert usage.fresh_input_tokens == 40  # 100 - 30 - 20 - 10


@given(total=st.integers(0, 10**9), read=st.integers(0, 10**9))
def test_fresh_input_is_never_negative_whatever_a_provider_reports(total: int, read: int) -> None:
    assert Usage(input_tokens=total, cache_read_tokens=read).fresh_input_tokens == max(0, total - read)


@pytest.mark.parametrize("lane", [it for it in Usage.__struct_fields__ if it not in {"input_tokens", "output_tokens"}])
def test_a_usage_has_parts_where_a_lane_or_the_service_says_more(lane: str) -> None:
    whole = Usage(input_tokens=5, output_tokens=5)
    more = ServiceTier.FLEX if lane == "service_tier" else 1
    assert not has_parts(whole)
    assert has_parts(msgspec.structs.replace(whole, **{lane: more}))
