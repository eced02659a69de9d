"""Streams with edges: two dialects as providers send them, and the four ways of their bytes through a codec."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Text, ToolCall
from ai_gateway.domain.reply import Choice, Reply
from ai_gateway.providers import Codec, StreamWatch
from ai_gateway.providers.anthropic import AnthropicCodec
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.providers.translation.folding import fold
from tests.providers.translation.anthropic_streams import event
from tests.providers.translation.partitions import decoded
from tests.providers.translation.speakers import CALLERS, PROVIDERS, Heard, heard


class ChatWire:
    """A chat completion, piece by piece."""

    terminal = b"data: [DONE]\n\n"
    error = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    broken = b'data: {"choices":[{"index":0,"delta":{"content":"lost\n\n'

    def begin(self) -> bytes:
        return self.chunk({"role": "assistant", "content": ""})

    def text(self, text: str, **more: Any) -> bytes:
        return self.chunk({"content": text}, **more)

    def stop(self, word: str = "stop") -> list[bytes]:
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}
        return [self.chunk({}, finish=word), self.say({"choices": [], "usage": usage})]

    def call(self, place: int, name: str) -> bytes:
        function = {"name": name, "arguments": ""}
        return self.chunk({"tool_calls": [{"index": place, "id": name, "type": "function", "function": function}]})

    def arguments(self, place: int, piece: str) -> bytes:
        return self.chunk({"tool_calls": [{"index": place, "function": {"arguments": piece}}]})

    def called(self, place: int) -> bytes:
        return b""

    def thought(self) -> list[bytes]:
        same = {"format": "anthropic-claude-v1", "index": 0}
        details = [
            {"type": "reasoning.text", "text": "hm", **same},
            {"type": "reasoning.text", "signature": "sig", **same},
            {"type": "reasoning.encrypted", "data": "enc", **same, "index": 1},
        ]
        return [self.chunk({"reasoning_details": [it]}) for it in details]

    def chunk(self, delta: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> bytes:
        return self.say({"choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more})

    def say(self, said: dict[str, Any]) -> bytes:
        head = {"id": "r1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return f"data: {json.dumps({**head, **said}, ensure_ascii=False)}\n\n".encode()


class MessageWire:
    """The same as a message of Anthropic's."""

    terminal = event("message_stop", {})
    error = event("error", {"error": {"type": "overloaded_error", "message": "overloaded"}})
    broken = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'

    def begin(self) -> bytes:
        usage = {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 1}
        message = {"id": "r1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
        return event("message_start", {"message": message | {"stop_reason": None, "stop_sequence": None}})

    def text(self, text: str, **more: Any) -> bytes:
        """A block of its own: what comes before and after does not matter to it."""
        return self._block(9, {"type": "text", "text": ""}, {"type": "text_delta", "text": text}, **more)

    def stop(self, word: str = "end_turn") -> list[bytes]:
        delta = {"stop_reason": word, "stop_sequence": None}
        return [event("message_delta", {"delta": delta, "usage": {"output_tokens": 5}})]

    def call(self, place: int, name: str) -> bytes:
        block = {"type": "tool_use", "id": name, "name": name, "input": {}}
        return event("content_block_start", {"index": place, "content_block": block})

    def arguments(self, place: int, piece: str) -> bytes:
        delta = {"type": "input_json_delta", "partial_json": piece}
        return event("content_block_delta", {"index": place, "delta": delta})

    def called(self, place: int) -> bytes:
        return event("content_block_stop", {"index": place})

    def thought(self) -> list[bytes]:
        begun = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = ({"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "sig"})
        return [self._block(0, begun, *deltas), self._block(1, {"type": "redacted_thinking", "data": "enc"})]

    def _block(self, index: int, block: dict[str, Any], *deltas: dict[str, Any], **more: Any) -> bytes:
        return b"".join(
            [
                event("content_block_start", {"index": index, "content_block": block}),
                *(event("content_block_delta", {"index": index, "delta": delta, **more}) for delta in deltas),
                event("content_block_stop", {"index": index}),
            ]
        )


class Way(NamedTuple):
    """From a provider that sends `wire` to a caller."""

    wire: ChatWire | MessageWire
    caller: str
    codec: Codec

    @property
    def is_native(self) -> bool:
        return not self.codec.translates

    def watch(self, **asked: Any) -> StreamWatch:
        return self.codec.watch(CALLERS[self.caller].call(**asked))

    def hear(self, *chunks: bytes, **asked: Any) -> Heard:
        return heard(self.watch(**asked), *chunks)

    def answer(self, *texts: str, stop: str | None = None) -> list[bytes]:
        """A whole stream: what begins it, an event a text, why it stopped, the terminal event."""
        wire = self.wire
        said = [wire.text(it) for it in texts]
        return [wire.begin(), *said, *(wire.stop() if stop is None else wire.stop(stop)), wire.terminal]

    def read(self, stream: bytes) -> Reply:
        """What the caller's client makes of it."""
        folded = self.fold(stream)
        assert isinstance(folded, Reply)
        return folded

    def fold(self, stream: bytes) -> Reply | ProviderError | None:
        return fold(decoded(CALLERS[self.caller].reader.decoder(), stream))

    @property
    def terminal(self) -> bytes:
        return b"data: [DONE]" if self.caller == "chat" else b'"message_stop"'


def text_of(choice: Choice) -> str:
    return "".join(part.text for part in choice.parts if isinstance(part, Text))


def calls_of(choice: Choice) -> dict[str, str]:
    return {part.name: part.arguments for part in choice.parts if isinstance(part, ToolCall)}


def framed(stream: Iterable[bytes], line_ends: Iterable[bytes]) -> bytes:
    """Each event with the line end that comes next."""
    ends = list(line_ends)
    return b"".join(it.replace(b"\n", ends[at % len(ends)]) for at, it in enumerate(stream))


WAYS = {
    "chat, native": Way(ChatWire(), "chat", OpenAICodec()),
    "messages, native": Way(MessageWire(), "anthropic", AnthropicCodec()),
    "messages to chat": Way(MessageWire(), "chat", CALLERS["chat"].codec(PROVIDERS["anthropic"])),
    "chat to messages": Way(ChatWire(), "anthropic", CALLERS["anthropic"].codec(PROVIDERS["chat"])),
}
