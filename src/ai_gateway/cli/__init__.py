"""The command line: one place where an operator starts the gateway, configures it and asks what is wrong with it.

Each command imports the rooms that it needs when it runs, so that help costs no more than its library, and a plain
start does not even cost that.
"""

import sys


def main() -> None:
    """What the `ai-gateway` script runs."""
    from ai_gateway.cli.launch import PLAIN_STARTS, launch

    plain = PLAIN_STARTS.get(tuple(sys.argv[1:]))
    if plain is not None:
        mode, planes = plain
        sys.exit(launch(mode, {}, planes))
    from ai_gateway.cli.commands import app

    app(prog_name="ai-gateway")
