"""What of an endpoint must not be in a text that leaves: its key in any form, and where it is.

A provider, or a proxy before it, may echo what it was sent: the key as it is, in base64 as a header carried it, percent
encoded in an address; and it may name the host that it was asked at, which can be one inside the tenant's own network.
What it said is freed of that once, before anybody looks at it. On routes that hide their providers our own sentences
must not name one either.
"""

import json
import re
from typing import Any, Final, cast

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.config import Endpoint
from ai_gateway.domain.redaction import REDACTED, redact, without

_PUBLIC_PARTS: Final = frozenset({"type", "project_id", "client_email", "client_id", "universe_domain", "region"})
"""Members of a key file that are no secret."""
_ADDRESS: Final = re.compile(r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7})(?![\w.])")
_BRANDS: Final = re.compile(
    r"(?i)(?<![a-z])(?:open-?ai|gpt|dall-?e|anthropic|claude|google|gemini|gemma|vertex|amazon|aws|bedrock|titan|azure"
    r"|microsoft|cohere|mistral|mixtral|groq|deep-?seek|xai|x\.ai|grok|together[ .]ai|fireworks[ .]ai|open-?router"
    r"|perplexity|cerebras|nvidia|hugging[ -]?face|ollama|vllm|lm[ -]?studio|llama|qwen|mock)"
    r"(?![a-z])"
)


def freed(error: ProviderError, endpoint: Endpoint) -> ProviderError:
    """What a provider said, without the endpoint's key and host. The same object where neither was in it."""
    freed = msgspec.structs.replace(
        error,
        message=freed_text(error.message, endpoint),
        type=_freed_or_none(error.type, endpoint),
        code=_freed_or_none(error.code, endpoint),
        param=_freed_or_none(error.param, endpoint),
    )
    return error if freed == error else freed


def freed_text(text: str, endpoint: Endpoint) -> str:
    """Without any address, too: it may be the one that the host's name was resolved to."""
    if endpoint.api_key is not None:
        text = without(text, secrets_in(endpoint.api_key.reveal()))
    host = re.escape(endpoint.base_url.host)
    text = re.sub(rf"(?i)(?<![\w.-]){host}(?![\w-])(?::{endpoint.base_url.port}\b)?", REDACTED, text)
    return _ADDRESS.sub(REDACTED, text)


def loggable(text: str, endpoint: Endpoint) -> str:
    """What went wrong on the wire, for a log."""
    return redact(freed_text(text, endpoint))


def secrets_in(key: str) -> tuple[str, ...]:
    """A key is a secret itself, or a file of JSON with secrets in it. A private key is never sent to anybody."""
    if not key.lstrip().startswith("{"):
        return (key,)
    try:
        parts: Any = json.loads(key)
    except ValueError:
        return (key,)
    members = cast("dict[str, object]", parts).items()
    return tuple(
        value
        for name, value in members
        if name not in _PUBLIC_PARTS and isinstance(value, str) and not value.startswith(("https://", "-----BEGIN"))
    )


def names_a_provider(text: str) -> bool:
    return _BRANDS.search(text) is not None


def _freed_or_none(text: str | None, endpoint: Endpoint) -> str | None:
    return None if text is None else freed_text(text, endpoint)
