import json
import platform

from ai_gateway import __version__
from cli.conftest import Run


def test_the_version_says_what_a_bug_report_needs(run: Run) -> None:
    document = json.loads(run("version", "--json").stdout)
    assert (document["version"], document["python"]) == (__version__, platform.python_version())
    assert document["platform"]
    assert __version__ in run("version").stdout
