"""Which operations' answers are shaped."""

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.tables import event_shaper, shape_reply


def test_a_count_of_tokens_says_nothing_that_a_rule_is_about() -> None:
    assert shape_reply(Operation.COUNT_TOKENS) is None
    assert event_shaper(Operation.COUNT_TOKENS, AnswerRules()) is None
