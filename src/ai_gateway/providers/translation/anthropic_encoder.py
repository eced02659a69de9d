"""A stream as Anthropic's callers read it: one block after the other, each begun, told and ended.

Providers may mix the pieces of several parts. A text or a thought that another part interrupts is ended, and a new
block goes on with it later; a call is one block in every client's eyes, so what comes meanwhile waits until it is over:
the provider says so, or its arguments are whole when the next part begins.
A block begins with its first piece: parts that stay empty are none. A thought's signature is told when the thought is
over, since clients take the last one that they read for all of it; a signed call waits for its signature, which stands
before it.

Arguments that do not begin as an object are wrapped as in a whole answer (anthropic_blocks.py).
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Maker, Thinking, ToolCall, ToolKind
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Cited,
    Counted,
    Event,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Signed,
    Stopped,
)
from ai_gateway.providers.decoding import as_object, decode_any
from ai_gateway.providers.translation.anthropic_blocks import ARGUMENTS, Block
from ai_gateway.providers.translation.anthropic_citations import write_citation
from ai_gateway.providers.translation.anthropic_pieces import OfPart, pieces_of
from ai_gateway.providers.translation.anthropic_reply import EXTRAS, blocks_of
from ai_gateway.providers.translation.anthropic_stops import word_of
from ai_gateway.providers.translation.anthropic_thoughts import signature_of, write_thought
from ai_gateway.providers.translation.anthropic_usage import foreign_tier, write_usage

_encode: Final = msgspec.json.Encoder().encode
PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_CLOSE: Final = b"}}\n\n"
_EMPTY: Final = PartBegan(0, 0, PartKind.TEXT)


class _Heard(msgspec.Struct):
    """What is known of a part. `head` is how each of its deltas begins while its block is open; `thought` collects
    what its signature is made of."""

    began: PartBegan
    head: bytes = b""
    signature: list[str] = []
    encrypted: list[str] = []
    arguments: list[str] | None = None
    has_text: bool = False
    is_wrapped: bool = False
    is_over: bool = False


@final
class MessageEncoder:
    """`fallback_id` and `model` are told where the provider has no words for them."""

    def __init__(self, fallback_id: str, model: str) -> None:
        self._fallback_id = fallback_id
        self._model = model
        self._began: Began | None = None
        self._usage: Usage | None = None
        self._service_tier: str | None = None
        self._stopped: Stopped | None = None
        self._parts: dict[int, _Heard] = {}
        self._open: int | None = None
        self._index = -1
        self._calls = 0
        self._refusals = 0
        self._waiting: list[OfPart] = []
        self._hidden: list[int] = []

    def write(self, event: Event) -> bytes:
        if type(event) is Piece and event.part == self._open and event.choice == 0:
            heard = self._parts[event.part]
            if heard.has_text and not heard.is_wrapped:
                if heard.arguments is not None:
                    heard.arguments.append(event.text)
                return b"%b%b%b" % (heard.head, _encode(event.text), _CLOSE)
        written = b"" if self._began is not None else self._start(event)
        match event:
            case Began():
                return written
            case Alive():
                return written + PING
            case Counted():
                self._usage = event.usage
                self._service_tier = event.service_tier or self._service_tier
            case Stopped():
                if event.choice == 0:
                    self._stopped = event
            case PartBegan() | Piece() | Signed() | Cited() | PartWhole() | PartEnded():
                if event.choice == 0:
                    written += self._take(event)
            case _:
                pass
        return written

    def end(self) -> bytes:
        written = b"" if self._began is not None else self._start(None)
        written += self._drain()
        stopped = self._stopped
        others = {} if stopped is None else stopped.others
        word = word_of(None if stopped is None else stopped.stop, calls=self._calls, refusals=self._refusals)
        delta: Block = {"stop_reason": word, "stop_sequence": None if stopped is None else stopped.stop_sequence}
        delta |= {name: others[name] for name in EXTRAS if name in others and name != "context_management"}
        usage = write_usage(self._usage, self._service_tier) | as_object(others.get("usage"))
        change: Block = {"type": "message_delta", "delta": delta, "usage": usage, **foreign_tier(self._service_tier)}
        if "context_management" in others:
            change["context_management"] = others["context_management"]
        return written + _event("message_delta", change) + STOP

    def _start(self, event: Event | None) -> bytes:
        """The first event of all, whatever came first from the provider."""
        began = event if isinstance(event, Began) else Began()
        self._began = began
        self._usage = began.usage
        self._service_tier = began.service_tier
        message: Block = {
            "id": began.id or self._fallback_id,
            "type": "message",
            "role": "assistant",
            "model": began.model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(began.usage, began.service_tier),
            **foreign_tier(began.service_tier),
        }
        return _event("message_start", {"type": "message_start", "message": message})

    def _take(self, event: OfPart) -> bytes:
        """An event of a part, told at once or kept until the call that is open is over."""
        at = self._open
        if at is not None and at != event.part and self._parts[at].began.kind is PartKind.TOOL_CALL:
            if self._waiting or not isinstance(event, PartBegan | PartWhole) or not _is_whole(self._parts[at]):
                self._waiting.append(event)
                return b""
            return self._close() + self._take(event)
        match event:
            case PartBegan():
                is_call = event.kind is PartKind.TOOL_CALL
                self._parts[event.part] = heard = _Heard(event, arguments=[] if is_call else None)
                return self._begin_call(event.part, heard) if is_call else b""
            case PartWhole():
                if pieces := pieces_of(event):
                    return b"".join([self._take(piece) for piece in pieces])
                return self._make_room(event.part) + b"".join(
                    [self._whole(block) for block in blocks_of((event.value,))]
                )
            case PartEnded():
                return self._close() + self._release() if at == event.part else self._end_unopened(event.part)
            case Piece() | Signed() | Cited():
                return self._grow(event, self._parts.setdefault(event.part, _Heard(_EMPTY)))

    def _make_room(self, part: int) -> bytes:
        """What has to be over before a block of this part begins: the open block, and thoughts that nobody is shown,
        of which providers do not always say that they are over."""
        written = self._close()
        hidden, self._hidden = self._hidden, []
        return written + b"".join([self._end_unopened(it) for it in hidden if it != part])

    def _release(self) -> bytes:
        waiting, self._waiting = self._waiting, []
        return b"".join([self._take(event) for event in waiting])

    def _drain(self) -> bytes:
        """The provider is done: what is open is over, and what waited comes part by part."""
        written = self._close()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            first = waiting[0].part
            written += b"".join([self._take(event) for event in waiting if event.part == first]) + self._close()
            self._waiting = [event for event in waiting if event.part != first]
        return written + self._make_room(-1)

    def _grow(self, event: "Piece | Signed | Cited", heard: _Heard) -> bytes:
        match event:
            case Signed():
                (heard.encrypted if event.is_encrypted else heard.signature).append(event.text)
                if self._open != event.part and event.part not in self._hidden:
                    self._hidden.append(event.part)
                return b""
            case Cited():
                written = self._open_block(event.part, heard)
                delta = {"type": "citations_delta", "citation": write_citation(event.citation)}
                return written + self._delta(delta)
            case Piece():
                if not event.text:
                    return b""
                if heard.began.kind is PartKind.TOOL_CALL:
                    return self._grow_call(event, heard)
                heard.has_text = True
                written = self._open_block(event.part, heard)
                return written + b"%b%b%b" % (heard.head, _encode(event.text), _CLOSE)

    def _open_block(self, part: int, heard: _Heard) -> bytes:
        """The block of a text or a thought, unless it is open."""
        if self._open == part:
            return b""
        written = self._make_room(part)
        self._open = part
        if heard.began.kind is PartKind.THINKING:
            block, kind, name = self._opened_thought(heard.began), b"thinking_delta", b"thinking"
        else:
            self._refusals += heard.began.kind is PartKind.REFUSAL
            block, kind, name = {"type": "text", "text": ""}, b"text_delta", b"text"
        written += self._begin(block)
        heard.head = _DELTA % (self._index, kind, name)
        return written

    def _opened_thought(self, began: PartBegan) -> Block:
        maker = began.maker or Maker.UNKNOWN
        opened = Thinking("" if began.thought_id else "...", None, None, maker, began.thought_id)
        return {"type": "thinking", "thinking": "", "signature": signature_of(opened)}

    def _begin_call(self, part: int, heard: _Heard) -> bytes:
        """A call that is signed is told once it is over."""
        written = self._make_room(part)
        self._open = part
        self._calls += 1
        if heard.began.maker is not None:
            return written
        began = heard.began
        written += self._begin({"type": "tool_use", "id": began.call_id, "name": began.call_name, "input": {}})
        heard.head = _DELTA % (self._index, b"input_json_delta", b"partial_json")
        return written

    def _grow_call(self, event: Piece, heard: _Heard) -> bytes:
        text = event.text
        assert heard.arguments is not None, "a call has arguments"
        heard.arguments.append(text)
        if not heard.head:
            return b""
        if not heard.has_text:
            text = "".join(heard.arguments)
            if not text.lstrip():
                return b""
            heard.has_text = True
            if heard.began.call_kind is ToolKind.CUSTOM or not text.lstrip().startswith("{"):
                heard.is_wrapped = True
                text = _WRAPPED + _escaped(text)
        elif heard.is_wrapped:
            text = _escaped(text)
        return b"%b%b%b" % (heard.head, _encode(text), _CLOSE)

    def _close(self) -> bytes:
        """Ends the block that is open."""
        part, self._open = self._open, None
        if part is None:
            return b""
        heard = self._parts[part]
        if heard.began.kind is PartKind.TOOL_CALL:
            written = self._last_of_call(heard)
        elif heard.began.kind is PartKind.THINKING:
            written = self._last_of_thought(heard)
        else:
            written = b""
        heard.head = b""
        return written + self._stop_block()

    def _last_of_call(self, heard: _Heard) -> bytes:
        began = heard.began
        if not heard.head:
            signature, arguments = "".join(heard.signature) or None, "".join(heard.arguments or [])
            call = ToolCall(began.call_id, began.call_name, arguments, began.call_kind, signature, began.maker)
            *signs, block = blocks_of((call,))
            before = b"".join([self._whole(it) for it in signs])
            text = _encode(block["input"]).decode()
            return before + self._begin({**block, "input": {}}) + self._arguments(text)
        if heard.is_wrapped:
            return self._arguments('"}')
        if began.call_kind is ToolKind.CUSTOM:
            return self._arguments(_WRAPPED + '"}')
        return b""

    def _last_of_thought(self, heard: _Heard) -> bytes:
        signature = signature_of(self._thought(heard))
        heard.signature, heard.encrypted = [], []
        return self._delta({"type": "signature_delta", "signature": signature}) if signature else b""

    def _end_unopened(self, part: int) -> bytes:
        """A thought of which nothing is shown is told when it is over."""
        heard = self._parts.get(part)
        if heard is None or heard.began.kind is not PartKind.THINKING or not (heard.signature or heard.encrypted):
            return b""
        written = self._close()
        block = write_thought(self._thought(heard))
        if block["type"] != "thinking":
            heard.encrypted = []
            return written + self._begin(block) + self._stop_block()
        written += self._begin(self._opened_thought(heard.began))
        return written + self._last_of_thought(heard) + self._stop_block()

    def _thought(self, heard: _Heard) -> Thinking:
        began = heard.began
        return Thinking(
            "..." if heard.has_text else "",
            "".join(heard.signature) or None,
            "".join(heard.encrypted) or None,
            began.maker or Maker.UNKNOWN,
            began.thought_id,
        )

    def _whole(self, block: Block) -> bytes:
        """A block that has no pieces; the input of one that calls is told as that of any call."""
        deltas = b""
        match block:
            case {"type": "thinking", "signature": signature}:
                begun = self._begin(block)
                deltas = self._delta({"type": "signature_delta", "signature": signature})
            case {"type": str(kind), "input": tool_input} if kind.endswith("tool_use"):
                begun = self._begin({**block, "input": {}})
                deltas = self._arguments(_encode(tool_input).decode())
            case _:
                begun = self._begin(block)
        return begun + deltas + self._stop_block()

    def _arguments(self, text: str) -> bytes:
        return self._delta({"type": "input_json_delta", "partial_json": text})

    def _begin(self, block: Block) -> bytes:
        self._index += 1
        return _event(
            "content_block_start", {"type": "content_block_start", "index": self._index, "content_block": block}
        )

    def _delta(self, delta: Block) -> bytes:
        return _event("content_block_delta", {"type": "content_block_delta", "index": self._index, "delta": delta})

    def _stop_block(self) -> bytes:
        return b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % self._index


_DELTA: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
_WRAPPED: Final = '{"' + ARGUMENTS + '":"'


def _is_whole(call: _Heard) -> bool:
    """Whether its arguments are an object that is closed: providers that send one call after the other do not all say
    that one is over."""
    is_function = call.began.call_kind is ToolKind.FUNCTION and not call.is_wrapped
    return is_function and isinstance(decode_any("".join(call.arguments or []).encode()), dict)


def _escaped(text: str) -> str:
    """As it stands within a JSON string."""
    return _encode(text)[1:-1].decode()


def _event(name: str, said: Block) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(said))
