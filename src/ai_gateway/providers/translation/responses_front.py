"""OpenAI's Responses API as callers speak it, whoever answers: SDKs, agents, coding agents."""

from typing import final

import msgspec

from ai_gateway.domain.conversation import Conversation
from ai_gateway.domain.reply import Reply
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.decoding import as_list, as_object, decode_any
from ai_gateway.providers.translation import EventEncoder
from ai_gateway.providers.translation.responses_encoder import ResponsesEncoder
from ai_gateway.providers.translation.responses_output import Names, ended, items_of, opened
from ai_gateway.providers.translation.responses_request import read_members
from ai_gateway.providers.translation.responses_wire import NAME


@final
class ResponsesFront:
    @property
    def name(self) -> str:
        return NAME

    def read_request(self, fields: dict[str, msgspec.Raw]) -> Conversation:
        return read_members(fields)

    def write_reply(self, reply: Reply) -> bytes:
        """Its first choice: there is no other here. A response says no names of the request, so a tool of a namespace
        is called by its whole name."""
        begun = opened(reply.id, reply.model, reply.created)
        choice = reply.choices[0] if reply.choices else None
        output = [] if choice is None else list(items_of(choice.parts, reply.id, Names()))
        if choice is not None and choice.logprobs is not None:
            _weigh(output, choice.logprobs)
        stop = None if choice is None else choice.stop
        return msgspec.json.encode(ended(begun, output, stop, reply.usage, reply.service_tier))

    def encoder(self, shaped: Shaped) -> EventEncoder:
        raw = shaped.fields.get("tools")
        return ResponsesEncoder(Names(None if raw is None else decode_any(raw)))


def _weigh(output: list[dict[str, object]], logprobs: object) -> None:
    """Chat has them beside the message, this API with its text: the first one."""
    for item in output:
        for part in as_list(item.get("content")):
            text = as_object(part)
            if text.get("type") == "output_text":
                text["logprobs"] = as_list(as_object(logprobs).get("content"))
                return
