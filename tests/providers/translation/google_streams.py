"""Google's answers as tests make them: whole, and the same as a stream in any number of pieces."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.reply import Event, Reply
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.google_replies import GoogleReader
from ai_gateway.providers.translation.sse_decoder import SseDecoder

USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
Wire = dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """`parts` of each candidate, as Google writes them unstreamed."""

    candidates: tuple[tuple[Wire, ...], ...]
    reason: str = "STOP"
    response_id: str = "r-1"

    def whole(self) -> bytes:
        """Laid out for people, as Google does."""
        candidates = [
            {"content": {"parts": list(parts), "role": "model"}, "finishReason": self.reason, "index": index}
            for index, parts in enumerate(self.candidates)
        ]
        return json.dumps(self._around(candidates, USAGE), indent=2).encode()

    def stream(self, size: int = 3, line_end: str = "\r\n") -> bytes:
        """Text in pieces of `size` characters; the reason with the last piece, the usage after it."""
        chunks: list[Wire] = []
        for index, parts in enumerate(self.candidates):
            for part in parts:
                chunks += [
                    self._around([{"content": {"parts": [it], "role": "model"}, "index": index}], None)
                    for it in _pieces(part, size)
                ]
            told = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": self.reason, "index": index}
            chunks.append(self._around([told], USAGE))
        return "".join(f"data: {json.dumps(it)}{line_end}{line_end}" for it in chunks).encode()

    def _around(self, candidates: list[Wire], usage: Wire | None) -> Wire:
        return {
            "candidates": candidates,
            **({} if usage is None else {"usageMetadata": usage}),
            "modelVersion": "gemini-2.5-flash",
            "responseId": self.response_id,
        }


def _pieces(part: Wire, size: int) -> list[Wire]:
    text = part.get("text")
    if text is None or len(text) <= size:
        return [part]
    rest = {name: value for name, value in part.items() if name not in ("text", "thoughtSignature")}
    pieces = [{**rest, "text": text[at : at + size]} for at in range(0, len(text), size)]
    if "thoughtSignature" in part:
        pieces[-1]["thoughtSignature"] = part["thoughtSignature"]
    return pieces


def decoded(stream: bytes, cuts: Sequence[int] = ()) -> list[Event]:
    decoder = SseDecoder(GoogleReader())
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    events: list[Event] = []
    for start, end in pairwise(places):
        events += decoder.feed(stream[start:end])
    return events + decoder.end()


def folded(stream: bytes, cuts: Sequence[int] = ()) -> Reply | ProviderError | None:
    return fold(decoded(stream, cuts))


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
SIGNATURES = st.sampled_from(["c2ln", "QUJD", "eHl6"])
PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, TEXTS),
    st.builds(lambda text, sign: {"text": text, "thoughtSignature": sign}, TEXTS, SIGNATURES),
    st.builds(lambda text: {"text": text, "thought": True}, TEXTS),
    st.builds(lambda text, sign: {"text": text, "thought": True, "thoughtSignature": sign}, TEXTS, SIGNATURES),
    st.builds(
        lambda name, args, sign: {
            "functionCall": {"name": name, "args": args},
            **({} if sign is None else {"thoughtSignature": sign}),
        },
        st.sampled_from(["weather", "time"]),
        st.dictionaries(st.sampled_from("abc"), TEXTS | st.integers(-9, 9) | st.none(), max_size=2),
        st.none() | SIGNATURES,
    ),
    st.just({"functionCall": {"name": "ask", "id": "given-1"}}),
    st.just({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
    st.just({"executableCode": {"language": "PYTHON", "code": "1+1"}}),
)
ANSWERS = st.builds(
    Answer,
    candidates=st.lists(st.lists(PARTS, min_size=1, max_size=5).map(tuple), min_size=1, max_size=2).map(tuple),
    reason=st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL", "NEW_REASON"]),
    response_id=st.sampled_from(["r-1", "", "r-2"]),
)
