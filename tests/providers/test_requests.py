import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.traffic import size_of
from ai_gateway.providers.requests import SHORT_BYTES, USER_AGENT, body_of, headers_for, members_for
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


@given(
    st.dictionaries(
        st.text(max_size=5), st.sampled_from([1, SHORT_BYTES - 5, SHORT_BYTES, 3 * SHORT_BYTES]), min_size=1
    ),
    st.booleans(),
)
def test_a_long_body_in_pieces_is_the_body_written_whole_and_copies_nothing_long(
    sizes: dict[str, int], asc: bool
) -> None:
    letter = "x" if asc else "\\u00e4"
    members = {name: msgspec.Raw(f'"{letter * (size // len(letter))}"'.encode()) for name, size in sizes.items()}
    body = body_of(members, SHORT_BYTES + 1)
    assert isinstance(body, tuple)
    assert b"".join(body) == msgspec.json.encode(members) == body_of(members, SHORT_BYTES)
    assert size_of(body) == len(b"".join(body))
    assert all(isinstance(piece, memoryview) for piece in body if len(piece) > len(sizes) * (SHORT_BYTES + 60))
