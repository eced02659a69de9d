from typing import Any

import pytest

from ai_gateway.domain.rules import AddMetadata
from policy.rules.doing import done, refused, request_rule, response_rules
from policy.rules.forms import Known

RULE: dict[str, Any] = {"on": "both", "do": "add_metadata", "values": {"served_by": "Company AI", "team": "${team_id}"}}


def test_metadata_is_added_on_both_sides() -> None:
    form = done({"metadata": {"team": "mine", "own": "1"}}, **RULE)
    assert form.body == {"metadata": {"team": "trial", "own": "1", "served_by": "Company AI"}}
    (rule,) = response_rules(**RULE)
    assert isinstance(rule.effect, AddMetadata)
    filled = {name: text.fill(Known()) for name, text in rule.effect.values.items()}
    assert filled == {"served_by": "Company AI", "team": "trial"}


def test_on_one_side_there_is_nothing_for_the_other() -> None:
    assert response_rules(**RULE | {"on": "request"}) == ()
    with pytest.raises(ValueError, match="not enough values"):
        request_rule(**RULE | {"on": "response"})


@pytest.mark.parametrize(
    ("values", "place", "words"),
    [
        ({}, "rules[0].values", "must not be empty"),
        (None, "rules[0].values", "must be an object"),
        (["a"], "rules[0].values", "must be an object, not a list"),
        ({str(index): "" for index in range(17)}, "rules[0].values", "must have at most 16 members"),
        ({"a": 3}, "rules[0].values.a", "must be text of at most 512 characters"),
        ({"a": "x" * 513}, "rules[0].values.a", "must be text of at most 512 characters"),
        ({"a": "${b}"}, "rules[0].values.a", "there are: ${tenant_id}"),
        ({" ": "b"}, "rules[0].values. ", "must have a name of 1 to 64 characters"),
        ({"n" * 65: "b"}, "rules[0].values." + "n" * 64, "must have a name of 1 to 64 characters"),
    ],
)
def test_what_is_written_wrong_is_refused(values: Any, place: str, words: str) -> None:
    found = refused(RULE | {"values": values})
    assert found[0] == place
    assert words in found[1]
