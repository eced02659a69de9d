"""Rules as the API takes and shows them: refused with the exact place of a fault, kept as they were written.

A rule is compiled here as it will be when it is loaded, so what was saved works. It is done beside the loop and before
a transaction is open: neither a stream nor another writer waits for somebody's regular expression. Every version stays
readable, as the audit row of a change has the rules that it made.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from pydantic import Field, WithJsonSchema

from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, Wide
from ai_gateway.admin.fields import FreeForm
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.paging import Page, listing
from ai_gateway.admin.refusals import invalid
from ai_gateway.domain.config import TenantId
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.rules import MOST_RULES, RuleRefused, canonical, compile_rules, revision_of
from ai_gateway.policy.rules.kinds import KINDS
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import AuditRow, RouteRow, SecretRow, TenantRow

Rules = Sequence[Mapping[str, Any]]

_COMPONENT: Final = "#/components/schemas/Rule{name}"
RulesField = Annotated[
    list[FreeForm],
    Field(max_length=MOST_RULES),
    WithJsonSchema({"type": "array", "maxItems": MOST_RULES, "items": {"$ref": _COMPONENT.format(name="")}}),
]
_AUDIT_PAGE: Final = 200


async def check_rules(desk: Desk | Wide, rules: Rules, place: str = "rules") -> None:
    """Raises InvalidRequest (422) that names the place."""
    if not rules:
        return
    try:
        await asyncio.to_thread(compile_rules, rules, place, 1, _any_secret)
    except RuleRefused as refused:
        raise invalid(refused.place, f"{refused.message.rstrip('.')}.") from None
    for index, rule in enumerate(rules):
        if rule["do"] == "guardrail":
            try:
                desk.doors.check_url(rule["url"])
            except ValueError as error:
                raise invalid(f"{place}[{index}].url", str(error)) from None


async def require_secrets(unit: Unit, tenant_id: str, rules: Rules, place: str = "rules") -> None:
    """Raises InvalidRequest (422) where a rule names a secret that the tenant does not have."""
    for index, rule in enumerate(rules):
        name = rule.get("secret_name")
        if isinstance(name, str) and not await unit.find(SecretRow, tenant_id, name=name):
            raise invalid(f"{place}[{index}].secret_name", "there is no such secret.")


def secrets_in(rules: Rules) -> set[str]:
    named = (rule.get("secret_name") for rule in rules)
    return {name for name in named if isinstance(name, str)}


def revision(rules: Rules) -> str | None:
    """None where there are no rules."""
    return revision_of(canonical(rules)) if rules else None


def change_of(rules: Rules, before: Rules) -> Answer:
    """What the audit row of a change says of rules: nothing where they stayed what they were."""
    if canonical(rules) == canonical(before):
        return {}
    return {
        "rules": list(rules),
        "rules_revision": revision(rules),
        "rules_revision_before": revision(before),
    }


def why_broken(desk: Desk | Wide, tenant_id: str, route: str | None = None) -> Answer:
    """What an answer says where stored rules cannot be compiled any more, and nothing is served by them: by those of a
    route, or of the tenant."""
    tenant = desk.doors.snapshot().tenants.get(TenantId(tenant_id))
    course = None if tenant is None or route is None else tenant.courses.get(route)
    live = (None if tenant is None else tenant.rules) if route is None else None if course is None else course.rules
    return {} if live is None or live.broken is None else {"rules_broken": live.broken}


async def history(unit: Unit, row: RouteRow | TenantRow, page: Page) -> Answer:
    """Every version of a row's rules, newest first, out of its audit rows."""
    found: list[AuditRow] = []
    after = page.after
    while len(found) <= page.limit:
        rows = await unit.page(
            AuditRow, row.tenant_id, after=after, limit=_AUDIT_PAGE, target_noun=row.noun, target_id=row.id
        )
        found += [one for one in rows if "rules" in one.detail]
        if len(rows) < _AUDIT_PAGE:
            break
        after = rows[-1].id
    return listing([_version(one) for one in found], [one.id for one in found], page.limit)


def rule_schemas() -> dict[str, Any]:
    """What the API's description says of rules: `Rule`, and a schema for each kind."""
    shapes = [kind.shape for kind in KINDS.values()]
    kinds, parts = msgspec.json.schema_components(shapes, ref_template=_COMPONENT)
    references = {name: kind["$ref"] for name, kind in zip(KINDS, kinds, strict=True)}
    rule = {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "do", "mapping": references},
        "examples": _EXAMPLES,
    }
    return {**{f"Rule{name}": part for name, part in parts.items()}, "Rule": rule}


def _version(row: AuditRow) -> Answer:
    return {
        "rules_revision": row.detail["rules_revision"],
        "rules": row.detail["rules"],
        "actor": row.actor,
        "created_at": show_instant(row.created_at),
    }


def _any_secret(name: str) -> Secret | None:
    """Whether it is there is asked in the transaction that saves the rule."""
    return Secret("")


_EXAMPLES: Final = [
    {"on": "request", "do": "cap", "field": "temperature", "max": 0.8},
    {"on": "request", "do": "system_prompt", "mode": "prepend", "text": "You work for ${tenant_id}."},
    {"on": "both", "do": "redact", "detect": ["email", "card"], "with": "[redacted]"},
    {"on": "request", "do": "set", "field": "model", "value": "small", "when": "budget.used_percent >= 80"},
]
