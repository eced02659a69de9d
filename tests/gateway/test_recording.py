from ai_gateway.gateway.recording import Recording

HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"Content-Type", b"text/plain"),
        (b"content-length", b"4"),
        (b"x-request-id", b"req_1"),
        (b"x-ratelimit-limit-requests", b"5"),
        (b"x-gateway-endpoint", b"up-1"),
    ],
}


def body(part: bytes, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": part, "more_body": more}


def test_what_was_said_is_there_without_what_belonged_to_the_moment() -> None:
    recording = Recording(100)
    recording.hear(HEAD)
    recording.hear(body(b"ab", True))
    assert not recording.is_whole
    recording.hear(body(b"cd", False))
    assert (recording.is_whole, recording.status, recording.body) == (True, 200, b"abcd")
    assert recording.headers == (("content-type", "text/plain"), ("x-gateway-endpoint", "up-1"))


def test_a_body_above_the_bound_is_none_and_takes_no_room() -> None:
    recording = Recording(3)
    recording.hear(HEAD)
    for _ in range(10):
        recording.hear(body(b"ab", True))
    recording.hear(body(b"", False))
    assert (recording.is_whole, recording.body) == (True, None)
    assert recording._parts == [b"ab"]
