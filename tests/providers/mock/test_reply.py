from ai_gateway.providers.mock.reply import JSON_HEADERS, json_reply, stream_reply


def test_a_json_reply_is_one_chunk() -> None:
    reply = json_reply(418, {"a": 1}, ("retry-after", "1"))
    assert (reply.status, reply.chunks) == (418, (b'{"a":1}',))
    assert reply.headers == (*JSON_HEADERS, ("retry-after", "1"))


def test_a_stream_is_a_chunk_an_event() -> None:
    reply = stream_reply([b"data: 1\n\n", b"data: 2\n\n"])
    assert len(reply.chunks) == 2
    assert dict(reply.headers)["content-type"].startswith("text/event-stream")
