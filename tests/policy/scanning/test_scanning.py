"""What the room shows to others."""

import json

from ai_gateway.domain.rules import Tally
from ai_gateway.policy.scanning import (
    DETECTORS,
    ScanSpec,
    arguments_pipe,
    chain,
    compile_replace,
    compile_scan,
    rewrite_json,
)


def test_pipes_of_all_kinds_are_chained_around_the_strings_of_arguments() -> None:
    tally = Tally()
    makes = [
        compile_scan(ScanSpec(detect=("email", "card"))).redactor(1, "[redacted]"),
        compile_replace("OpenAI", "Company AI", ignore_case=False).pipe,
    ]
    text = '{"to": "joe\\u0040example.com", "n": [1, 4111111111111111], "text": "ask OpenAI"}'
    pipe = arguments_pipe(lambda: chain(make(tally) for make in makes))
    made = "".join(pipe.feed(char) for char in text) + pipe.end()
    assert made == '{"to": "[redacted]", "n": [1, "[redacted]"], "text": "ask Company AI"}'
    assert rewrite_json(json.loads(text), lambda: chain(make(tally) for make in makes)) == json.loads(made)
    assert tally.notes() == ("rule 1: redacted email, 2 times", "rule 1: redacted card, 2 times")


def test_every_detector_says_in_a_line_what_it_finds() -> None:
    assert list(DETECTORS) == ["email", "phone", "card", "api_key", "secret", "iban", "ssn", "ip_address"]
    assert all(about and len(about) <= 120 for about in DETECTORS.values())
