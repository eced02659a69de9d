from typing import Any

import pytest

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import Tally
from policy.rules.doing import done, refused

TOOLS = ["search", "search_web", "shell", "read"]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"allow": ["search"]}, ["search"]),
        ({"allow": ["search*"]}, ["search", "search_web"]),
        ({"allow": ["*"]}, TOOLS),
        ({"allow": ["nothing"]}, []),
        ({"deny": ["shell"]}, ["search", "search_web", "read"]),
        ({"deny": ["s*", "read"]}, []),
        ({"deny": ["SHELL"]}, TOOLS),
    ],
)
def test_tools_that_are_not_allowed_are_left_out(rule: dict[str, Any], kept: list[str]) -> None:
    tally = Tally()
    assert done({"tools": TOOLS}, None, tally, do="tools", **rule).body["tools"] == kept
    gone = len(TOOLS) - len(kept)
    notes = ["once" if gone == 1 else f"{gone} times"] if gone else []
    assert list(tally.notes()) == [f"rule 1: left out a tool, {times}" for times in notes]


def test_or_the_request_is_refused() -> None:
    rule = {"do": "tools", "deny": ["shell"], "otherwise": "block"}
    assert done({"tools": ["read"]}, **rule).body == {"tools": ["read"]}
    tally = Tally()
    with pytest.raises(Blocked) as blocked:
        done({"tools": TOOLS}, None, tally, **rule)
    assert tally.notes() == ("rule 1: blocked a tool, once",)
    assert "shell" not in blocked.value.message


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ({}, "rules[0].allow", "give either 'allow' or 'deny'"),
        ({"allow": ["a"], "deny": ["b"]}, "rules[0].allow", "give either 'allow' or 'deny'"),
        ({"allow": []}, "rules[0].allow", "must not be empty"),
        ({"allow": "a"}, "rules[0].allow", "must be a list, not text"),
        ({"deny": ["a", 1]}, "rules[0].deny[1]", "must be text"),
        ({"deny": ["a", "b*c"]}, "rules[0].deny[1]", "'*' only at its end"),
        ({"allow": ["*b"]}, "rules[0].allow[0]", "'*' only at its end"),
        ({"allow": ["a"], "otherwise": "ask"}, "rules[0].otherwise", "must be 'drop' or 'block'"),
        ({"allow": ["a"], "on": "both"}, "rules[0].on", "must be 'request'"),
    ],
)
def test_what_is_written_wrong_is_refused(rule: dict[str, Any], place: str, words: str) -> None:
    found = refused({"on": "request", "do": "tools"} | rule)
    assert found[0] == place
    assert words in found[1]
