import pytest

from ai_gateway.domain.rules import FACTS
from ai_gateway.policy.rules.condition_words import MOST_DEPTH, ConditionRefused, read_words


def facts_of(text: str) -> tuple[str, ...]:
    return read_words(text).facts


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("true", ()),
        ("caller.team_id == 'trial' || budget.used_percent >= 80", ("caller.team_id", "budget.used_percent")),
        ("request.stream && !request.stream", ("request.stream",)),
        ("request . bytes > 1", ("request.bytes",)),
        ("'caller.key_id' == \"request.nothing\"", ()),
        (r"'it\'s' == request.model", ("request.model",)),
        (r"r'\' == request.model", ("request.model",)),
        ("size(request.tools) > 3", ("request.tools",)),
        ("request.tools.exists(t, t == request.model)", ("request.tools", "request.model")),
        ("timestamp(request.date + 'T00:00:00Z').getDayOfWeek() == 0", ("request.date",)),
        ("request.tools[0] == 'search'", ("request.tools",)),
        ("request.bytes > 0x10 && request.bytes < 1e6 && request.bytes < .5", ("request.bytes",)),
    ],
)
def test_what_a_condition_reads_is_found(text: str, facts: tuple[str, ...]) -> None:
    assert facts_of(text) == facts


@pytest.mark.parametrize("fact", FACTS)
def test_every_fact_may_be_named(fact: str) -> None:
    assert facts_of(f"{fact} == null") == (fact,)


def test_the_variable_of_a_loop_is_known_in_it_and_nowhere_else() -> None:
    assert read_words("request.tools.all(t, t != 'shell')").variables == {"t"}
    with pytest.raises(ConditionRefused, match=r"names 't', which is not known.*at character 40"):
        read_words("request.tools.all(t, t != 'shell') && (t == 'a')")


@pytest.mark.parametrize(
    ("text", "words", "at"),
    [
        ("", "is empty", None),
        ("  ", "is empty", None),
        ("x" * 1_025, "longer than 1,024", None),
        ("1+" * 250 + "1", "more than 400 words", None),
        ("caller.team_id = 'trial'", "equality is '=='", 16),
        ("request.stream & true", "'and' is '&&'", 16),
        ("request.stream | true", "'or' is '||'", 16),
        ("request.stream and true", "write '&&'", 16),
        ("not request.stream", "write '!'", 1),
        ("request.stream == True", "write 'true'", 19),
        ("request.user == None", "write 'null'", 17),
        ("team == 'a'", "names 'team', which is not known; there are request, caller, route, budget", 1),
        ("caller == null", "names 'caller' alone; there are: caller.tenant_id", 1),
        ("caller.mail == 'a'", "names 'caller.mail', which is not known; there are: caller.tenant_id", 1),
        ("true && caller.", "names 'caller' alone", 9),
        ("caller['team_id'] == 'a'", "names 'caller' alone", 1),
        ("request.model.name == 'a'", "asks for '.name' of something that has no members", 15),
        (".caller.team_id == 'a'", "asks for '.caller'", 2),
        ("request.model() == 'a'", "calls 'request.model', which is a value", 1),
        ("now() > 1", "there is no clock", 1),
        ("request.model.matches('a+')", "use startsWith", 15),
        ("has(request.user)", "compare it with null", 1),
        ("request.model.shout() == 'A'", "calls 'shout', which is not known; there are: all, contains", 15),
        ("request.tools.all(t, request.tools.all(u, u == t))", "inside another loop", 36),
        ("all(request.tools, t, true)", "goes behind a list", 1),
        ("request.tools.all('t', true)", "needs a name first", 15),
        ("request.tools.all(t)", "needs a name first", 15),
        ("request.tools.all(request, true)", "cannot be the name", 19),
        (" && ".join(["request.tools.all(t, true)"] * 5), "more than 4 loops", 135),
        ("{'a': 1}", "maps are not known", 1),
        ("request.model == 'a", "does not end", 18),
        ('request.model == "a', "does not end", 18),
        ("request.model == '''a'''", "triple quotes", 18),
        ("b'a' == b'a'", "names 'b'", 1),
        ("true // always", "has a comment", 6),
        ("request.stream ~ true", "means nothing here", 16),
        ("(true", "never closed", 1),
        ("true)", "closes nothing", 5),
        ("(true]", "closes nothing", 6),
        ("(" * (MOST_DEPTH + 1) + "true" + ")" * (MOST_DEPTH + 1), "deeper than 32", MOST_DEPTH + 1),
    ],
)
def test_what_may_not_be_said_is_refused_with_its_place(text: str, words: str, at: int | None) -> None:
    with pytest.raises(ConditionRefused) as refused:
        read_words(text)
    assert words in str(refused.value)
    assert str(refused.value).endswith(f"(at character {at})") is (at is not None)


def test_as_deep_as_is_allowed_is_allowed() -> None:
    assert facts_of("(" * MOST_DEPTH + "request.stream" + ")" * MOST_DEPTH) == ("request.stream",)
