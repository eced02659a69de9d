"""Becoming the gateway. Apart from the commands, because the commands' library takes half a second to import and a
start is measured: `ai-gateway dev` and `ai-gateway serve` without options come here straight away.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

from ai_gateway.cli.variables import read_dotenv
from ai_gateway.settings import ModeName, Planes, SettingsError, load

PLAIN_STARTS: Final[Mapping[str, ModeName]] = {"dev": "development", "serve": "serve"}
REFUSED: Final = 3


def launch(mode: ModeName, options: Mapping[str, str], planes: Planes) -> int:
    """Run until told to stop; the exit code. `options` are variables given as options, which win."""
    try:
        settings = load(mode, {**os.environ, **options}, read_dotenv())
    except SettingsError as error:
        sys.stderr.write("The gateway does not start:\n")
        sys.stderr.writelines(f"- {problem}\n" for problem in error.problems)
        return REFUSED
    from ai_gateway.main import run

    return run(settings, planes)
