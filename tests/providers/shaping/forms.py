"""Bodies as forms, and pipes that do little: nothing, or what a simple redactor does."""

import json
import re
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import RequestForm
from ai_gateway.providers.shaping.requests import form_of

Body = dict[str, Any]

EMAIL: Final = "bob@corp.example"
CARD: Final = "4111111111111111"
KEY: Final = "sk-proj-Zm9vYmFyMTIzNDU2Nzg5MA"
SECRETS: Final = re.compile(rf"{re.escape(EMAIL)}|{CARD}|{KEY}")
GONE: Final = "[redacted]"


def members(body: Body | str) -> dict[str, msgspec.Raw]:
    text = body if isinstance(body, str) else json.dumps(body)
    return msgspec.json.decode(text.encode(), type=dict[str, msgspec.Raw])


def a_form(operation: Operation, body: Body | str) -> RequestForm:
    return form_of(operation, members(body))


def body_of(form: RequestForm) -> Body:
    return json.loads(text_of(form))


def text_of(form: RequestForm) -> str:
    return msgspec.json.encode(form.fields()).decode()


@final
class Same:
    def feed(self, text: str) -> str:
        return text

    def end(self) -> str:
        return ""


@final
class Redacting:
    """Keeps everything to the end, as a pipe may."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        self._held += text
        return ""

    def end(self) -> str:
        return SECRETS.sub(GONE, self._held)
