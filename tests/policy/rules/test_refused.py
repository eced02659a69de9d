from ai_gateway.policy.rules.refused import RuleRefused


def test_a_refusal_has_its_place_and_its_words() -> None:
    refused = RuleRefused("rules[2].pattern", "is empty")
    assert (refused.place, refused.message) == ("rules[2].pattern", "is empty")
    assert str(refused) == "rules[2].pattern: is empty"
