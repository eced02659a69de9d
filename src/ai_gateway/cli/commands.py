"""The table of commands: a new one is a file and a line here."""

import typer

from ai_gateway.cli import configuration, keys, prices, rules, start
from ai_gateway.cli.backup import backup, restore
from ai_gateway.cli.doctor import doctor
from ai_gateway.cli.explain import explain
from ai_gateway.cli.screen import EXIT_CODES
from ai_gateway.cli.usage import usage
from ai_gateway.cli.version import version

app = typer.Typer(
    name="ai-gateway",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help="""One address between a company's applications and every LLM provider.

First time: `ai-gateway dev`, then paste the curl line that it prints. When something is odd: `ai-gateway doctor`.

Commands that talk to a running gateway find it at AI_GATEWAY_URL (otherwise this machine's PORT, 8000) and show
AI_GATEWAY_ADMIN_TOKEN; both may stand in `.env`.""",
    epilog=EXIT_CODES,
)
app.command()(start.dev)
app.command()(start.serve)
app.command(epilog=EXIT_CODES)(start.migrate)
app.add_typer(configuration.app)
app.add_typer(keys.app)
app.add_typer(prices.app)
app.add_typer(rules.app)
app.command(epilog=EXIT_CODES)(doctor)
app.command(epilog=EXIT_CODES)(explain)
app.command(epilog=EXIT_CODES)(usage)
app.command(epilog=EXIT_CODES)(backup)
app.command(epilog=EXIT_CODES)(restore)
app.command()(version)
