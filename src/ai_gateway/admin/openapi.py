"""The published description, `docs/openapi.json`: the app's own, built behind doors that lead nowhere.

`python -m ai_gateway.admin.openapi > docs/openapi.json` writes it; a test compares the two, so that the file cannot
drift from what is served.
"""

import json
import sys
from typing import Any, cast

from ai_gateway.admin.app import build
from ai_gateway.admin.description import describe_app
from ai_gateway.admin.doors import AdminDoors, Mode, OnCall, SelfAudit, Vault
from ai_gateway.runtime.languages import read_languages
from ai_gateway.runtime.standings import Standings
from ai_gateway.store.budget_warnings import BudgetWarnings
from ai_gateway.store.leases import NO_LEASES
from ai_gateway.store.records import Store
from ai_gateway.store.usage import UsageBooks


def openapi_document() -> dict[str, Any]:
    return describe_app(build(_inert_doors()))


def openapi_text() -> str:
    return json.dumps(openapi_document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _inert_doors() -> AdminDoors:
    """Building an app opens no door; these would say so."""
    return AdminDoors(
        mode=Mode.SERVE,
        store=cast(Store, _closed),
        vault=cast(Vault, _closed),
        digest_key=_closed,
        digest_token=_closed,
        bootstrap_token=None,
        publish=_closed,
        snapshot=_closed,
        observe=_closed,
        probe=_closed,
        corrected=_closed,
        oncall=cast(OnCall, _closed),
        usage=cast(UsageBooks, _closed),
        audit=cast(SelfAudit, _closed),
        budgets=cast(Standings, _closed),
        warnings=cast(BudgetWarnings, _closed),
        check_url=_closed,
        leases=NO_LEASES,
        mock_enabled=False,
        now=_closed,
        languages=read_languages(None),
    )


def _closed(*_: object) -> Any:
    raise RuntimeError("the admin app was built to be described, not to be called")


if __name__ == "__main__":
    sys.stdout.write(openapi_text())
