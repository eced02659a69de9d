"""Becoming the gateway. Apart from the commands, because the commands' library takes half a second to import, and
memory for as long as the process lives: `ai-gateway dev` and `ai-gateway serve`, the latter also as a replica, come
here straight away.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

from ai_gateway.cli.variables import read_dotenv
from ai_gateway.settings import ModeName, Planes, SettingsError, load

PLAIN_STARTS: Final[Mapping[tuple[str, ...], tuple[ModeName, Planes]]] = {
    ("dev",): ("development", Planes.ALL),
    ("serve",): ("serve", Planes.ALL),
    ("serve", "--data-plane-only"): ("serve", Planes.DATA),
}
"""By what stands behind the program's name."""
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
