"""The mock's side of what OpenAI's dialect has beside conversations: text completions and pictures."""

import msgspec

from ai_gateway.providers.mock.reply import MockReply, Refusal, json_reply, stream_reply
from ai_gateway.providers.mock.request import Asked, items_of, members_of, text_of
from ai_gateway.providers.mock.talk import Stop, count_tokens, say

MOST_CHOICES = 16
DEFAULT_TEXT = 16
IMAGE_TOKENS = 272  # what gpt-image-1 takes for 1024x1024 in low quality
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
)

_FINISH = {Stop.END: "stop", Stop.LENGTH: "length", Stop.TOOL: "stop"}


def completions(asked: Asked, serial: str, created: int) -> MockReply:
    """A text completion of each prompt, whole or streamed."""
    given = asked.members.get("prompt")
    items = items_of(given)
    is_one = not items or all(isinstance(it, int) for it in items)
    prompts = [text_of(given)] if is_one else [text_of(it) for it in items]
    limit = asked.positive("max_tokens") or DEFAULT_TEXT
    answers = [say(prompt, limit) for prompt in prompts for _ in range(min(asked.positive("n") or 1, MOST_CHOICES))]
    prompt_tokens = sum(count_tokens(it) for it in prompts)
    said = sum(it.output_tokens for it in answers)
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": said, "total_tokens": prompt_tokens + said}
    head: dict[str, object] = {
        "id": f"cmpl-{serial}",
        "object": "text_completion",
        "created": created,
        "model": asked.model,
    }
    if not asked.is_stream:
        whole = [_text(place, it.text, _FINISH[it.stop]) for place, it in enumerate(answers)]
        return json_reply(200, {**head, "choices": whole, "usage": usage})
    events: list[dict[str, object]] = []
    for place, it in enumerate(answers):
        *pieces, last = it.pieces
        events += [{**head, "choices": [_text(place, piece, None)]} for piece in pieces]
        events.append({**head, "choices": [_text(place, last, _FINISH[it.stop])]})
    if members_of(asked.members.get("stream_options")).get("include_usage") is True:
        no_choices: list[object] = []
        events.append({**head, "choices": no_choices, "usage": usage})
    return stream_reply([*(_data(it) for it in events), b"data: [DONE]\n\n"])


def images(asked: Asked, created: int) -> MockReply:
    """The same small picture, so often as it is asked for, with the tokens that a picture is billed at."""
    prompt = text_of(asked.members.get("prompt"))
    if not prompt:
        raise Refusal(400, "Missing required parameter: 'prompt'.", "prompt")
    many = min(asked.positive("n") or 1, MOST_CHOICES)
    read = count_tokens(prompt)
    usage = {
        "input_tokens": read,
        "output_tokens": IMAGE_TOKENS * many,
        "total_tokens": read + IMAGE_TOKENS * many,
        "input_tokens_details": {"text_tokens": read, "image_tokens": 0},
    }
    data = [{"b64_json": PICTURE} for _ in range(many)]
    return json_reply(200, {"created": created, "data": data, "usage": usage})


def _text(place: int, text: str, finish: str | None) -> dict[str, object]:
    return {"index": place, "text": text, "logprobs": None, "finish_reason": finish}


def _data(chunk: dict[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
