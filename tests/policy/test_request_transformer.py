from ai_gateway.policy.request_transformer import shape
from support.builders import a_call, a_course


def test_a_route_without_rules_hands_on_the_callers_own_fields() -> None:
    call = a_call()
    shaped = shape(call, a_course("fast", route="support-bot"))
    assert shaped.fields is call.fields
    assert shaped.call is call
    assert shaped.route == "support-bot"
