"""Facts for others, past tense: what happened, not what to do about it. Jobs turn them into rows, logs and webhooks."""

import msgspec


class ConfigurationChanged(msgspec.Struct, frozen=True):
    """One committed change. `tenant_id` None means everybody's: system configs and the price book.

    `noun` is the table's word ("api_keys", "pools", ...): a change of a key alone does not rebuild its tenant.
    """

    revision: int
    tenant_id: str | None
    noun: str
    noun_id: str


class BudgetCrossed(msgspec.Struct, frozen=True):
    """The spending of a level has reached so many per cent of its limit, for the first time in that window. Amounts are
    in `unit`: nano-dollars ("usd"), "tokens" or "requests"; `at` is Unix seconds."""

    tenant_id: str
    scope: str
    scope_id: str
    name: str
    window_id: str
    unit: str
    percent: int
    limit_amount: int
    spent_amount: int
    at: float
