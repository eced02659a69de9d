import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.gateway.amounts import MOST_PICTURE, picture_tokens, pictures_asked, texts_asked


def fields(**said: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in said.items()}


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        ({"prompt": "a"}, 1),
        ({}, 1),
        ({"prompt": None}, 1),
        ({"prompt": []}, 1),
        ({"prompt": ["a", "b", "c"]}, 3),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": ["a", "b"], "n": 3}, 6),
        ({"prompt": ["a", "b"], "n": 2, "best_of": 5}, 10),
        ({"prompt": 7}, 1),
    ],
)
def test_every_prompt_has_as_many_texts_as_compete_for_it(said: dict[str, Any], texts: int) -> None:
    assert texts_asked(fields(**said)) == texts


@pytest.mark.parametrize(
    ("size", "quality", "tokens"),
    [
        ("1024x1024", "low", 512),  # 1,048,576 pixels / 2,048; gpt-image-1 takes 272
        ("1024x1024", "medium", 2048),  # 1,056 there
        ("1024x1024", "high", 8192),  # 4,160 there
        ("1024x1536", "high", 12_288),  # 6,240 there
        (None, None, 12_288),
        ("auto", "auto", 12_288),
        ("3840x2160", "high", 64_800),
        ("99999x99999", "high", MOST_PICTURE),
        ("0x0", "low", 768),
        (7, ["high"], 12_288),
    ],
)
def test_size_and_quality_bound_a_pictures_tokens(size: Any, quality: Any, tokens: int) -> None:
    assert picture_tokens(fields(**{k: v for k, v in {"size": size, "quality": quality}.items() if v})) == tokens


@pytest.mark.parametrize(("quality", "published"), [("low", 408), ("medium", 1_584), ("high", 6_240)])
def test_the_bound_is_never_below_what_is_published_of_gpt_image_1(quality: str, published: int) -> None:
    assert picture_tokens(fields(size="1024x1536", quality=quality)) >= published


def test_how_many_pictures() -> None:
    assert pictures_asked(fields(n=4)) == 4
    assert pictures_asked(fields(n=None)) == 1
    with pytest.raises(InvalidRequest):
        pictures_asked(fields(n="4"))
