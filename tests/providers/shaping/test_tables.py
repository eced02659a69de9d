"""Every operation's answers have a shaper, and words."""

import json
from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.tables import event_shaper, shape_reply, texts_of_events, texts_of_reply
from providers.halves import chat_event, text_delta
from providers.shaping.pipes import literal
from providers.shaping.responding import a_message, a_response, said, stream_of
from providers.shaping.test_completions_reply import a_choice, a_completion

CALLS = [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]
TALK = {"content": "a secret", "reasoning_content": "thought", "tool_calls": CALLS}
BLOCKS = [{"type": "thinking", "thinking": "thought", "signature": "s"}, {"type": "text", "text": "a secret"}]
BODIES: dict[Operation, tuple[Any, tuple[str, ...]]] = {
    Operation.CHAT: ({"choices": [{"message": TALK}]}, ("a secret", "thought", "{}")),
    Operation.MESSAGES: ({"type": "message", "content": BLOCKS}, ("thought", "a secret")),
    Operation.RESPONSES: (a_response(a_message(said("a secret"))), ("a secret",)),
    Operation.COMPLETIONS: (a_completion(a_choice("a secret")), ("a secret",)),
    Operation.EMBEDDINGS: ({"data": []}, ()),
    Operation.IMAGES: ({"data": [{"revised_prompt": "a secret"}]}, ("a secret",)),
    Operation.COUNT_TOKENS: ({"input_tokens": 5}, ()),
}


@pytest.mark.parametrize("operation", BODIES)
def test_whole_answers_are_shaped_and_their_words_are_known(operation: Operation) -> None:
    body, texts = BODIES[operation]
    assert texts_of_reply(operation, json.dumps(body).encode()) == texts
    answer = AnswerRules(pipes=(literal("secret", "[x]"),), metadata={"by": "us"})
    shaped = shape_reply(operation)(json.dumps(body).encode(), answer)
    assert b"secret" not in shaped
    assert json.loads(shaped)["metadata"] == {"by": "us"}


@pytest.mark.parametrize(
    ("operation", "events", "texts"),
    [
        (Operation.CHAT, [chat_event({"content": "a "}), chat_event({"content": "secret"})], ("a secret",)),
        (Operation.MESSAGES, [text_delta("a "), text_delta("secret")], ("a secret",)),
        (Operation.RESPONSES, stream_of(a_response(a_message(said("a secret")))), ("a secret",)),
        (
            Operation.COMPLETIONS,
            [b'data: {"choices":[{"text":"a "}]}\n\n', b'data: {"choices":[{"text":"secret"}]}\n\n'],
            ("a secret",),
        ),
        (Operation.IMAGES, [b'data: {"words":"a secret"}\n\n'], ("a secret",)),
    ],
)
def test_streams_are_shaped_and_their_words_are_known(
    operation: Operation, events: list[bytes], texts: tuple[str, ...]
) -> None:
    assert texts_of_events(operation, b"".join(events)) == texts
    shaper = event_shaper(operation, AnswerRules(pipes=(literal("secret", "[x]"),)))
    given = b"".join([*map(shaper.feed, events), shaper.end()])
    assert b"secret" not in given
    assert b"[x]" in given
