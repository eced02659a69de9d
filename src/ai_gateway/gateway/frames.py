"""Between a provider's socket and a caller's: a frame of a stream goes from one to the other in the event loop's own
call.

Nearly every frame is one more word: a chunk of HTTP that differs from the last one in its text and its size alone. Such
a chunk is known by its two ends, written as it came, and its word is laid by; what it means for the stream (how many
events were given, what the caller has) is worked out for many words at once. Whatever else comes is for the stream to
read, which may learn from it how the next words will look.
"""

import asyncio
from typing import TYPE_CHECKING, Final, final

from ai_gateway.domain.faults import Fault
from ai_gateway.gateway.watch import Watch
from ai_gateway.policy.known_chunk import LINE_END, MOST_BYTES, SIZE_LINES, body_of_chunk
from ai_gateway.providers.likeness import INSIDE, Likeness
from ai_gateway.runtime.upstream import TooSlow, UpstreamError

if TYPE_CHECKING:
    from ai_gateway.gateway.relay import Streaming

_NOTHING: Final = b""


@final
class Frames:
    """The Sink of `streaming`, whose caller takes frames. `over` is done when nothing more is to come, or with what
    went wrong. Who waits for it says `stop` when he does so no more."""

    __slots__ = (
        "_after",
        "_around",
        "_before",
        "_frames",
        "_is_paid_in_steps",
        "_middle",
        "_most_words",
        "_streaming",
        "_words",
        "_write",
        "over",
        "tick",
    )

    def __init__(self, streaming: "Streaming", frames: Watch, over: "asyncio.Future[None]") -> None:
        self._streaming = streaming
        self._is_paid_in_steps = streaming.is_paid_in_steps
        self._frames = frames
        self._write = frames.writer
        self.over = over
        self.tick = streaming.hear_words
        self._words = streaming.words
        self._most_words = 1
        self._before = self._middle = self._after = _NOTHING
        self._around: int | None = None

    def take(self, read: bytes) -> bool:
        around, length = self._around, len(read)
        if around is None or length >= MOST_BYTES:
            return self._take_other(read)
        line = SIZE_LINES[length]
        word = read.removeprefix(line).removeprefix(self._before).removesuffix(self._after)
        if self._middle:
            word, _, noise = word.partition(self._middle)
            if noise.translate(INSIDE) is not noise:
                return self._take_other(read)
            length -= len(noise)
        if length - len(word) - len(line) != around or word.translate(INSIDE) is not word or self._frames.lost:
            return self._take_other(read)
        words, write = self._words, self._write
        words.append(word)
        write(read)
        if len(words) >= self._most_words:
            self._most_words = self._streaming.count_words()
        return True

    def pour(self, data: bytes) -> None:
        self._pour(data, None)

    def stop(self) -> None:
        self._around = None

    def block(self, blocked: bool) -> None:  # noqa: FBT001  a callback's shape
        self._streaming.block(blocked=blocked)

    def close(self, error: UpstreamError | None) -> None:
        if self.over.done():
            return
        if error is None:
            self._end()
        else:
            self.stop()
            self.over.set_exception(error)

    def _take_other(self, read: bytes) -> bool:
        body = body_of_chunk(read)
        if body is None:
            return False
        self._pour(body, read)
        return True

    def _pour(self, data: bytes, chunk: bytes | None) -> None:
        """`chunk`: the bytes on the wire, where these are one whole chunk with `data` in it."""
        if self.over.done():
            return
        streaming = self._streaming
        likely = streaming.likely
        if likely is not None and (word := likely.text_in(data)) is not None:
            streaming.feed_word(word)
            ready = data
            self._expect(likely)
        else:
            try:
                ready = streaming.feed_other(data)
            except (TooSlow, Fault) as stop:  # a Fault: a rule forbids what came
                self.stop()
                self.over.set_exception(stop)
                return
            likely = streaming.likely
            if likely is None or likely.before is self._before:
                self._around = None
            else:
                self._expect(likely)
        if ready is data and chunk is not None:
            if not self._frames.lost:
                write = self._write
                write(chunk)
        elif ready:
            self._frames.write_frame(ready)
        if ready is data and not self._is_paid_in_steps:
            return  # whole events that say nothing of an end
        if streaming.is_over:
            self._end()

    def _expect(self, likely: Likeness) -> None:
        """The next word will look like this. It is looked for behind a word, and where it was just learned how words
        look: where none of them come that would cost more than it saves."""
        if likely.before is not self._before:
            self._before = likely.before
            self._middle = likely.middle
            self._after = likely.end + LINE_END
        self._around = likely.around_bytes + len(LINE_END) if likely.around_bytes >= 0 else None
        self._most_words = 1  # the next one finds out how many there may be

    def _end(self) -> None:
        self.stop()
        self.over.set_result(None)
