"""How a tenant's callers are told of faults, from its row: None where that is the code's own English, so that it costs
nothing to nearly all of them.

A language whose file is gone is English again until it is back: its tenants' errors must not depend on a folder.
"""

from collections.abc import Mapping

from ai_gateway.domain.wording import Language, Wording
from ai_gateway.policy.wording import ENGLISH, texts_of
from ai_gateway.store.rows import TenantRow

Languages = Mapping[str, Language]


def wording_of(row: TenantRow, languages: Languages) -> Wording | None:
    language = None if row.language == ENGLISH else languages.get(row.language)
    if language is None and not row.error_messages:
        return None
    return Wording(texts_of(row.error_messages), language)
