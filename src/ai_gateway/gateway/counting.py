"""Counting tokens for a model whose provider has no way to ask it: coding agents ask before each turn whether their
conversation still fits, and an answer that is rather too high serves them better than none.

It is an estimate of the gateway's own, costs nothing and goes nowhere, so it has no attempt and no row; the answer says
that it is one.
"""

from typing import Final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.traffic import Call
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.dispatch import Carried
from ai_gateway.gateway.relay import JSON
from ai_gateway.providers.token_estimate import estimate
from ai_gateway.providers.translation.pairs import FRONTS

ESTIMATED: Final = ("x-gateway-estimated", "input_tokens")


async def count_here(client: Client, call: Call) -> Carried:
    """Raises InvalidRequest for a conversation that no provider would take."""
    asked = FRONTS[Operation.MESSAGES].front.read_request(call.fields)
    await client.answer(200, (JSON, ESTIMATED), msgspec.json.encode({"input_tokens": estimate(asked)}))
    return Carried()
