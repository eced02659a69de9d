"""A stream of the Responses API under rules, as it goes by.

What a pipe holds back of a text comes out with a later delta of it, at the latest in one of its own before the event
that says the text is done. A delta that only had text which is held back is left out. Sequence numbers go on without a
gap: each is moved by as many events as were added and left out before it.

An event that is no JSON object is left out: nobody could say which of its bytes are words.
"""

from typing import Final, final

from ai_gateway.domain.rules import AnswerRules, Json
from ai_gateway.providers.decoding import as_list, decode_any
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.frames import split, write
from ai_gateway.providers.shaping.pieces import Body, encode, is_object
from ai_gateway.providers.shaping.responses_items import (
    OF_CONTENT,
    PLACES,
    SUMMARY,
    TEXT,
    Surroundings,
    append,
    appended_item,
    begun_item,
    rewrite_item,
    rewrite_member,
    rewrite_part,
    rewrite_response,
    rewrite_value,
    waits_for_tools,
)
from ai_gateway.providers.shaping.responses_threads import FirstWords, Threads, hashed
from ai_gateway.providers.sse import data_of

_NUMBER: Final = "sequence_number"
_DELTA: Final = ".delta"
_LAST: Final = frozenset({"response.completed", "response.incomplete"})
_SOUND: Final = frozenset({"response.audio", "response.output_audio"})
_PLAIN: Final = frozenset(
    {"content_index", "delta", "item_id", "obfuscation", "output_index", "sequence_number", "summary_index", "type"}
)
_ANNOTATIONS: Final = ("output", "content", "annotations")
_LOGPROBS: Final = ("output", "content", "logprobs")


@final
class ResponseShaper:
    """The EventShaper of streams of the Responses API."""

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self._chains = Chains(answer)
        self._threads = Threads(self._chains)
        self._surroundings = Surroundings(answer)
        self._tells_pieces = self._chains.is_idle and not self._surroundings.changes_pieces
        self._shift = 0
        self._outputs = 0

    def feed(self, events: bytes) -> bytes:
        found = split(events)
        return self._shape(found[0]) if len(found) == 1 else b"".join([self._shape(event) for event in found])

    def end(self) -> bytes:
        """Nothing: the last event has brought everything out."""
        return b""

    def _shape(self, event: bytes) -> bytes:
        if self._tells_pieces and not self._shift and b'"response":' not in event and not event.startswith(b":"):
            return event
        data = data_of(event)
        if data is None:
            is_comment = self._answer.hidden_as is not None and event.startswith(b":")
            return b": \n\n" if is_comment else event
        if data.strip() == b"[DONE]":
            return event
        said = decode_any(data)
        if not is_object(said):
            self._shift -= 1
            return b""
        kind = said.get("type")
        kind = kind if isinstance(kind, str) else ""
        if kind.endswith(_DELTA):
            return self._delta(event, said, kind.removesuffix(_DELTA))
        if isinstance(said.get("response"), dict):
            before: list[Body] | None = self._response(said, kind)
        else:
            before = self._piece(said, kind)
        if before is None:
            self._shift -= 1
            return b""
        return b"".join([*[self._write_before(event, it, said) for it in before], self._write(event, said)])

    def _delta(self, event: bytes, said: Body, stem: str) -> bytes:
        """An event that nothing has changed keeps its bytes."""
        place = PLACES.get(stem)
        if place is not None and self._surroundings.leaves_out(place):
            self._shift -= 1
            return b""
        is_changed = self._loses_logprobs(said)
        delta = said.get("delta")
        if not self._chains.is_idle and stem not in _SOUND:
            told = self._told(said, stem, delta)
            if not told and delta:
                self._shift -= 1
                return b""
            is_changed |= told != delta
            said["delta"] = told
            if not said.keys() <= _PLAIN:
                is_changed |= self._rewrite_members(said, ("delta",))
        return self._write(event, said) if is_changed or self._shift else event

    def _told(self, said: Body, stem: str, delta: Json) -> Json:
        """What may go out of a delta by now."""
        output, part = hashed(said.get("output_index")), _part_of(said)
        if isinstance(delta, str):
            thread = self._threads.of((stem, output, part, ""), said)
            thread.event = said
            return thread.take(delta)
        if not is_object(delta):
            return rewrite_value(delta, self._threads)
        told: Body = {}
        for name, text in delta.items():
            if isinstance(text, str):
                piped = self._threads.of((stem, output, part, name), said).take(text)
                if piped or not text:
                    told[name] = piped
            else:
                told[name] = rewrite_value(text, self._threads)
        return told

    def _piece(self, said: Body, kind: str) -> list[Body] | None:
        """Whatever is no delta and tells no response: changed in place. What goes before it; None: it is left out."""
        surroundings, threads = self._surroundings, self._threads
        stem, _, moment = kind.rpartition(".")
        output = hashed(said.get("output_index"))
        match stem, moment:
            case "response.output_item", "added" | "done":
                before = threads.end(None, output) if moment == "done" else []
                if not self._chains.is_idle:
                    words = threads if moment == "done" else FirstWords(threads, said)
                    said["item"] = rewrite_item(said.get("item"), words)
                surroundings.dress_item(said.get("item"))
                self._outputs = max(self._outputs, (output or 0) + 1)
                return before
            case (("response.content_part" | "response.reasoning_summary_part"), "added" | "done"):
                holder = "content" if stem == "response.content_part" else "summary"
                if surroundings.leaves_out(("output", holder)):
                    return None
                part = _part_of(said)
                before = threads.end(_STEMS[holder], output, part) if moment == "done" else []
                if not self._chains.is_idle:
                    words = threads if moment == "done" else FirstWords(threads, said)
                    said["part"] = rewrite_part(said.get("part"), part or 0, words)
                surroundings.dress_part(holder, said.get("part"))
                return before
            case "response.output_text.annotation", "added":
                if surroundings.leaves_out(_ANNOTATIONS):
                    return None
                surroundings.dress_annotation(said.get("annotation"))
                before = []
            case _, "done":
                place = PLACES.get(stem)
                if place is not None and surroundings.leaves_out(place):
                    return None
                before = threads.end(frozenset({stem}), output, _part_of(said))
                self._loses_logprobs(said)
            case _:
                before = []
        if not self._chains.is_idle:
            member = PLACES[stem][-1] if moment == "done" and stem in PLACES else ""
            self._rewrite_members(said, (member,))
            if member in said:
                said[member] = threads.threaded(stem, 0, said[member])
        return before

    def _response(self, said: Body, kind: str) -> list[Body]:
        """An event that tells the response as it is by now."""
        response: Body = said["response"]
        is_last = kind in _LAST
        before = self._threads.end_all() if is_last else []
        is_appended = is_last and bool(self._answer.appended) and not waits_for_tools(response.get("output"))
        if not self._chains.is_idle:
            rewrite_response(response, self._threads)
        self._surroundings.dress(response)
        if is_appended:
            before += self._appended(max(self._outputs, len(as_list(response.get("output")))))
            append(response, self._answer)
        return before

    def _appended(self, output: int) -> list[Body]:
        item = appended_item(self._answer)
        part: Body = item["content"][0]
        at: Body = {"item_id": item["id"], "output_index": output, "content_index": 0}
        return [
            {"type": "response.output_item.added", "output_index": output, "item": begun_item(self._answer)},
            {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
            {"type": f"{TEXT}.delta", **at, "delta": part["text"], "logprobs": []},
            {"type": f"{TEXT}.done", **at, "text": part["text"], "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part},
            {"type": "response.output_item.done", "output_index": output, "item": item},
        ]

    def _rewrite_members(self, said: Body, besides: tuple[str, ...]) -> bool:
        """The words of an event that stand in no place that is known. Whether any were changed."""
        is_changed = False
        for name, value in list(said.items()):
            if name in besides:
                continue
            if name == "logprobs":
                is_changed |= bool(value)
                said[name] = []
            elif isinstance(value, str):
                said[name] = rewrite_member(name, value, self._threads)
                is_changed |= said[name] != value
            elif isinstance(value, dict | list):
                said[name] = rewrite_value(value, self._threads)
                is_changed = True
        return is_changed

    def _loses_logprobs(self, said: Body) -> bool:
        if "logprobs" not in said or not self._surroundings.leaves_out(_LOGPROBS):
            return False
        del said["logprobs"]
        return True

    def _write_before(self, like: bytes, told: Body, said: Body) -> bytes:
        """An event that is added before `said`: it gets its number, and `said` the next one."""
        told.pop(_NUMBER, None)
        number = said.get(_NUMBER)
        if type(number) is int:
            told[_NUMBER] = number + self._shift
        self._shift += 1
        return write(like, told, told["type"].encode())

    def _write(self, like: bytes, said: Body) -> bytes:
        number = said.get(_NUMBER)
        if self._shift and type(number) is int:
            said[_NUMBER] = number + self._shift
        end = like.find(b"\n")
        if like.startswith(b"event: ") and like.startswith(b"data: ", end + 1) and like[end - 1] != _RETURN:
            return b"%bdata: %b\n\n" % (like[: end + 1], encode(said))
        return write(like, said)


_RETURN: Final = 13
_STEMS: Final = {"content": OF_CONTENT, "summary": frozenset({SUMMARY})}


def _part_of(said: Body) -> Json:
    return hashed(said.get("content_index", said.get("summary_index", said.get("command_index"))))
