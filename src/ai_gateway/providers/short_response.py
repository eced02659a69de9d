"""The end of a stream of the Responses API that we end because its money is spent: `response.incomplete`, as a lower
cap would have ended it, with a notice beside it that says why.

The event carries the response as its first event had it. What was said stands in the events before, which clients have;
it is not said again here.
"""

import re
from typing import Any, Final

import msgspec

from ai_gateway.providers.short_end import NOTICE, Bill

_DATA: Final = re.compile(rb"^data: ?(\{.*\})\r?$", re.MULTILINE)
_NUMBER: Final = re.compile(rb'"sequence_number":\s*(\d+)')


def short_response(first: bytes, last: bytes, bill: Bill) -> bytes:
    """`first` and `last` are events that the caller was given."""
    found = _DATA.search(first)
    members: dict[str, Any] = {} if found is None else msgspec.json.decode(found[1])
    response: dict[str, Any] = members.get("response") or {"object": "response", "output": []}
    numbers = _NUMBER.findall(last)
    ended = {
        **response,
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "usage": {
            "input_tokens": bill.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": bill.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": bill.input_tokens + bill.output_tokens,
            "gateway": {"cost_usd": bill.cost_usd},
        },
        "gateway": {"notice": {"type": "budget", "code": "budget_exceeded", "message": NOTICE}},
    }
    event = {
        "type": "response.incomplete",
        "sequence_number": int(numbers[-1]) + 1 if numbers else 0,
        "response": ended,
    }
    return b"event: response.incomplete\ndata: " + msgspec.json.encode(event) + b"\n\n"
