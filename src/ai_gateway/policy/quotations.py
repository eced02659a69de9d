"""What a provider quotes of a request when it refuses it. Its words are kept for administrators, and logs and records
have no prompt in them: so a quotation goes before anybody keeps the rest. The caller knows what he wrote."""

from typing import Final

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.shaping.requests import form_of

LEAST: Final = 24
"""Letters. Less is a word that both happen to use."""
LONGEST_MESSAGE: Final = 2_048
QUOTED: Final = "[quoted from the request]"
_STEP: Final = LEAST // 2
_LOOKED_AT: Final = 128 * 1024


def unquoted(error: ProviderError, shaped: Shaped) -> ProviderError:
    """The same object where nothing was quoted. The first and last 128 KiB of the request's texts are looked at, and
    the first letters of the message: no more of it is kept."""
    message = error.message[:LONGEST_MESSAGE]
    if len(message) < LEAST:
        return error
    asked = "\0".join(form_of(shaped.call.head.operation, shaped.fields).texts())
    if len(asked) > 2 * _LOOKED_AT:
        asked = f"{asked[:_LOOKED_AT]}\0{asked[-_LOOKED_AT:]}"
    told = without_quotations(message, asked)
    return error if told == message else msgspec.structs.replace(error, message=told)


def without_quotations(message: str, asked: str) -> str:
    """Every run of LEAST letters that both have has a step of half as many in it, which is looked for first."""
    kept: list[str] = []
    done = 0
    last = len(message) - LEAST
    for step in range(0, len(message) - _STEP + 1, _STEP):
        if step + _STEP <= done or message[step : step + _STEP] not in asked:
            continue
        for start in range(max(done, step + _STEP - LEAST), min(step, last) + 1):
            if start < done or message[start : start + LEAST] not in asked:
                continue
            end = start + LEAST
            while end < len(message) and message[end - LEAST + 1 : end + 1] in asked:
                end += 1
            kept += (message[done:start], QUOTED)
            done = end
    return "".join((*kept, message[done:]))
