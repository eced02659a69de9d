from collections.abc import Callable
from typing import Any

import pytest

from ai_gateway.domain.rules import Path
from ai_gateway.policy.rules import fields
from ai_gateway.policy.rules.refused import RuleRefused


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("temperature", ("temperature",)),
        ("choices.logprobs", ("choices", "logprobs")),
        ("metadata.team-1", ("metadata", "team-1")),
        ("a.b.c.d.e.f.g.h", tuple("abcdefgh")),
    ],
)
def test_a_path_is_names_with_dots_between_them(text: str, path: Path) -> None:
    assert fields.parse_path(text, "field") == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", "a\n", "x" * 65, "a.b.c.d.e.f.g.h.i", 'a"b'])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(RuleRefused):
        fields.parse_path(text, "field")


Read = Callable[[str, str], Path]


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (fields.path_to_change, "messages", "use 'inject', 'system_prompt' or 'redact'"),
        (fields.path_to_change, "messages.content", "use 'inject'"),
        (fields.path_to_change, "input", "use 'inject'"),
        (fields.path_to_change, "system", "use 'system_prompt'"),
        (fields.path_to_change, "instructions", "use 'system_prompt'"),
        (fields.path_to_change, "tools", "use 'tools'"),
        (fields.path_to_change, "stream", "the caller's choice"),
        (fields.path_to_drop, "messages", "use 'inject'"),
        (fields.path_to_drop, "tools.function", "use 'tools'"),
        (fields.path_to_drop, "model", "'set' gives it another value"),
        (fields.path_of_answer_to_drop, "choices", "without it the answer cannot be read"),
        (fields.path_of_answer_to_drop, "error", "without it"),
        (fields.path_of_answer_to_put, "content.text", "it is what the answer says"),
        (fields.path_of_answer_to_put, "id", "it is what the answer says"),
        (fields.path_of_number, "model", "is no number"),
        (fields.path_of_number, "stop", "is no number"),
        (fields.path_of_number, "parallel_tool_calls", "is no number"),
        (fields.path_of_number, "stream", "the caller's choice"),
    ],
)
def test_fields_that_are_not_for_a_rule_are_refused_and_it_is_said_what_is(read: Read, text: str, words: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        read(text, "rules[0].field")
    assert refused.value.place == "rules[0].field"
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (fields.path_to_change, "model"),
        (fields.path_to_change, "metadata.team"),
        (fields.path_to_change, "tool_choice"),
        (fields.path_to_drop, "tools"),
        (fields.path_to_drop, "tool_choice"),
        (fields.path_of_answer_to_drop, "choices.logprobs"),
        (fields.path_of_answer_to_drop, "usage"),
        (fields.path_of_answer_to_put, "model"),
        (fields.path_of_number, "temperature"),
        (fields.path_of_number, "options.num_ctx"),
        (fields.path_of_number, "vendor_number"),
    ],
)
def test_other_fields_are_theirs(read: Read, text: str) -> None:
    assert read(text, "field") == tuple(text.split("."))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("temperature", "hot", "must be a number, as 'temperature' is"),
        ("temperature", True, "must be a number"),
        ("max_tokens", 1.5, "must be a whole number"),
        ("max_tokens", 0, "must be at least 1"),
        ("n", -1, "must be at least 1"),
        ("parallel_tool_calls", 1, "must be true or false"),
        ("stop", 3, "must be text or a list"),
        ("metadata", [], "must be an object"),
        ("user", 3, "must be text"),
    ],
)
def test_a_field_whose_meaning_is_known_gets_what_it_can_be(path: str, value: Any, words: str) -> None:
    with pytest.raises(RuleRefused, match=words):
        fields.check_value((path,), value, "value")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("temperature",), 1),
        (("temperature",), None),
        (("stop",), ["a"]),
        (("metadata", "n"), 3),
        (("vendor",), {"a": []}),
        (("max_tokens",), 5),
    ],
)
def test_any_other_value_is_the_writers(path: Path, value: Any) -> None:
    fields.check_value(path, value, "value")


@pytest.mark.parametrize(("number", "expected"), [(5, 5), (5.0, 5)])
def test_a_number_for_a_count_is_whole(number: float, expected: int) -> None:
    found = fields.number_for(("max_tokens",), number, "max")
    assert (found, type(found)) == (expected, int)
    with pytest.raises(RuleRefused, match="whole number"):
        fields.number_for(("max_tokens",), 5.5, "max")
    assert fields.number_for(("temperature",), 5.5, "max") == 5.5


@pytest.mark.parametrize("text", ["a.b", "model", "messages", "tools", "tool_choice", "stream", ""])
def test_a_new_name_is_one_that_nobody_reads(text: str) -> None:
    with pytest.raises(RuleRefused):
        fields.name_within(text, ("user",), "to")


def test_within_an_object_any_name_is_free() -> None:
    assert fields.name_within("model", ("metadata", "m"), "to") == "model"
    assert fields.name_within("end_user", ("user",), "to") == "end_user"
