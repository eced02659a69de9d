import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.providers.usage import MOST_TOKENS, AnthropicUsage, anthropic_usage, openai_usage, service_of

SMALL = st.integers(0, 10**6)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)
OPENAI_NAMES = st.sampled_from(
    ["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"]
)
ANTHROPIC_NAMES = st.sampled_from(
    ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"]
)


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}, Usage(3, 5)),
        ({"prompt_tokens": 3, "completion_tokens": 0}, Usage(3, 0)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Usage(0, 0)),
        ({"prompt_tokens": 8, "total_tokens": 8}, Usage(8, 0)),
        ({"total_tokens": 4}, Usage(4, 0)),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "total_tokens": 150,
                "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 7},
                "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 9},
            },
            Usage(100, 50, cache_read_tokens=60, reasoning_tokens=20, audio_input_tokens=7, audio_output_tokens=9),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, Usage(9, 1, cache_read_tokens=4)),
        ({"prompt_tokens": 3, "completion_tokens": 5, "prompt_tokens_details": None}, Usage(3, 5)),
        (None, None),
        ({}, None),
        ("12", None),
        ({"prompt_tokens": None, "completion_tokens": None}, None),
    ],
)
def test_openai_usage(reported: object, usage: Usage | None) -> None:
    assert openai_usage(reported) == usage


def test_reasoning_that_the_total_counts_beside_the_completion_is_output() -> None:
    """xAI: total 131 = prompt 20 + completion 11 + reasoning 100."""
    reported = {
        "prompt_tokens": 20,
        "completion_tokens": 11,
        "total_tokens": 131,
        "completion_tokens_details": {"reasoning_tokens": 100},
    }
    assert openai_usage(reported) == Usage(20, 111, reasoning_tokens=100)


@pytest.mark.parametrize("count", [-1, 1.5, 12.0, "12", True, None, [], {}])
def test_a_count_that_is_no_count_is_absent(count: object) -> None:
    assert openai_usage({"prompt_tokens": count, "completion_tokens": 5}) == Usage(0, 5)
    assert anthropic_usage({"input_tokens": count, "output_tokens": 5}) == Usage(0, 5)


def test_a_huge_count_is_cut_to_the_most() -> None:
    assert openai_usage({"prompt_tokens": 10**40, "completion_tokens": 1}) == Usage(MOST_TOKENS, 1)
    lanes = {"input_tokens": 10**40, "output_tokens": 1, "cache_read_input_tokens": 10**40}
    usage = anthropic_usage(lanes)
    assert usage is not None
    assert usage.input_tokens == MOST_TOKENS


@given(st.dictionaries(OPENAI_NAMES, ANYTHING), st.dictionaries(ANTHROPIC_NAMES, ANYTHING))
def test_hostile_reports_give_small_counts_or_none(openai: object, anthropic: object) -> None:
    for usage in (openai_usage(openai), anthropic_usage(anthropic)):
        if usage is not None:
            for lane in set(usage.__struct_fields__) - {"service_tier"}:
                assert 0 <= getattr(usage, lane) <= 2 * MOST_TOKENS


@given(SMALL, SMALL, SMALL, SMALL, SMALL)
def test_anthropic_input_is_the_sum_of_its_lanes(fresh: int, read: int, five: int, hour: int, output: int) -> None:
    usage = anthropic_usage(
        {
            "input_tokens": fresh,
            "output_tokens": output,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": five + hour,
            "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        }
    )
    assert usage == Usage(
        fresh + read + five + hour,
        output,
        cache_read_tokens=read,
        cache_write_5m_tokens=five,
        cache_write_1h_tokens=hour,
    )
    assert usage is not None
    assert usage.fresh_input_tokens == fresh


def test_writes_of_unknown_lifetime_are_five_minute_ones() -> None:
    usage = anthropic_usage({"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 10})
    assert usage == Usage(11, 1, cache_write_5m_tokens=10)


def test_a_later_report_overtakes_only_the_lanes_it_has() -> None:
    begun = AnthropicUsage().with_report({"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 4})
    assert begun.with_report({"output_tokens": 30}).usage == Usage(14, 30, cache_read_tokens=4)
    assert begun.with_report({"output_tokens": 30, "input_tokens": 12}).usage == Usage(16, 30, cache_read_tokens=4)


def test_nothing_reported_is_none() -> None:
    assert anthropic_usage({"cache_read_input_tokens": 4}) is None


@pytest.mark.parametrize(
    ("reported", "service"),
    [
        ({}, ServiceTier.STANDARD),
        ({"service_tier": "standard"}, ServiceTier.STANDARD),
        ({"service_tier": "priority"}, ServiceTier.STANDARD),  # capacity that was bought before, at usual prices
        ({"service_tier": "batch"}, ServiceTier.BATCH),
        ({"speed": "fast"}, ServiceTier.FAST),
        ({"service_tier": 7}, ServiceTier.STANDARD),
    ],
)
def test_anthropic_tells_the_service_in_its_usage(reported: dict[str, object], service: ServiceTier) -> None:
    usage = anthropic_usage({"input_tokens": 1, "output_tokens": 1} | reported)
    assert usage is not None
    assert usage.service_tier is service


@pytest.mark.parametrize(
    ("said", "service"),
    [("priority", ServiceTier.PRIORITY), ("flex", ServiceTier.FLEX), ("default", ServiceTier.STANDARD), (None, None)],
)
def test_a_service_that_prices_do_not_know_is_the_usual_one(said: object, service: ServiceTier | None) -> None:
    assert service_of(said) is (service or ServiceTier.STANDARD)


def test_tokens_of_images_have_a_lane() -> None:
    details = {"image_tokens": 7}
    assert openai_usage({"prompt_tokens": 9, "prompt_tokens_details": details}) == Usage(9, image_input_tokens=7)
