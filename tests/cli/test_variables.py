from pathlib import Path

import pytest

from ai_gateway.cli.variables import gateway_url, read_dotenv, read_variables


def test_no_env_file_is_an_empty_one(empty_folder: Path) -> None:
    assert read_dotenv() == {}


def test_the_environment_wins_over_the_file_unless_it_is_blank(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text("ONE=file\nTWO=file\nEMPTY=\nBARE\n")
    monkeypatch.setenv("ONE", "process")
    monkeypatch.setenv("TWO", "")
    variables = read_variables()
    assert (variables["ONE"], variables["TWO"]) == ("process", "file")
    assert not {"EMPTY", "BARE"} & variables.keys()


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"PORT": "9000"}, "http://127.0.0.1:9000"),
        ({"PORT": "9000", "AI_GATEWAY_URL": "https://gw.example "}, "https://gw.example"),
    ],
)
def test_the_gateway_is_this_machines_unless_another_is_named(variables: dict[str, str], url: str) -> None:
    assert gateway_url(variables) == url
