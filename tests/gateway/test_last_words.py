import json

import pytest

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.gateway.last_words import last_words


@pytest.mark.parametrize(
    ("url", "of_the_dialect"), [(b"/v1/chat/completions", "gateway"), (b"", "gateway"), (b"/v1/messages", "type")]
)
def test_a_refusal_without_asgi_is_a_whole_answer_in_the_dialect_of_the_path(url: bytes, of_the_dialect: str) -> None:
    head, _, body = last_words(InvalidRequest("No.", status=431), url, "req_1").partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert first == "HTTP/1.1 431 Request Header Fields Too Large"
    assert (headers["connection"], headers["x-request-id"]) == ("close", "req_1")
    assert int(headers["content-length"]) == len(body)
    said = json.loads(body)
    assert of_the_dialect in (said if of_the_dialect == "type" else said["error"])
