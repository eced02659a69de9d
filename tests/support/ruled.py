"""Rules made by hand, for what has to be tested about them besides their kinds: small ones that do one thing."""

from collections.abc import Callable
from typing import Any, final

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import (
    Effect,
    Facts,
    Hook,
    OnError,
    RequestForm,
    RequestRule,
    ResponseRule,
    RuleSet,
    Tally,
    TextPipe,
)

Act = Callable[[RequestForm, Facts, Tally], None]
GUARD = "https://guard.example/check"


def a_request_rule(act: Act | None = None, **changes: Any) -> RequestRule:
    return RequestRule(**{"number": 1, "do": "set", "act": act} | changes)


def a_response_rule(effect: Effect, **changes: Any) -> ResponseRule:
    return ResponseRule(**{"number": 2, "do": "redact", "effect": effect} | changes)


def a_rule_set(*rules: RequestRule | ResponseRule, **changes: Any) -> RuleSet:
    request = tuple(rule for rule in rules if isinstance(rule, RequestRule))
    response = tuple(rule for rule in rules if isinstance(rule, ResponseRule))
    return RuleSet(**{"source": repr(rules), "revision": "r1", "request": request, "response": response} | changes)


def a_hook(**changes: Any) -> Hook:
    return Hook(**{"url": GUARD, "seconds": 0.5, "on_error": OnError.FAIL, "window": 10} | changes)


@final
class Censor:
    """A pipe that shouts `secret` down, holding back what may be the beginning of it."""

    def __init__(self, tally: Tally) -> None:
        self._held = ""
        self._tally = tally

    def feed(self, text: str) -> str:
        text = self._held + text
        for _ in range(text.count("secret")):
            self._tally.found(2, "redacted word")
        text = text.replace("secret", "[gone]")
        kept = next(count for count in range(min(5, len(text)), -1, -1) if text.endswith("secret"[:count]))
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def end(self) -> str:
        held, self._held = self._held, ""
        return held


@final
class Bouncer:
    """A pipe that lets nobody pass who says `secret`."""

    def __init__(self, tally: Tally) -> None:
        self._censor = Censor(tally)

    def feed(self, text: str) -> str:
        said = self._censor.feed(text)
        if "[gone]" in said:
            raise Blocked
        return said

    def end(self) -> str:
        return self._censor.end()


def censor(tally: Tally) -> TextPipe:
    return Censor(tally)


def bouncer(tally: Tally) -> TextPipe:
    return Bouncer(tally)
