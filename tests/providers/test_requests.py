import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.providers.requests import USER_AGENT, headers_for, members_for
from providers.calls import a_shaped


def test_only_the_model_is_replaced_and_nothing_moves() -> None:
    shaped = a_shaped(body='{"a": [1.50, {"z":1,"z":2}],"model":"gpt-4","b":"\\u00e4"}')
    body = msgspec.json.encode(members_for(shaped, 'x"y'))
    assert body == b'{"a":[1.50, {"z":1,"z":2}],"model":"x\\"y","b":"\\u00e4"}'


def test_headers_are_ours_and_those_that_may_be_forwarded() -> None:
    forward = (("openai-beta", "assistants=v2"), ("user-agent", "curl"), ("accept-encoding", "gzip"), ("host", "evil"))
    assert headers_for(a_shaped(forward=forward)) == (
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("user-agent", USER_AGENT),
        ("openai-beta", "assistants=v2"),
    )


def test_a_stream_is_accepted_as_events() -> None:
    shaped = a_shaped(Operation.CHAT, '{"model":"m","stream":true}')
    assert dict(headers_for(shaped))["accept"] == "text/event-stream"
