import msgspec

from ai_gateway.providers.short_end import Bill
from ai_gateway.providers.short_response import short_response

FIRST = (
    b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","model":"m","output":[]}}\n\n'
)
LAST = b'data: {"type":"response.output_text.delta","sequence_number":41,"delta":"x"}\n\n'


def test_the_stream_ends_as_incomplete_and_says_why() -> None:
    name, data = short_response(FIRST, LAST, Bill(5, 10, "0.01")).strip().split(b"\n")
    event = msgspec.json.decode(data.removeprefix(b"data: "))
    assert name == b"event: response.incomplete"
    assert (event["type"], event["sequence_number"]) == ("response.incomplete", 42)
    response = event["response"]
    assert (response["id"], response["status"]) == ("resp_1", "incomplete")
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert (response["usage"]["output_tokens"], response["usage"]["total_tokens"]) == (10, 15)
    assert response["usage"]["gateway"] == {"cost_usd": "0.01"}
    assert response["gateway"]["notice"]["code"] == "budget_exceeded"


def test_a_stream_that_nobody_can_name_is_ended_all_the_same() -> None:
    event = msgspec.json.decode(short_response(b"", b"", Bill(0, 0, "0")).split(b"data: ")[1])
    assert (event["sequence_number"], event["response"]["status"]) == (0, "incomplete")
