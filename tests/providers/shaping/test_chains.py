import pytest

from ai_gateway.domain.faults import RuleFailed
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.chains import Chains, recorded
from tests.providers.shaping.pipes import Arguments, digits, fails, late, literal


def test_what_one_pipe_says_is_what_the_next_one_reads() -> None:
    chain = Chains(AnswerRules(pipes=(literal("four", "4444"), digits, late))).text()
    assert [chain.feed("it is fo"), chain.feed("ur"), chain.end()] == ["", "", "<9:it is [n]>"]


def test_a_rule_that_cannot_be_done_is_rule_failed_with_its_reason() -> None:
    chain = Chains(AnswerRules(pipes=(fails("x"),))).text()
    with pytest.raises(RuleFailed) as failed:
        chain.feed("x")
    assert failed.value.detail == "too much of it"
    ending = Chains(AnswerRules(pipes=(late, fails("x")))).text()
    ending.feed("x")
    with pytest.raises(RuleFailed):
        ending.end()


def test_each_text_has_pipes_of_its_own() -> None:
    chains = Chains(AnswerRules(pipes=(literal("ab", "c"),)))
    one, other = chains.text(), chains.text()
    assert one.feed("a") + other.feed("b") + one.end() + other.end() == "ba"


@pytest.mark.parametrize(
    ("value", "piped"),
    [
        ({"a": ["12345", 12345, True]}, {"a": ["[n]", 12345, True]}),
        ("12345", "[n]"),
        ({}, {}),
        (None, None),
        ({"a": 1.5}, {"a": 1.5}),
    ],
)
def test_a_value_of_arguments_is_piped_as_its_text_would_be(value: object, piped: object) -> None:
    assert Chains(AnswerRules(pipes=(digits,), arguments=Arguments)).value(value) == piped


def test_arguments_that_are_no_json_any_more_are_piped_text_by_text() -> None:
    """Without what keeps them JSON, a rule may break them."""
    assert Chains(AnswerRules(pipes=(literal('"', "'"),))).value({"a": 'say "hi"'}) == {"a": "say 'hi'"}


@pytest.mark.parametrize(
    ("value", "piped"),
    [(12345, "[n]"), (12, 12), (True, True), (None, None), (["12345", 12345], ["[n]", 12345]), ("12345", "[n]")],
)
def test_what_stands_where_a_text_should_be_is_piped(value: object, piped: object) -> None:
    assert Chains(AnswerRules(pipes=(digits,))).misplaced(value) == piped


def test_without_pipes_there_is_nothing_to_do() -> None:
    assert Chains(AnswerRules()).is_idle
    assert not Chains(AnswerRules(pipes=(late,))).is_idle


def test_recorded_texts_come_in_the_order_in_which_they_begin() -> None:
    def see(answer: AnswerRules) -> None:
        chains = Chains(answer)
        one, other = chains.text(), chains.text()
        other.feed("second")
        one.feed("fir")
        one.feed("st")
        chains.whole("")
        chains.whole("third")

    assert recorded(see) == ("first", "second", "third")
