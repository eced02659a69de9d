"""What a secret that was typed in a hurry, or copied and never filled in, looks like.

A gateway that starts with such a one has none. Random ones pass: a random token of 16 characters has about 14 distinct
ones, a random key of 32 bytes about 30.
"""

import re
from itertools import pairwise
from typing import Final

SHORTEST_TOKEN: Final = 16
FEWEST_DISTINCT: Final = 6
MOST_REPEATED: Final = 8
"""A secret that is one piece of at most this length, over and over, is a placeholder."""
PLACEHOLDERS: Final = re.compile(
    r"sk-?1234|change[-_ ]?(me|this|it)|replace[-_ ]?(me|this)|placeholder|example|your[-_ ]|secret|password|passw0rd"
    r"|admin|test|demo|default|dummy|todo|letmein|qwerty|12345678|abcdefgh",
    re.IGNORECASE,
)
"""Words of `.env` files that were copied and never filled in. They betray a token when little else is in it."""


def weakness_of_token(text: str) -> str | None:
    """Half a sentence that says why a token is none ("is too regular ..."); None where it is good."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        return "has characters that cannot travel in a header."
    if len(text) < SHORTEST_TOKEN:
        return f"is shorter than {SHORTEST_TOKEN} characters."
    if is_regular(text):
        return "is too regular to protect anything."
    if PLACEHOLDERS.search(text) and len(re.sub(r"[\W_]", "", PLACEHOLDERS.sub("", text))) < SHORTEST_TOKEN:
        return "looks like a placeholder."
    return None


def is_regular(secret: str | bytes) -> bool:
    """Few symbols, one short piece over and over, or counting up or down: what a hurried hand types.

    s is periodic with p exactly where s without its first p equals s without its last p.
    """
    numbers = secret.encode() if isinstance(secret, str) else secret
    steps = {(after - before) % 256 for before, after in pairwise(numbers)}
    periodic = any(numbers[period:] == numbers[:-period] for period in range(1, MOST_REPEATED + 1))
    return periodic or len(steps) == 1 or len(set(numbers)) < FEWEST_DISTINCT
