"""Rules that somebody else decides: an external guardrail, asked over HTTP; and answers in their dialect's own form."""

from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from ai_gateway.domain.rules import AskHook, Hook
from ai_gateway.domain.rules import Normalize as NormalizeEffect
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.written import Kind, Made, OnAny, OnResponse, Placed, Written


class Guardrail(Written, frozen=True, kw_only=True, tag="guardrail"):
    """`url` is asked about every text. `on_error` "fail": nothing passes while it is away; "skip": everything does.
    `window`: how many characters of a stream it sees at a time. `secret_name`: a stored secret, sent as Bearer."""

    on: OnAny
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    timeout_ms: Annotated[int, msgspec.Meta(ge=10, le=10_000)] = 1_000
    window: Annotated[int, msgspec.Meta(ge=100, le=8_000)] = 1_000
    secret_name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class Normalize(Written, frozen=True, kw_only=True, tag="normalize"):
    """The answer is written as the dialect's own provider would, whatever this provider's habits are."""

    on: OnResponse


def make_guardrail(rule: Guardrail, placed: Placed) -> Made:
    _check_url(rule.url, placed.at("url"))
    key = None if rule.secret_name is None else placed.secret(rule.secret_name)
    if rule.secret_name is not None and key is None:
        raise RuleRefused(placed.at("secret_name"), "there is no such secret")
    hook = Hook(url=rule.url, seconds=rule.timeout_ms / 1_000, on_error=rule.on_error, window=rule.window, key=key)
    return Made(
        hook=hook if placed.is_on_request else None,
        effects=(AskHook(hook),) if placed.is_on_response else (),
    )


def make_normalize(rule: Normalize, placed: Placed) -> Made:
    return Made(effects=(NormalizeEffect(),))


def _check_url(text: str, place: str) -> None:
    """Whether it may be called is egress's to say; here it is only an address at all."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise RuleRefused(place, "is no address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isascii() or not text.isprintable():
        raise RuleRefused(place, "must be an address such as https://guard.example/check")
    if parts.username is not None or parts.password is not None:
        raise RuleRefused(place, "has a password in it; store it as a secret and name it in 'secret_name'")


KINDS: Final = (Kind(Guardrail, make_guardrail), Kind(Normalize, make_normalize))
