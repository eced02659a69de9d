import json
import platform

from ai_gateway.cli.version import package_version
from cli.conftest import Run


def test_the_version_says_what_a_bug_report_needs(run: Run) -> None:
    document = json.loads(run("version", "--json").stdout)
    assert document["version"] == package_version()
    assert document["python"] == platform.python_version()
    assert package_version() in run("version").stdout
