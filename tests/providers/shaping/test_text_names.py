"""A string is no text only where its name says so and it looks like it."""

import pytest

from ai_gateway.providers.shaping.text_names import LONGEST_WORD, NO_TEXT, SHORTEST_MEDIA
from providers.shaping.forms import Body

BYTES = "QUJD" * SHORTEST_MEDIA


@pytest.mark.parametrize(
    ("told", "name", "said", "expected"),
    [
        ({}, "type", "input_text", True),
        ({}, "type", "write to bob@corp.example", False),
        ({}, "id", "bob@corp.example", False),
        ({}, "id", "call_" + "x" * LONGEST_WORD, False),
        ({}, "role", "line\nbreak", False),
        ({}, "data", BYTES, True),
        ({}, "data", "sk-short-key", False),
        ({"type": "text"}, "data", BYTES, False),
        ({}, "data", f"{BYTES} and words", False),
        ({}, "signature", "EqQB==", True),
        ({}, "signature", "signed by bob", False),
        ({}, "url", f"data:image/png;base64,{BYTES}", True),
        ({}, "url", "data:text/plain,bob@corp.example", False),
        ({}, "url", "https://a/b", False),
        ({"role": "user"}, "name", "bob", False),
        ({"role": "tool"}, "name", "search", True),
        ({"role": ["user"]}, "name", "bob", False),
        ({}, "name", "search", True),
        ({}, "name", "Bob Miller", False),
        ({"type": "mcp"}, "authorization", "Bearer x", True),
        ({}, "authorization", "Bearer x", False),
        ({"type": "image_generation_call"}, "result", BYTES, True),
        ({"type": ["image_generation_call"]}, "result", BYTES, False),
    ],
)
def test_a_name_alone_proves_nothing(told: Body, name: str, said: str, expected: bool) -> None:
    assert NO_TEXT[name](told, said) is expected
