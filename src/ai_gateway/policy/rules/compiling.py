"""A list of rules, compiled: all of it, or the first fault with its place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, cast

import msgspec

from ai_gateway.domain.rules import RequestRule, ResponseRule, RuleSet
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.rules.conditions import compile_condition
from ai_gateway.policy.rules.kinds import KINDS
from ai_gateway.policy.rules.plain_json import canonical, check_json, within
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.written import Placed

MOST_RULES: Final = 100
MOST_BYTES: Final = 1024 * 1024
_SIDES: Final[Mapping[str, tuple[str, ...]]] = {
    "request": ("request",),
    "response": ("response",),
    "both": ("request", "response"),
}
_DIGITS: Final = 16


def no_secret(name: str) -> Secret | None:
    """Nobody keeps any."""
    return None


def compile_rules(
    said: Sequence[Mapping[str, Any]],
    place: str = "rules",
    first: int = 1,
    secret: Callable[[str], Secret | None] = no_secret,
) -> RuleSet:
    """`first` is the number of the first rule: a route's rules are counted behind those of its tenant. `secret` gives
    a stored secret by its name, for guardrails. Raises RuleRefused."""
    if not isinstance(cast(object, said), list | tuple):
        raise RuleRefused(place, "must be a list of rules")
    if len(said) > MOST_RULES:
        raise RuleRefused(place, f"has more than {MOST_RULES} rules")
    request: list[RequestRule] = []
    response: list[ResponseRule] = []
    for index, rule in enumerate(said):
        asked, answered = _compile(rule, Placed(f"{place}[{index}]", first + index, (), secret))
        request += asked
        response += answered
    source = canonical(said)
    if len(source) > MOST_BYTES:
        raise RuleRefused(place, f"are longer than {MOST_BYTES // 1024} KiB together")
    return RuleSet(source, revision_of(source), tuple(request), tuple(response))


def revision_of(source: str) -> str:
    """What people see of a list of rules: two that say the same have the same."""
    return sha256(source.encode()).hexdigest()[:_DIGITS]


def join_rules(before: RuleSet, behind: RuleSet) -> RuleSet:
    """Two lists as one; they are numbered one behind the other already."""
    source = f"[{','.join(part for part in (before.source[1:-1], behind.source[1:-1]) if part)}]"
    return RuleSet(
        source,
        revision_of(source),
        before.request + behind.request,
        before.response + behind.response,
        before.broken or behind.broken,
    )


def _compile(said: object, placed: Placed) -> tuple[Iterable[RequestRule], Iterable[ResponseRule]]:
    if not isinstance(said, dict):
        raise RuleRefused(placed.place, 'must be an object, such as {"on": "request", "do": "cap", ...}')
    rule = cast(Mapping[str, Any], said)
    check_json(rule, placed.place)
    kind = KINDS[_word(rule, "do", tuple(KINDS), placed.place)]
    placed = msgspec.structs.replace(placed, sides=_SIDES[_word(rule, "on", kind.sides, placed.place)])
    written = kind.read(rule, placed.place)
    when = None if written.when is None else compile_condition(written.when, placed.at("when"))
    made = kind.make(written, placed)
    on_error = written.on_error
    request = [RequestRule(placed.number, kind.name, when, on_error, made.act, made.hook)]
    response = [ResponseRule(placed.number, kind.name, one, when, on_error) for one in made.effects]
    return request if made.act or made.hook else (), response


def _word(rule: Mapping[str, Any], member: str, words: Sequence[str], place: str) -> str:
    said: object = rule.get(member, msgspec.UNSET)
    if isinstance(said, str) and said in words:
        return said
    listed = " or ".join(f"'{word}'" for word in words)
    why = f"is missing; it is {listed}" if said is msgspec.UNSET else f"must be {listed}"
    raise RuleRefused(within(place, member), why)
