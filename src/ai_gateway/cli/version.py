"""`ai-gateway version`: what is running, in a form that a bug report can hold."""

import platform

from ai_gateway import __version__
from ai_gateway.cli.screen import AsJson, Screen


def version(*, as_json: AsJson = False) -> None:
    """The version of the gateway and of Python.

    Example: `ai-gateway version --json`
    """
    document = {"version": __version__, "python": platform.python_version(), "platform": platform.platform()}
    Screen(as_json=as_json).answer(document, f"ai-gateway {__version__} (Python {document['python']})")
