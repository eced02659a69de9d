"""`ai-gateway version`: what is running, in a form that a bug report can hold."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from ai_gateway.cli.screen import AsJson, Screen


def version(*, as_json: AsJson = False) -> None:
    """The version of the gateway and of Python.

    Example: ai-gateway version --json
    """
    document = {"version": package_version(), "python": platform.python_version(), "platform": platform.platform()}
    Screen(as_json=as_json).answer(document, f"ai-gateway {document['version']} (Python {document['python']})")


def package_version() -> str:
    try:
        return installed_version("ai-gateway")
    except PackageNotFoundError:
        return "0+source"
