"""What a command finds around it: the environment, and the `.env` file of the working directory beneath it.

Read at the moment of the command and nowhere else, so that the rest of the command line is handed values.
"""

import os
from collections.abc import Mapping
from pathlib import Path


def read_dotenv() -> dict[str, str]:
    """The `.env` file of the working directory; nothing where there is none."""
    if not Path(".env").is_file():
        return {}
    from dotenv import dotenv_values

    return {name: text for name, text in dotenv_values(".env").items() if text is not None}


def read_variables() -> dict[str, str]:
    """Every variable that is not blank, the environment's over the file's."""
    return _present(read_dotenv()) | _present(os.environ)


def gateway_url(variables: Mapping[str, str]) -> str:
    """AI_GATEWAY_URL, by default the gateway of this machine."""
    return variables.get("AI_GATEWAY_URL", f"http://127.0.0.1:{variables.get('PORT', '8000')}").strip()


def _present(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in variables.items() if text.strip()}
