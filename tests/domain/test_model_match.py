import pytest

from ai_gateway.domain.model_match import Clause, clause_of, has_regex, shown


@pytest.mark.parametrize(
    ("said", "name", "matches"),
    [
        ({"equals": "GPT-4o"}, "gpt-4o", True),
        ({"equals": "gpt-4o"}, "gpt-4o-mini", False),
        ({"starts_with": "claude-3"}, "claude-3-opus", True),
        ({"ends_with": ":free"}, "x:free", True),
        ({"contains": "grok"}, "xai/grok-4", True),
        ({"regex": "^o[134]"}, "o3-mini", True),
        ({"regex": "^o[134]"}, "gpt-o3", False),
        ({"or": [{"equals": "a"}, {"equals": "b"}]}, "b", True),
        ({"and": [{"starts_with": "a"}, {"ends_with": "b"}]}, "a-b", True),
        ({"and": [{"starts_with": "a"}, {"ends_with": "b"}]}, "a-c", False),
    ],
)
def test_a_clause_says_which_names_mean_a_model(said: dict[str, object], name: str, matches: bool) -> None:
    clause = clause_of(said)
    assert clause.matches(name) is matches
    assert clause_of(shown(clause)) == clause
    assert has_regex(clause) is ("regex" in said)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"equals": "a", "contains": "b"},
        {"sounds_like": "a"},
        {"equals": ""},
        {"equals": 7},
        {"equals": "a" * 501},
        {"regex": "("},
        {"or": []},
        {"or": ["a"]},
        {"or": [{"or": [{"or": [{"or": [{"or": [{"or": [{"equals": "a"}]}]}]}]}]}]},
    ],
)
def test_what_is_no_clause_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        clause_of(said)


def test_alternatives_are_the_parts_of_an_or_however_deep() -> None:
    clause = clause_of({"or": [{"equals": "a"}, {"or": [{"equals": "b"}, {"contains": "c"}]}]})
    assert list(clause.alternatives()) == [Clause("equals", "a"), Clause("equals", "b"), Clause("contains", "c")]
