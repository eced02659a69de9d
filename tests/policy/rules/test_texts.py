from typing import Any

import pytest

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import MakePipe, PipeText, ReplaceNames, Tally
from ai_gateway.policy.scanning import DETECTORS
from policy.rules.doing import done, refused, response_rules

SAID = "Write to ann@example.com today."
REDACT: dict[str, Any] = {"on": "both", "do": "redact", "detect": ["email"]}
BLOCK: dict[str, Any] = {"on": "both", "do": "block", "words": ["Project Falcon"]}
REPLACE: dict[str, Any] = {"on": "both", "do": "replace_text", "from": "OpenAI", "to": "Company AI"}


def piped(make: MakePipe, text: str, tally: Tally | None = None) -> str:
    """In two halves, as a stream would bring it."""
    pipe = make(tally or Tally())
    return pipe.feed(text[:9]) + pipe.feed(text[9:]) + pipe.end()


def the_pipe(**rule: Any) -> MakePipe:
    (found,) = [one.effect for one in response_rules(**rule) if isinstance(one.effect, PipeText)]
    return found.make


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ({}, SAID, "Write to [redacted] today."),
        ({"with": "<mail>"}, SAID, "Write to <mail> today."),
        ({"with": ""}, SAID, "Write to  today."),
        ({"detect": None, "words": ["today"]}, SAID, "Write to ann@example.com [redacted]."),
        ({"detect": None, "pattern": "[a-z]+@", "max_length": 20}, SAID, "Write to [redacted]example.com today."),
        ({"words": ["today"]}, SAID, "Write to [redacted] [redacted]."),
    ],
)
def test_what_nobody_may_see_is_made_unreadable_on_both_sides(rule: dict[str, Any], text: str, expected: str) -> None:
    tally = Tally()
    assert done({"messages": [text, "nothing"]}, None, tally, **REDACT | rule).body == {
        "messages": [expected, "nothing"]
    }
    assert all(note.startswith("rule 1: ") for note in tally.notes())
    assert tally.notes()
    assert piped(the_pipe(**REDACT | rule), text) == expected


def test_what_nobody_may_say_is_refused_on_both_sides() -> None:
    rule = BLOCK | {"message": "Falcon is confidential."}
    form = done({"messages": ["Project Hawk"]}, **rule)
    assert form.body == {"messages": ["Project Hawk"]}
    with pytest.raises(Blocked, match="Falcon is confidential"):
        done({"messages": ["about Project Falcon"]}, **rule)
    assert piped(the_pipe(**rule), "about Project Hawk") == "about Project Hawk"
    with pytest.raises(Blocked, match="Falcon is confidential"):
        piped(the_pipe(**rule), "about Project Falcon")


def test_a_word_is_replaced_in_texts_and_names() -> None:
    assert done({"messages": ["Ask OpenAI."]}, **REPLACE).body == {"messages": ["Ask Company AI."]}
    pipe, names = [one.effect for one in response_rules(**REPLACE | {"in": ["model", "content"]})]
    assert isinstance(pipe, PipeText)
    assert piped(pipe.make, "It was OpenAI.") == "It was Company AI."
    assert isinstance(names, ReplaceNames)
    assert (names.replace("OpenAI-4"), names.in_names, names.in_headers) == ("Company AI-4", True, False)


@pytest.mark.parametrize(
    ("places", "kinds"),
    [
        (["content"], [PipeText]),
        (["model"], [ReplaceNames]),
        (["headers", "model"], [ReplaceNames]),
        (["headers", "content"], [PipeText, ReplaceNames]),
    ],
)
def test_a_word_is_replaced_where_it_is_said_to_be(places: list[str], kinds: list[type]) -> None:
    rules = response_rules(**REPLACE | {"on": "response", "in": places})
    assert [type(one.effect) for one in rules] == kinds


def test_case_is_minded_unless_it_is_said_not_to_be() -> None:
    assert done({"messages": ["openai"]}, **REPLACE).body == {"messages": ["openai"]}
    assert done({"messages": ["openai"]}, **REPLACE, ignore_case=True).body == {"messages": ["Company AI"]}


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_can_be_named(name: str) -> None:
    assert done({"messages": ["plain"]}, **REDACT | {"detect": [name]}).body == {"messages": ["plain"]}


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        (REDACT | {"detect": None}, "rules[0].detect", "give 'detect', 'pattern' or 'words'"),
        (BLOCK | {"words": None}, "rules[0].detect", "give 'detect', 'pattern' or 'words'"),
        (REDACT | {"detect": []}, "rules[0].detect", "must not be empty"),
        (REDACT | {"detect": "email"}, "rules[0].detect", "must be a list, not text"),
        (REDACT | {"detect": ["email", "mail"]}, "rules[0].detect[1]", "must be one of email, "),
        (REDACT | {"pattern": "("}, "rules[0].pattern", ""),
        (REDACT | {"pattern": ""}, "rules[0].pattern", "must not be empty"),
        (REDACT | {"max_length": 5}, "rules[0].max_length", "is for a 'pattern', and there is none"),
        (REDACT | {"pattern": "a", "max_length": 0}, "rules[0].max_length", "must be at least 1"),
        (REDACT | {"pattern": "a", "max_length": 4_097}, "rules[0].max_length", "must be at most 4096"),
        (REDACT | {"words": ["a" * 257]}, "rules[0].words[0]", "must have at most 256 characters"),
        (REDACT | {"words": ["a"] * 257}, "rules[0].words", "more than 256 entries"),
        (REDACT | {"with": 3}, "rules[0].with", "must be text, not a whole number"),
        (REDACT | {"message": "no"}, "rules[0].message", "is no member of 'redact'"),
        (BLOCK | {"with": "x"}, "rules[0].with", "is no member of 'block'"),
        (BLOCK | {"message": ""}, "rules[0].message", "must not be empty"),
        (BLOCK | {"message": "x" * 501}, "rules[0].message", "must have at most 500 characters"),
        (REPLACE | {"from": ""}, "rules[0].from", "must not be empty"),
        (REPLACE | {"to": "x" * 257}, "rules[0].to", "must have at most 256 characters"),
        (REPLACE | {"in": []}, "rules[0].in", "must not be empty"),
        (REPLACE | {"in": ["body"]}, "rules[0].in[0]", "must be 'model' or 'content' or 'headers'"),
        (REPLACE | {"in": ["model"]}, "rules[0].in", "must have 'content' in it"),
        (REPLACE | {"on": "request", "in": ["content", "model"]}, "rules[0].in", "may only be 'content'"),
        (REPLACE | {"ignore_case": "yes"}, "rules[0].ignore_case", "must be true or false, not text"),
    ],
)
def test_what_is_written_wrong_is_refused(rule: dict[str, Any], place: str, words: str) -> None:
    found = refused(rule)
    assert found[0] == place
    assert words in found[1]
    assert found[1]
