"""The commands that become the gateway, and the one that prepares its database.

What they need is imported inside, so that `ai-gateway --help` answers at once.
"""

from typing import Annotated

import typer

from ai_gateway.cli.launch import launch
from ai_gateway.cli.screen import AsJson, Exit, Screen
from ai_gateway.cli.surroundings import read_offline_settings
from ai_gateway.settings import Planes

Host = Annotated[str | None, typer.Option(help="Addresses to listen on, separated by commas; otherwise HOST.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; otherwise PORT.")]


def dev(host: Host = None, port: Port = None) -> None:
    """Start for trying it out: loopback only, a demo tenant with the key `sk-dev`, mock providers, SQLite.

    Nothing has to be configured. Keys in OPENAI_API_KEY and ANTHROPIC_API_KEY (also in `.env`) are used if present.

    Example: `ai-gateway dev --port 8001`
    """
    raise typer.Exit(launch("development", _as_variables(host, port), Planes.ALL))


def serve(
    *,
    host: Host = None,
    port: Port = None,
    data_plane_only: Annotated[bool, typer.Option("--data-plane-only", help="No admin API, no dashboard.")] = False,
) -> None:
    """Start for production. Refuses weak or missing secrets, and says all of what is wrong at once.

    Needs AI_GATEWAY_ENCRYPTION_KEY (`openssl rand -base64 32`) and AI_GATEWAY_ADMIN_TOKEN (`openssl rand -hex 24`).
    DATABASE_URL picks PostgreSQL; without it, SQLite in AI_GATEWAY_DATA_DIR.

    Example: `ai-gateway serve --host 0.0.0.0 --port 8000`
    """
    raise typer.Exit(launch("serve", _as_variables(host, port), Planes.DATA if data_plane_only else Planes.ALL))


def migrate(
    *,
    to: Annotated[str | None, typer.Option(metavar="VERSION", help="Go down to this version, or `base`.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if the schema is not current.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema to this version's, or down to the one that --to names.

    Runs under a lock: several processes may start it at once and one does the work. `dev` and `serve` do it by
    themselves; run it apart where a deployment wants the schema before the process. Going down drops what the newer
    versions brought, with its data.

    Examples: `ai-gateway migrate`, `ai-gateway migrate --check`, `ai-gateway migrate --to 0001`
    """
    from ai_gateway.cli import database

    screen = Screen(as_json=as_json)
    try:
        place = database.place(read_offline_settings(screen))
        if check:
            _check(screen, database.schema_version(place), database.HEAD)
            return
        with screen.working("Migrating ..."):
            down = to is not None and to != database.HEAD
            version = database.downgrade(place, to or "") if down else database.migrate(place)
    except database.Unreachable as error:
        screen.stop(Exit.UNREACHABLE, [str(error)])
    except ValueError as error:
        screen.stop(Exit.REFUSED, [str(error)])
    screen.answer({"ok": True, "version": version}, f"The schema of {place.name} is at {version}.")


def _check(screen: Screen, version: str | None, head: str) -> None:
    if version != head:
        screen.stop(Exit.FAILED, [f"The schema is at {version or 'none'}, not at {head}. Run `ai-gateway migrate`."])
    screen.answer({"ok": True, "version": version}, f"The schema is at {version}.")


def _as_variables(host: str | None, port: int | None) -> dict[str, str]:
    given = {"HOST": host, "PORT": None if port is None else str(port)}
    return {name: text for name, text in given.items() if text is not None}
