"""The texts of a streamed response while they are told: each is a thread of deltas with a chain of its own, and is told
again whole, up to three times (its `done`, its item's, the response's).

What was piped once is not piped again: a whole text that is what its deltas were becomes what they became, so that
every event of a stream agrees with every other, and what rules find is counted once. A whole text that is another than
its deltas is a text of its own.
"""

from typing import Final, final

from ai_gateway.domain.rules import Json, TextPipe
from ai_gateway.providers.decoding import as_object
from ai_gateway.providers.shaping.chains import Chains
from ai_gateway.providers.shaping.pieces import Body
from ai_gateway.providers.shaping.responses_items import ARGUMENTS, OF_CONTENT, SUMMARY, rewrite_value

_PLACE: Final = ("item_id", "output_index", "content_index", "summary_index")

Key = tuple[str, Json, Json, str]
"""The stem of the events' names, the index of the item, that of the part, and the member of the delta where it is an
object."""


@final
class Thread:
    """`event`: a delta of it, whose text is not looked at."""

    __slots__ = ("event", "pieces", "pipe", "piped")

    def __init__(self, pipe: TextPipe, event: Body) -> None:
        self.pipe = pipe
        self.event = event
        self.pieces: list[str] = []
        self.piped: list[str] = []

    def take(self, text: str) -> str:
        piped = self.pipe.feed(text)
        self.pieces.append(text)
        self.piped.append(piped)
        return piped


@final
class Threads:
    """Words, as a text that was told before."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self._open: dict[Key, Thread] = {}
        self._known: dict[tuple[bool, str], str] = {}

    def whole(self, text: str) -> str:
        return self._told(text, is_arguments=False)

    def threaded(self, stem: str, part: int, text: Json) -> Json:
        is_text = isinstance(text, str)
        return self._told(text, is_arguments=stem in ARGUMENTS) if is_text else rewrite_value(text, self)

    def of(self, key: Key, event: Body) -> Thread:
        """The thread that is told by such deltas; begun if it is new."""
        found = self._open.get(key)
        if found is None:
            pipe = self._chains.arguments() if key[0] in ARGUMENTS else self._chains.text()
            found = self._open[key] = Thread(pipe, event)
        return found

    def end(self, stems: frozenset[str] | None, output: Json, part: Json = None) -> list[Body]:
        """End the threads of these stems (None: of all) of an item and, where `part` is one, of that part only. What
        they held back, as deltas."""
        ending = [
            key
            for key in self._open
            if key[1] == output and (stems is None or key[0] in stems) and (part is None or key[2] == part)
        ]
        return [event for key in ending if (event := self._end(key)) is not None]

    def end_all(self) -> list[Body]:
        return [event for key in list(self._open) if (event := self._end(key)) is not None]

    def _end(self, key: Key) -> Body | None:
        thread = self._open.pop(key)
        rest = thread.pipe.end()
        thread.piped.append(rest)
        self._known[key[0] in ARGUMENTS, "".join(thread.pieces)] = "".join(thread.piped)
        if not rest:
            return None
        event = {**thread.event, "delta": {key[3]: rest} if key[3] else rest}
        if "logprobs" in event:
            event["logprobs"] = []
        return event

    def _told(self, text: str, *, is_arguments: bool) -> str:
        if not text:
            return text
        known = self._known.get((is_arguments, text))
        if known is None:
            chains = self._chains
            known = chains.whole_arguments(text) if is_arguments else chains.whole(text)
            self._known[is_arguments, text] = known
        return known


@final
class FirstWords:
    """Words of an item or a part that is only announced: deltas go on with what stands in it."""

    def __init__(self, threads: Threads, announced: Body) -> None:
        self._threads = threads
        self._place: Body = {name: announced[name] for name in _PLACE if name in announced}
        item = as_object(announced.get("item"))
        if "id" in item:
            self._place = {"item_id": item["id"], **self._place}
        self._output = hashed(announced.get("output_index"))
        self.whole = threads.whole

    def threaded(self, stem: str, part: int, text: Json) -> Json:
        if not isinstance(text, str):
            return rewrite_value(text, self)
        if not text:
            return text
        event: Body = {"type": f"{stem}.delta", **self._place, "delta": ""}
        number: Json = None
        if stem == SUMMARY or stem in OF_CONTENT:
            index = "summary_index" if stem == SUMMARY else "content_index"
            number = event.setdefault(index, part)
        return self._threads.of((stem, self._output, hashed(number), ""), event).take(text)


def hashed(value: Json) -> Json:
    """An index as what it is; whatever else stands there is none."""
    return value if isinstance(value, int) else None
