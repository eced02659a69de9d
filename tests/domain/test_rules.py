from ai_gateway.domain.rules import FACTS, VARIABLES, AnswerRules, RuleSet, Tally


def test_every_variable_of_a_text_stands_for_a_fact() -> None:
    assert set(VARIABLES.values()) <= set(FACTS)


def test_a_tally_counts_what_was_found_and_names_what_was_skipped() -> None:
    tally = Tally()
    tally.found(3, "redacted email")
    tally.found(3, "redacted email")
    tally.found(1, "blocked card")
    tally.skipped(2, "the guardrail did not answer")
    assert tally.notes() == (
        "rule 3: redacted email, 2 times",
        "rule 1: blocked card, once",
        "rule 2: skipped, the guardrail did not answer",
    )
    assert tally.skipped_rules == (2,)


def test_rule_sets_are_compared_by_what_was_written() -> None:
    assert RuleSet("[1]", "a") == RuleSet("[1]", "b")
    assert RuleSet("[1]", "a") != RuleSet("[2]", "a")
    assert len({RuleSet("[1]", "a"), RuleSet("[1]", "a")}) == 1


def test_rules_that_only_watch_leave_the_bytes_alone() -> None:
    assert not AnswerRules(normalizes=True).changes_body
    assert AnswerRules(appended="!").changes_body
    assert AnswerRules(hidden_as="house-model").changes_body
