"""Conditions of rules: CEL, as a pure function of the few facts that it names.

An evaluation costs little (under 1 us), but what it needs costs much: handing values over to it takes 8 to 25 us. The
same few values come again and again (a team, a route, a stream or none), so the verdict is remembered by them, and the
usual request pays for a look-up. Facts that a condition does not name are not even asked for.

Numbers that are not known are null, and CEL compares null with nothing: it is an error that the rule's mode decides
on. So `request.temperature != null && request.temperature > 0.5`.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, final

from ai_gateway.domain.rules import Facts, FactValue, RuleError
from ai_gateway.policy.rules.cel_module import Program, load_cel
from ai_gateway.policy.rules.condition_words import CALLS, ConditionRefused, Words, read_words
from ai_gateway.policy.rules.refused import RuleRefused

REMEMBERED: Final = 1_024
"""Verdicts, then all are forgotten."""
_LONGEST_REMEMBERED: Final = 256  # characters of one text: what callers write must not fill the memory

_SAMPLE: Final[Mapping[str, FactValue]] = MappingProxyType(
    {
        "request.id": "req_1",
        "request.date": "2026-11-26",
        "request.operation": "chat",
        "request.model": "gpt-4o-mini",
        "request.stream": True,
        "request.max_tokens": 1_000,
        "request.temperature": 0.5,
        "request.tools": ("search", "read", "write", "run"),
        "request.user": "user-1",
        "request.bytes": 1_000,
        "caller.tenant_id": "ten_1",
        "caller.tenant_name": "Tenant",
        "caller.department_id": "dep_1",
        "caller.team_id": "team_1",
        "caller.user_id": "usr_1",
        "caller.key_id": "key_1",
        "caller.key_name": "key",
        "route.name": "route",
        "route.pool": "pool",
        "budget.used_percent": 50,
        "budget.limited": True,
    }
)
"""A request of which everything is known, of the kinds that FACTS have."""
_WHOLE: Final = frozenset(name for name, value in _SAMPLE.items() if type(value) is int)
_FRACTIONS: Final = frozenset(name for name, value in _SAMPLE.items() if type(value) is float)
_MOST: Final = 2**63 - 1
_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    (list, "a list"),
    (type(None), "null"),
)
_FAULT: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_UNEXPECTED: Final = re.compile(r"(?:mismatched|extraneous) input '(.*?)' expecting")
_MIXED: Final = "compares or joins things of different kinds, or a null: ask '!= null' first"
_WHY: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TypeError, _MIXED),
    (IndexError, "asks for an element that a list does not have"),
    (ZeroDivisionError, "divides by zero"),
    (OverflowError, "makes a number that is too large"),
)
_ENDINGS: Final = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


@final
class CelCondition:
    """A domain.rules.Condition."""

    __slots__ = ("_convert", "_facts", "_program", "_verdicts")

    def __init__(self, program: Program, facts: tuple[str, ...]) -> None:
        self._program = program
        self._facts = facts
        self._convert = tuple((*name.split("."), _conversion_of(name)) for name in facts)
        self._verdicts: dict[tuple[FactValue, ...], bool] = {}

    @property
    def facts(self) -> tuple[str, ...]:
        return self._facts

    def holds(self, facts: Facts) -> bool:
        value = facts.value
        known = tuple([value(name) for name in self._facts])
        verdict = self._verdicts.get(known)
        return self._decide(known) if verdict is None else verdict

    def _decide(self, known: tuple[FactValue, ...]) -> bool:
        try:
            verdict = self.outcome(known)
        except _ENDINGS as error:
            raise RuleError(f"its condition {_why(error)}") from None
        if verdict is not True and verdict is not False:
            raise RuleError("its condition gave neither true nor false")
        if not any(isinstance(one, str) and len(one) > _LONGEST_REMEMBERED for one in known):
            if len(self._verdicts) >= REMEMBERED:
                self._verdicts.clear()
            self._verdicts[known] = verdict
        return verdict

    def outcome(self, known: tuple[FactValue, ...]) -> Any:
        """Whatever it gives for these values of its facts. Raises what CEL raises."""
        roots: dict[str, Any] = {}
        for (root, member, convert), value in zip(self._convert, known, strict=True):
            roots.setdefault(root, {})[member] = convert(value)
        return self._program.execute(roots)


def compile_condition(text: str, place: str) -> CelCondition:
    """Raises RuleRefused."""
    try:
        words = read_words(text)
        condition = CelCondition(_compile(text, words), words.facts)
        _try_it(condition)
    except ConditionRefused as refused:
        raise RuleRefused(place, str(refused)) from None
    return condition


def _compile(text: str, words: Words) -> Program:
    try:
        program = load_cel().compile(text)
    except ValueError as error:
        raise _syntax(text, str(error)) from None
    foreign = set(program.variables()) - words.variables - {name.partition(".")[0] for name in words.facts}
    foreign |= {name for name in program.functions() if name.isidentifier() and name not in CALLS}
    if foreign:
        raise ConditionRefused(f"uses '{min(foreign)}' in a way that is not known here")
    return program


def _syntax(text: str, error: str) -> ConditionRefused:
    """The parser's first finding, for people. It counts lines and columns in characters, from 1."""
    found = _FAULT.search(error)
    if found is None:
        return ConditionRefused("cannot be read")
    line, column, what = int(found[1]), int(found[2]), found[3]
    at = sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column
    unexpected = _UNEXPECTED.match(what)
    if unexpected is None:
        return ConditionRefused("cannot be read", at)
    if unexpected[1] == "<EOF>":
        return ConditionRefused("ends too early", at)
    return ConditionRefused(f"has '{unexpected[1]}' where something else must be", at)


def _try_it(condition: CelCondition) -> None:
    """What goes wrong with a request of which everything is known would go wrong with every one."""
    try:
        outcome = condition.outcome(tuple(_SAMPLE[name] for name in condition.facts))
    except TypeError as error:
        raise ConditionRefused(_why(error)) from None
    except RuntimeError as error:
        if str(error).startswith("Undefined"):
            raise ConditionRefused("calls something of a value that does not have it") from None
        return
    except (ArithmeticError, LookupError, ValueError):
        return
    if not isinstance(outcome, bool):
        kind = next((name for kind, name in _KINDS if isinstance(outcome, kind)), "something else")
        raise ConditionRefused(f"must be true or false; it gives {kind}")


def _why(error: Exception) -> str:
    return next((why for kind, why in _WHY if isinstance(error, kind)), "could not be decided")


def _conversion_of(name: str) -> Callable[[FactValue], Any]:
    """Values that are equal must become the same thing: a verdict is remembered by them."""
    return _whole if name in _WHOLE else _fraction if name in _FRACTIONS else _as_it_is


def _whole(value: FactValue) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return max(-_MOST, min(_MOST, int(value))) if isinstance(value, int) else value


def _fraction(value: FactValue) -> Any:
    if not isinstance(value, int):
        return value
    return float(max(-_MOST, min(_MOST, value)))


def _as_it_is(value: FactValue) -> Any:
    return value
