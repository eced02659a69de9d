"""Google's counts add up in our lanes."""

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.providers.translation.google_usage import google_usage, read_google_usage
from ai_gateway.providers.usage import MOST_TOKENS

ALL = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 60,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 30,
    "toolUsePromptTokenCount": 5,
    "totalTokenCount": 155,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 50},
        {"modality": "AUDIO", "tokenCount": 40},
        {"modality": "IMAGE", "tokenCount": 10},
    ],
    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}, {"modality": "TEXT", "tokenCount": 30}],
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
}


def test_totals_are_the_providers() -> None:
    usage = read_google_usage(msgspec.Raw(json.dumps(ALL).encode()))
    assert usage == google_usage(ALL)
    assert usage == Usage(
        input_tokens=105,
        output_tokens=50,
        cache_read_tokens=60,
        reasoning_tokens=30,
        audio_input_tokens=10,
        audio_output_tokens=20,
        image_input_tokens=10,
    )
    assert usage is not None
    assert usage.input_tokens + usage.output_tokens == ALL["totalTokenCount"]


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        ({"serviceTier": "flex"}, ServiceTier.FLEX),
        ({"serviceTier": "standard"}, ServiceTier.STANDARD),
        ({"trafficType": "ON_DEMAND_FLEX"}, ServiceTier.FLEX),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, ServiceTier.PRIORITY),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, ServiceTier.STANDARD),
    ],
)
def test_the_service_is_told(said: dict[str, Any], tier: ServiceTier) -> None:
    usage = google_usage({"promptTokenCount": 1, **said})
    assert usage is not None
    assert usage.service_tier is tier


@pytest.mark.parametrize(
    "said", [{}, None, [], {"trafficType": "ON_DEMAND"}, {"promptTokenCount": "7"}, {"promptTokenCount": -1}]
)
def test_what_is_no_count_is_none(said: object) -> None:
    assert google_usage(said) is None
    assert read_google_usage(msgspec.Raw(json.dumps(said).encode())) is None


def test_one_bad_count_does_not_hide_the_others() -> None:
    said = {"promptTokenCount": 3, "candidatesTokenCount": 10**15, "thoughtsTokenCount": True, "promptTokensDetails": 7}
    usage = Usage(input_tokens=3, output_tokens=MOST_TOKENS)
    assert read_google_usage(msgspec.Raw(json.dumps(said).encode())) == usage
