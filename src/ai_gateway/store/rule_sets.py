"""Stored rules become RuleSets, and stay the same ones while what is stored says the same.

A tenant's part of the Snapshot is built anew at every change of it, and most changes are none of its rules. So what was
compiled is kept by its text, with the secrets that it names: one that was rotated makes another set.

Rules that this version cannot compile were written by another one. They are not left out: a set that is broken says
why, and nothing is served by it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.rules import RuleSet
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.rules import RuleRefused, canonical, compile_rules, join_rules, revision_of
from ai_gateway.store.rows import RouteRow, SecretRow, TenantRow
from ai_gateway.store.vault import CannotUnseal

_MOST: Final = 10_000
"""Sets, then all are forgotten: those of the Snapshot stay there."""

Rules = Sequence[Mapping[str, Any]]
_Key = tuple[str, str, int, tuple[tuple[str, bytes], ...]]
"""What they say, where ("rules[0]" for people), their first number, and the secrets that they name."""


class TenantRules(msgspec.Struct, frozen=True):
    """The tenant's own, which hold for its pools and bare models; and those of each route by its name, with the
    tenant's before them."""

    tenant: RuleSet | None = None
    routes: Mapping[str, RuleSet | None] = msgspec.field(default_factory=dict[str, RuleSet | None])


NO_RULES: Final = TenantRules()


@final
class RuleBook:
    """What was compiled. Used by one thread at a time, or by several: then something may be compiled twice."""

    def __init__(self) -> None:
        self._kept: dict[_Key | tuple[_Key, _Key], RuleSet] = {}

    def compile(
        self,
        tenant: TenantRow,
        routes: Iterable[RouteRow],
        secrets: Mapping[str, SecretRow],
        unseal: Callable[[str, str, bytes], Secret],
    ) -> TenantRules:
        def secret(name: str) -> Secret | None:
            row = secrets.get(name)
            try:
                return None if row is None else unseal(tenant.id, name, row.ciphertext)
            except CannotUnseal:
                return None

        own = None if not tenant.rules else _key(tenant.rules, "the tenant's rules", 1, secrets)
        by_route: dict[str, RuleSet | None] = {}
        for route in routes:
            inherited = own if route.options.get("inherit_rules") is not False else None
            first = 1 if inherited is None else 1 + len(tenant.rules)
            key = None if not route.rules else _key(route.rules, "rules", first, secrets)
            by_route[route.name] = self._both(tenant.rules, inherited, route.rules, key, secret)
        return TenantRules(None if own is None else self._one(tenant.rules, own, secret), by_route)

    def _both(
        self,
        tenant: Rules,
        before: _Key | None,
        route: Rules,
        behind: _Key | None,
        secret: Callable[[str], Secret | None],
    ) -> RuleSet | None:
        if before is None:
            return None if behind is None else self._one(route, behind, secret)
        if behind is None:
            return self._one(tenant, before, secret)
        kept = self._kept.get((before, behind))
        if kept is None:
            kept = join_rules(self._one(tenant, before, secret), self._one(route, behind, secret))
            self._keep((before, behind), kept)
        return kept

    def _one(self, rules: Rules, key: _Key, secret: Callable[[str], Secret | None]) -> RuleSet:
        kept = self._kept.get(key)
        if kept is None:
            kept = _compile(rules, key, secret)
            self._keep(key, kept)
        return kept

    def _keep(self, key: _Key | tuple[_Key, _Key], rules: RuleSet) -> None:
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = rules


def _key(rules: Rules, place: str, first: int, secrets: Mapping[str, SecretRow]) -> _Key:
    named = (rule.get("secret_name") for rule in rules)
    used = sorted({name for name in named if isinstance(name, str) and name in secrets})
    return canonical(rules), place, first, tuple((name, secrets[name].ciphertext) for name in used)


def _compile(rules: Rules, key: _Key, secret: Callable[[str], Secret | None]) -> RuleSet:
    source, place, first, _ = key
    try:
        return compile_rules(rules, place, first, secret)
    except RuleRefused as refused:
        return RuleSet(source, revision_of(source), broken=str(refused))
