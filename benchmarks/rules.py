"""What ten rules of a route cost a small request on its way in, in CPU-µs (the bar is 60), and what rules of answers
cost a whole answer and a frame of a stream.

`python -m benchmarks.rules [REQUESTS]`. Blocks repeat and the least is shown beside the median, because whatever else
runs on the machine can only add.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.rules import FactValue, RuleSet, Tally
from ai_gateway.domain.traffic import Call, Head
from ai_gateway.gateway.envelope import BodyLimits
from ai_gateway.gateway.reading import call_of, read_call
from ai_gateway.policy.request_transformer import applies, apply
from ai_gateway.policy.response_transformer import Answering, answer_rules
from ai_gateway.policy.rules import compile_rules
from ai_gateway.providers.shaping.requests import form_of
from ai_gateway.providers.shaping.tables import event_shaper, shape_reply

BLOCKS: Final = 9
ANSWERING: Final = Answering("req_018cc0000000aaaaaaaaaaaaaaaa", 1_767_268_800, None)
TEN: Final[list[dict[str, Any]]] = [
    {"on": "request", "do": "system_prompt", "mode": "force", "text": "You advise clients of ${tenant_id}."},
    {"on": "request", "do": "inject", "as": "system", "where": "start", "text": "Company policy: be brief."},
    {"on": "request", "do": "inject", "as": "user", "where": "end", "text": "Answer in English."},
    {"on": "request", "do": "cap", "field": "temperature", "max": 0.8},
    {"on": "request", "do": "floor", "field": "max_tokens", "min": 16},
    {"on": "request", "do": "default", "field": "top_p", "value": 0.9},
    {"on": "request", "do": "drop", "fields": ["logit_bias"]},
    {"on": "request", "do": "add_metadata", "values": {"team": "${team_id}"}},
    {
        "on": "request",
        "do": "set",
        "field": "model",
        "value": "gpt-4o-mini",
        "when": "caller.team_id == 'trial' || budget.used_percent >= 80",
    },
    {"on": "request", "do": "redact", "detect": ["email", "card", "api_key"], "with": "[redacted]"},
]
ANSWERED: Final[list[dict[str, Any]]] = [
    {"on": "response", "do": "redact", "detect": ["email", "card", "api_key"], "with": "[redacted]"},
    {
        "on": "response",
        "do": "replace_text",
        "from": "OpenAI",
        "to": "Company AI",
        "in": ["model", "content", "headers"],
    },
    {"on": "response", "do": "append_text", "text": "\n\nThis is no advice."},
]
BODY: Final = json.dumps(
    {
        "model": "fast",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the difference between a budget and a limit? " * 4},
        ],
        "temperature": 1,
        "max_tokens": 256,
    }
).encode()
REPLY: Final = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_767_268_800,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A limit is a number. " * 10},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 40, "total_tokens": 52},
    }
).encode()
HEAD: Final = Head("req_018cc0000000aaaaaaaaaaaaaaaa", Operation.CHAT, Dialect.OPENAI, 0.0, 1_767_268_800.0)


class Known:
    """Facts of a caller who is well within his budget."""

    def value(self, name: str) -> FactValue:
        return {"budget.used_percent": 12}.get(name, "team_1")


def shape(call: Call, rules: RuleSet) -> Call:
    """As gateway/ruling.py does it."""
    facts, tally = Known(), Tally()
    form = form_of(call.head.operation, call.fields)
    for rule in rules.request:
        if applies(rule, facts, tally):
            apply(rule, form, facts, tally)
    answer_rules(rules.response, facts, tally, ANSWERING)
    return call_of(call.head, form.fields())


def frame(word: str) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_767_268_800,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def microseconds(do: Callable[[], object], times: int) -> tuple[float, float]:
    """The least and the median of BLOCKS blocks."""
    spent: list[float] = []
    for _ in range(BLOCKS):
        began = time.process_time()
        for _ in range(times):
            do()
        spent.append((time.process_time() - began) / times * 1e6)
    return min(spent), statistics.median(spent)


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    ten, answered = compile_rules(TEN), compile_rules(ANSWERED)
    call = read_call(HEAD, BODY, BodyLimits())
    shaped = shape(call, ten)
    print(f"ten rules make {msgspec.json.encode(shaped.fields).decode()}")
    say("ten rules on a small request (bar 60)", lambda: shape(call, ten), times)
    for number in range(len(TEN)):
        one = compile_rules(TEN[number : number + 1])
        say(f"  only {TEN[number]['do']}", lambda one=one: shape(call, one), times)
    rules = answer_rules(answered.response, Known(), Tally(), ANSWERING)
    assert rules is not None, "there are rules of answers"
    say("three rules on a whole answer", lambda: shape_reply(Operation.CHAT)(REPLY, rules), times)
    shaper = event_shaper(Operation.CHAT, rules)
    frames = [frame(word) for word in ("A ", "limit ", "is ", "a ", "number ")]
    say("three rules on a frame", lambda: [shaper.feed(it) for it in frames], times, len(frames))


def say(what: str, do: Callable[[], object], times: int, parts: int = 1) -> None:
    least, median = microseconds(do, times)
    print(f"{what:48} least {least / parts:6.2f}  median {median / parts:6.2f} CPU-µs")


if __name__ == "__main__":
    main()
