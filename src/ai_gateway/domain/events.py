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
