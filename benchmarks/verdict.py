"""Whether an answer says what the provider said. Bytes that were found right once are right again, so a gateway that
passes them on is checked at the price of a comparison, and one that writes them anew is read."""

from typing import Any, Final, final

import msgspec

from benchmarks.plan import Ask
from benchmarks.upstream import PROMPT_TOKENS, stream_frames, unary_body

DONE: Final = b"[DONE]"
Said = tuple[str, int, int]
"""Text, prompt tokens, completion tokens."""


@final
class Judge:
    def __init__(self, ask: Ask) -> None:
        self._read = _read_stream if ask.streamed else _read_unary
        served = b"".join(stream_frames(ask.size)) if ask.streamed else unary_body(ask.size)
        self.said: Said = self._read(served)
        self._right: bytes = served
        assert self.said[1] == PROMPT_TOKENS

    def complaint(self, status: int, body: bytes) -> str | None:
        """None where the answer is right, otherwise what is wrong with it, in a line."""
        if status == 200 and body == self._right:
            return None
        if status != 200:
            return f"status {status}: {body[:200]!r}"
        try:
            said = self._read(body)
        except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError):
            return f"not a chat answer: {body[:200]!r}"
        if said != self.said:
            return f"another answer: {said!r} instead of {self.said!r}"
        self._right = body
        return None


def _read_unary(body: bytes) -> Said:
    answer = msgspec.json.decode(body)
    usage = answer["usage"]
    return answer["choices"][0]["message"]["content"], usage["prompt_tokens"], usage["completion_tokens"]


def _read_stream(body: bytes) -> Said:
    """Raises KeyError for a stream that does not end with [DONE] or has no usage."""
    events = [line[5:].strip() for line in body.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data:")]
    if not events or events[-1] != DONE:
        raise KeyError("[DONE]")
    chunks: list[Any] = [msgspec.json.decode(event) for event in events[:-1]]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    usage = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return text, usage[-1]["prompt_tokens"], usage[-1]["completion_tokens"]
