"""Pictures are held for what they may be to a model, text for its bytes, whatever it looks like."""

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.gateway.input_bound import SMALL_BYTES, bound_of_input
from ai_gateway.providers.token_estimate import MOST_OF_ANY_IMAGE

DATA = "A" * 400_000
CHAT_PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}
MESSAGES_PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
RESPONSES_PICTURE = {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"}


def bound(operation: Operation, **members: Any) -> tuple[int | None, int]:
    """And the body's bytes."""
    body = json.dumps({"model": "m", **members}).encode()
    return bound_of_input(operation, msgspec.json.decode(body, type=dict[str, msgspec.Raw]), body), len(body)


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        (Operation.CHAT, {"messages": [{"role": "user", "content": [CHAT_PICTURE]}]}),
        (Operation.MESSAGES, {"max_tokens": 9, "messages": [{"role": "user", "content": [MESSAGES_PICTURE]}]}),
        (Operation.RESPONSES, {"input": [{"role": "user", "content": [RESPONSES_PICTURE]}]}),
    ],
)
def test_a_picture_is_held_for_what_it_may_be_to_a_model(operation: Operation, members: dict[str, Any]) -> None:
    found, size = bound(operation, **members)
    assert found == size - len(DATA) + MOST_OF_ANY_IMAGE


@pytest.mark.parametrize("in_parts", [False, True])
def test_text_that_looks_like_a_picture_is_held_for_its_bytes(*, in_parts: bool) -> None:
    text = f"data:image/png;base64,{DATA}"
    content = [{"type": "text", "text": text}] if in_parts else text
    found, _ = bound(Operation.CHAT, messages=[{"role": "user", "content": content}])
    assert found is None, "its bytes"


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        (Operation.CHAT, {"messages": [{"role": "user", "content": DATA}]}),
        (Operation.EMBEDDINGS, {"input": f";base64,{DATA}"}),
        (Operation.CHAT, {"messages": [{"role": "user", "content": [{**CHAT_PICTURE, "type": 7}]}]}),
        (Operation.CHAT, {"messages": [{"role": "user", "content": "x" * (SMALL_BYTES - 200)}]}),
    ],
)
def test_everything_else_is_its_bytes(operation: Operation, members: dict[str, Any]) -> None:
    found, size = bound(operation, **members)
    assert found in (None, size)
