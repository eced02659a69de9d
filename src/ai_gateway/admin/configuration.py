"""Configuration as a document over HTTP: export, validate, diff, apply.

Validate and diff apply the document and roll back. Nothing that they say can therefore turn out otherwise, and nothing
that they did remains.
"""

from typing import Final

from ai_gateway.admin import desired_state
from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.document import ConfigurationBody, export
from ai_gateway.admin.routing import LARGE_BODY, Route


class _RolledBack(Exception):
    """Ends a transaction that was only a rehearsal."""


async def export_configuration(desk: TenantDesk) -> Answer:
    """The tenant's configuration, without keys. Applying it changes nothing."""
    async with desk.reading() as unit:
        return await export(unit, desk)


async def validate_configuration(desk: TenantDesk, body: ConfigurationBody) -> Answer:
    """Whether the document could be applied; a refusal says what is wrong. Changes nothing."""
    outcome = await _rehearse(desk, body)
    return {"valid": True, "warnings": outcome.warnings}


async def diff_configuration(desk: TenantDesk, body: ConfigurationBody) -> Answer:
    """What applying the document would do. Changes nothing."""
    return (await _rehearse(desk, body)).answer()


async def apply_configuration(desk: TenantDesk, body: ConfigurationBody) -> Answer:
    """Make the tenant what the document says: all of it, or nothing."""
    await desired_state.check_rules(desk, body)
    async with desk.changing() as change:
        outcome = await desired_state.apply(change, desk, body)
    return outcome.answer()


async def import_configuration(desk: TenantDesk, body: ConfigurationBody) -> Answer:
    """The same as apply, under the name that goes with export."""
    return await apply_configuration(desk, body)


async def _rehearse(desk: Desk, body: ConfigurationBody) -> desired_state.Outcome:
    outcome = desired_state.Outcome()
    await desired_state.check_rules(desk, body)
    try:
        async with desk.changing() as change:
            outcome = await desired_state.apply(change, desk, body)
            raise _RolledBack
    except _RolledBack:
        return outcome


ROUTES: Final = (
    Route("GET", "/config/export", export_configuration, Permission.READ),
    Route("POST", "/config/validate", validate_configuration, Permission.CHANGE, body_limit=LARGE_BODY),
    Route("POST", "/config/diff", diff_configuration, Permission.CHANGE, body_limit=LARGE_BODY),
    Route("POST", "/config/apply", apply_configuration, Permission.CHANGE, body_limit=LARGE_BODY),
    Route("POST", "/config/import", import_configuration, Permission.CHANGE, body_limit=LARGE_BODY),
)
