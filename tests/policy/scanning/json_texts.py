"""JSON texts, written in many ways."""

import json
from typing import Any

from hypothesis import strategies as st

_TEXTS = st.sampled_from(
    ["a@b.co ", "4111111111111111", "x", "é", "😀", "/", "\n", '"', "\\", "[gone]", "[gone] (2)", "sk-dev", "", "\x01"]
)
STRINGS = st.lists(_TEXTS, max_size=3).map("".join)
_NUMBERS = st.sampled_from(
    [
        1,
        0,
        -5,
        4111111111111111,
        1.5,
        1e20,
        -0.0,
        1e-7,
        True,
        False,
        None,
        4111111111111111.0,
        10**30,
        -4111111111111111,
    ]
)
VALUES = st.recursive(
    STRINGS | _NUMBERS | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def json_texts(draw: st.DrawFn) -> str:
    value: Any = draw(VALUES)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    for char, ways in (("@", ["@", "\\u0040"]), ("/", ["/", "\\/"]), ("x", ["x", "\\u0078"])):
        text = text.replace(char, draw(st.sampled_from(ways)))
    if draw(st.booleans()):  # members of the same name
        text = text.replace('"4111111111111111"', '"x"')
    return text
