"""`ai-gateway keys`: the gateway's own keys, through the running gateway; and its master key, offline.

A new key is shown once, on standard output and nowhere else: neither the gateway nor this command keeps it.
"""

from typing import Annotated, Any, NoReturn

import typer

from ai_gateway.cli.admin_api import Refused, Unreachable
from ai_gateway.cli.configuration import Tenant
from ai_gateway.cli.screen import EXIT_CODES, AsJson, Exit, Screen, as_table
from ai_gateway.cli.surroundings import admin_api, read_offline_settings

app = typer.Typer(
    name="keys",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="List, create, rotate and revoke gateway keys; rotate the master key of stored secrets.",
    epilog=EXIT_CODES,
)

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id, as `ai-gateway keys list` shows it.")]
COLUMNS = ("id", "name", "display", "enabled", "team_id", "user_id", "expires_at")


@app.command("list")
def list_keys(*, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """All keys of a tenant; what is shown of a key is not enough to use it.

    Example: `ai-gateway keys list --json | jq .data`
    """
    screen = Screen(as_json=as_json)
    try:
        rows = admin_api(screen, tenant).list_all("api-keys")
    except (Unreachable, Refused) as error:
        _stop(screen, error)
    screen.answer({"data": rows}, as_table(rows, COLUMNS))


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    team: Annotated[str | None, typer.Option(help="Team id that the key hangs from.")] = None,
    user: Annotated[str | None, typer.Option(help="User id that the key hangs from.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Allowed model; repeat for more; otherwise all.")] = None,
    cost_limit_daily: Annotated[str | None, typer.Option(metavar="USD", help="Dollars a UTC day.")] = None,
    expires_at: Annotated[str | None, typer.Option(metavar="ISO8601", help="When it stops working.")] = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once.

    Example: `ai-gateway keys create "Support bot" --model gpt-4o-mini --cost-limit-daily 5.00`
    """
    body = {
        "name": name,
        "team_id": team,
        "user_id": user,
        "allowed_models": model or None,
        "cost_limit_daily": cost_limit_daily,
        "expires_at": expires_at,
    }
    screen = Screen(as_json=as_json)
    _show_key(screen, _post(screen, tenant, "api-keys", body={name: value for name, value in body.items() if value}))


@app.command()
def rotate(key: KeyId, *, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Give a key a new text. The old one dies at once; the new one is shown once.

    Example: `ai-gateway keys rotate key_0193...`
    """
    screen = Screen(as_json=as_json)
    _show_key(screen, _post(screen, tenant, "api-keys", key, "rotate", body={}))


@app.command()
def revoke(key: KeyId, *, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """End a key for good, within 2 seconds on every process.

    Example: `ai-gateway keys revoke key_0193...`
    """
    screen = Screen(as_json=as_json)
    answer = _post(screen, tenant, "api-keys", key, "revoke", body={})
    screen.answer(answer if answer is not None else {"ok": True, "id": key}, f"Revoked {key}.")


@app.command("rotate-master")
def rotate_master(*, as_json: AsJson = False) -> None:
    """Seal every stored secret anew under AI_GATEWAY_ENCRYPTION_KEY; works on the database, without the gateway.

    1. Put the present key into AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS and a new one into AI_GATEWAY_ENCRYPTION_KEY
       (`openssl rand -base64 32`).  2. Restart every process: both keys open secrets now.  3. Run this.
    4. Unset AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS. It can be run again if it was interrupted.
    """
    from ai_gateway.cli import database

    screen = Screen(as_json=as_json)
    settings = read_offline_settings(screen)
    if settings.encryption_key is None or settings.encryption_key_previous is None:
        screen.stop(
            Exit.REFUSED,
            ["AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS is not set. Put the key before the current one there."],
        )
    try:
        with screen.working("Sealing secrets under the new master key ..."):
            count = database.rotate_master(
                database.place(settings), settings.encryption_key_previous, settings.encryption_key
            )
    except database.Unreachable as error:
        screen.stop(Exit.UNREACHABLE, [str(error)])
    except database.CannotUnseal as error:
        screen.stop(Exit.FAILED, [f"{error} Nothing was changed."])
    screen.answer({"ok": True, "sealed_anew": count}, f"Sealed anew: {count}.")


def _post(screen: Screen, tenant: str | None, *path: str, body: dict[str, Any]) -> Any:
    try:
        return admin_api(screen, tenant).post(*path, body=body)
    except (Unreachable, Refused) as error:
        _stop(screen, error)


def _stop(screen: Screen, error: Unreachable | Refused) -> NoReturn:
    screen.stop(Exit.UNREACHABLE if isinstance(error, Unreachable) else Exit.FAILED, [str(error)])


def _show_key(screen: Screen, answer: Any) -> None:
    screen.remark(f"Key {answer['id']}. This is the only time that it is shown:")
    screen.answer(answer, str(answer["key"]))
