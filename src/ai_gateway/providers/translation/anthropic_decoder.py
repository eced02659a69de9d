"""Anthropic's stream, read: blocks that begin, grow and end, one after the other.

The usual event is a piece of a text, so that is one typed decode. Blocks that have no place of ours are collected and
told whole when they end. The count of the output in the first event is a placeholder, and so is none (see
providers/anthropic.py).
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Json
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Cited,
    Counted,
    Ended,
    Event,
    Failed,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Signed,
    Stopped,
)
from ai_gateway.providers.decoding import NO_RAW, as_list, as_object, as_text, decode, decode_any, says_something
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation.anthropic_blocks import Block, arguments_of, proof_of_call, read_part
from ai_gateway.providers.translation.anthropic_citations import read_citation
from ai_gateway.providers.translation.anthropic_reply import extras_of, tier_of
from ai_gateway.providers.translation.anthropic_stops import read_stop
from ai_gateway.providers.translation.anthropic_thoughts import Proof, read_proof
from ai_gateway.providers.usage import AnthropicUsage

_CALL: Final = "tool_use"


class _Delta(msgspec.Struct, gc=False):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""


class _Frame(msgspec.Struct, gc=False):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None


class _Rest(msgspec.Struct):
    """What an event other than a delta has."""

    type: object = None
    message: msgspec.Raw = NO_RAW
    content_block: msgspec.Raw = NO_RAW
    index: object = 0
    delta: msgspec.Raw = NO_RAW
    usage: msgspec.Raw = NO_RAW
    error: msgspec.Raw = NO_RAW


_FRAMES: Final = msgspec.json.Decoder(_Frame)


class _Open(msgspec.Struct):
    """A block that has begun. `kind` None: one that is told whole. `block` is what it began with and became."""

    part: int
    kind: PartKind | None
    block: Block
    pieces: list[str]
    has_text: bool = False
    is_json: bool | None = None


@final
class MessageEvents:
    """The EventReader of message streams."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._parts = 0
        self._calls = 0
        self._counted = AnthropicUsage()
        self._proof: Proof | None = None
        self._has_begun = False
        self._has_stopped = False

    def read(self, name: bytes, data: bytes) -> list[Event]:
        try:
            frame = _FRAMES.decode(data)
        except (ValueError, RecursionError):
            frame = decode(data, _Frame)
        if frame is not None and frame.type == "content_block_delta":
            block = self._open.get(frame.index)
            if block is None or frame.delta is None:
                return []
            return self._delta(block, frame.delta, data)
        return self._read_rest(name, data)

    def finish(self) -> list[Event]:
        return [Ended()] if self._has_stopped else []

    def _delta(self, block: _Open, delta: _Delta, data: bytes) -> list[Event]:
        kind = delta.type
        if kind == "text_delta" and block.kind is PartKind.TEXT:
            return [Piece(0, block.part, delta.text)] if delta.text else []
        if kind == "thinking_delta" and block.kind is PartKind.THINKING:
            block.has_text |= bool(delta.thinking)
            return [Piece(0, block.part, delta.thinking)] if delta.thinking else []
        if kind == "input_json_delta" and block.kind is PartKind.TOOL_CALL:
            block.has_text |= bool(delta.partial_json)
            return self._arguments(block, delta.partial_json)
        if kind == "signature_delta" and block.kind is PartKind.THINKING:
            return _signed(block.part, read_proof(delta.signature))
        if kind == "citations_delta" and block.kind is PartKind.TEXT:
            said = as_object(as_object(decode_any(data)).get("delta"))
            citation = read_citation(said.get("citation"))
            return [] if citation is None else [Cited(0, block.part, citation)]
        if block.kind is None:
            _grow(block, as_object(as_object(decode_any(data)).get("delta")))
        return []

    def _arguments(self, block: _Open, piece: str) -> list[Event]:
        """Arguments that the gateway wrapped are kept until they are whole; others go on as soon as they differ."""
        if block.is_json:
            return [Piece(0, block.part, piece)] if piece else []
        block.pieces.append(piece)
        so_far = "".join(block.pieces)
        if so_far.startswith(_WRAPPED) or _WRAPPED.startswith(so_far):
            return []
        block.is_json = True
        return [Piece(0, block.part, so_far)]

    def _read_rest(self, name: bytes, data: bytes) -> list[Event]:
        said = decode(data, _Rest)
        if said is None:
            return []
        if said.type == "error" or name == b"error" or says_something(said.error):
            return [Failed(read_error(None, {}, data))]
        match said.type:
            case "content_block_start":
                return self._start(said.index, as_object(decode_any(said.content_block)))
            case "content_block_stop":
                return self._stop(said.index)
            case "message_start":
                return self._begin(as_object(decode_any(said.message)))
            case "message_delta":
                return self._change(as_object(decode_any(data)))
            case "message_stop":
                return [Ended()]
            case "ping":
                return [Alive()]
            case _:
                return []

    def _begin(self, message: dict[str, object]) -> list[Event]:
        usage = as_object(message.get("usage"))
        self._counted = self._counted.with_report(usage)
        if self._has_begun:
            return []
        self._has_begun = True
        counted = self._counted.usage
        return [
            Began(
                as_text(message.get("id")) or "",
                as_text(message.get("model")) or "",
                usage=None if counted is None else msgspec.structs.replace(counted, output_tokens=0),
                service_tier=tier_of(usage) or tier_of(message),
            )
        ]

    def _change(self, said: dict[str, object]) -> list[Event]:
        """The stop reason and the counts so far."""
        events: list[Event] = []
        usage = as_object(said.get("usage"))
        if usage:
            self._counted = self._counted.with_report(usage)
            counted: Usage | None = self._counted.usage
            if counted is not None:
                events.append(Counted(counted, tier_of(usage) or tier_of(said)))
        delta = as_object(said.get("delta"))
        stop = read_stop(delta.get("stop_reason"), calls=self._calls)
        if stop is not None:
            self._has_stopped = True
            sequence = delta.get("stop_sequence")
            others = extras_of({**said, **delta}, usage)
            events.append(Stopped(0, stop, sequence if isinstance(sequence, str) else None, others))
        return events

    def _start(self, index: object, block: Block) -> list[Event]:
        if not isinstance(index, int) or not isinstance(block.get("type"), str):
            return []
        proof, self._proof = self._proof, None
        events: list[Event] = []
        if proof is not None and block["type"] != _CALL:
            events += self._unclaimed(proof)
        if (signs := proof_of_call(block)) is not None:
            self._proof = signs
            self._open[index] = _Open(-1, None, {}, [])
            return events
        kind = _kind_of(block)
        part, self._parts = self._parts, self._parts + 1
        self._open[index] = _Open(part, kind, block, [])
        if kind is PartKind.TEXT:
            events.append(PartBegan(0, part, kind))
            if text := block.get("text"):
                events.append(Piece(0, part, str(text)))
            events += [Cited(0, part, it) for one in as_list(block.get("citations")) if (it := read_citation(one))]
        elif kind is PartKind.THINKING:
            events += self._start_thought(part, block)
        elif kind is PartKind.TOOL_CALL:
            self._calls += 1
            maker = None if proof is None else proof.maker
            events.append(PartBegan(0, part, kind, str(block.get("id")), str(block.get("name")), maker=maker))
            if proof is not None:
                events.append(Signed(0, part, proof.signature or ""))
        return events

    def _start_thought(self, part: int, block: Block) -> list[Event]:
        if block["type"] == "redacted_thinking":
            proof = read_proof(str(block.get("data") or ""))
            hidden = proof.signature if proof.is_plain else proof.encrypted
            events: list[Event] = [PartBegan(0, part, PartKind.THINKING, maker=proof.maker, thought_id=proof.id)]
            if not proof.is_plain and proof.signature is not None:
                events.append(Signed(0, part, proof.signature))
            return [*events, Signed(0, part, hidden or "", is_encrypted=True)]
        proof = read_proof(str(block.get("signature") or ""))
        began = PartBegan(0, part, PartKind.THINKING, maker=proof.maker, thought_id=proof.id)
        text = block.get("thinking")
        pieces: list[Event] = [Piece(0, part, text)] if isinstance(text, str) and text else []
        return [began, *pieces, *_signed(part, proof)]

    def _unclaimed(self, proof: Proof) -> list[Event]:
        """A signature that no call followed is a thought of its own."""
        part, self._parts = self._parts, self._parts + 1
        began = PartBegan(0, part, PartKind.THINKING, maker=proof.maker)
        return [began, *_signed(part, proof), PartEnded(0, part)]

    def _stop(self, index: object) -> list[Event]:
        block = self._open.pop(index, None) if isinstance(index, int) else None
        if block is None or block.part < 0:
            return []
        ended = PartEnded(0, block.part)
        if block.kind is PartKind.TOOL_CALL:
            return [*self._rest_of_call(block), ended]
        if block.kind is not None:
            return [ended]
        if block.pieces:
            block.block["input"] = decode_any("".join(block.pieces).encode())
        return [PartWhole(0, block.part, read_part(block.block)), ended]

    def _rest_of_call(self, block: _Open) -> list[Event]:
        """What was kept of a call's arguments, or its input where that came at once."""
        if not block.has_text:
            return [Piece(0, block.part, arguments_of(block.block.get("input") or {}))]
        if block.is_json or not block.pieces:
            return []
        text = "".join(block.pieces)
        said = decode_any(text.encode())
        return [Piece(0, block.part, text if said is None else arguments_of(said))]


_WRAPPED: Final = '{"gateway:arguments":'


def _kind_of(block: Block) -> PartKind | None:
    match block:
        case {"type": "text"}:
            return PartKind.TEXT
        case {"type": "thinking"} | {"type": "redacted_thinking"}:
            return PartKind.THINKING
        case {"type": "tool_use", "id": str(), "name": str()}:
            plain = {name: value for name, value in block.items() if value is not None}
            return PartKind.TOOL_CALL if plain.keys() <= _OF_CALLS and _is_direct(plain) else None
        case _:
            return None


_OF_CALLS: Final = {"type", "id", "name", "input", "caller"}


def _is_direct(block: Block) -> bool:
    return block.get("caller", {"type": "direct"}) == {"type": "direct"}


def _signed(part: int, proof: Proof) -> list[Event]:
    events: list[Event] = []
    if proof.signature:
        events.append(Signed(0, part, proof.signature))
    if proof.encrypted:
        events.append(Signed(0, part, proof.encrypted, is_encrypted=True))
    return events


def _grow(block: _Open, delta: dict[str, Json]) -> None:
    """A delta of a block that is told whole: pieces of its input, or members that are added to those it has."""
    if delta.get("type") == "input_json_delta":
        block.pieces.append(str(delta.get("partial_json") or ""))
        return
    for name, value in delta.items():
        before = block.block.get(name)
        if name != "type":
            block.block[name] = before + value if isinstance(before, str) and isinstance(value, str) else value
