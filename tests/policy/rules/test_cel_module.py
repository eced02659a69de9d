import subprocess
import sys
from pathlib import Path

import pytest

from ai_gateway.policy.rules.cel_module import load_cel

SOURCES = Path(__file__).parents[3] / "src"


def in_a_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_extension_is_loaded_once() -> None:
    assert load_cel() is load_cel()
    assert load_cel().compile("1 < 2").execute({}) is True


def test_nothing_is_loaded_before_the_first_condition_and_no_shell_with_it() -> None:
    code = (
        "import sys; from ai_gateway.policy.rules import compile_rules;"
        "cap = {'on': 'request', 'do': 'cap', 'field': 'n', 'max': 1};"
        "compile_rules([cap]); print('cel.cel' in sys.modules, end=' ');"
        "compile_rules([cap | {'when': 'request.stream'}]);"
        "print('cel.cel' in sys.modules, 'prompt_toolkit' in sys.modules)"
    )
    assert in_a_process(code) == "False True False"


@pytest.mark.parametrize("first", ["cel", "ours"])
def test_whoever_else_imports_the_package_has_the_same_module(first: str) -> None:
    lines = ["import cel", "from ai_gateway.policy.rules.cel_module import load_cel; load_cel()"]
    lines = lines if first == "cel" else lines[::-1]
    assert in_a_process("; ".join(lines) + "; print(cel.compile is load_cel().compile)") == "True"


def test_where_it_is_not_installed_it_is_said_so() -> None:
    code = (
        "from ai_gateway.policy.rules.cel_module import load_cel; import sys;"
        "sys.path[:] = [one for one in sys.path if 'site-packages' not in one]\n"
        "try: load_cel()\nexcept ImportError as error: print(error)"
    )
    assert in_a_process(code) == "conditions need the package common-expression-language"
