"""What commands are handed from around them, or else the command ends and says why."""

import os

from ai_gateway.cli.admin_api import AdminApi, Unreachable
from ai_gateway.cli.screen import Exit, Screen
from ai_gateway.cli.variables import gateway_url, read_dotenv, read_variables
from ai_gateway.domain.secret import Secret
from ai_gateway.settings import Settings, SettingsError, load


def read_offline_settings(screen: Screen) -> Settings:
    """For commands that open the database and never listen: where to listen and what `serve` requires are not asked."""
    try:
        return load("development", *({**source, "HOST": ""} for source in (os.environ, read_dotenv())))
    except SettingsError as error:
        screen.stop(Exit.REFUSED, error.problems)


def admin_api(screen: Screen, tenant_id: str | None) -> AdminApi:
    """The gateway at AI_GATEWAY_URL, with the token and the tenant that the environment names."""
    variables = read_variables()
    token = variables.get("AI_GATEWAY_ADMIN_TOKEN")
    try:
        return AdminApi(
            gateway_url(variables),
            token=None if token is None else Secret(token.strip()),
            tenant_id=tenant_id or variables.get("AI_GATEWAY_TENANT"),
        )
    except Unreachable as error:
        screen.stop(Exit.UNREACHABLE, [str(error)])
