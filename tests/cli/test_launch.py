from pathlib import Path

import pytest

from ai_gateway.cli.launch import PLAIN_STARTS, launch
from ai_gateway.settings import Planes


def test_a_refused_start_lists_every_problem_and_exits_with_3(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch("serve", {"PORT": "x"}, Planes.ALL) == 3
    shown = capsys.readouterr().err
    assert shown.count("\n- ") == 3


def test_the_env_file_of_the_folder_is_read(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("LOG_LEVEL=loud\n")
    assert launch("development", {}, Planes.ALL) == 3
    assert "LOG_LEVEL is 'loud'" in capsys.readouterr().err


def test_the_plain_starts_are_those_that_listen() -> None:
    assert PLAIN_STARTS == {
        ("dev",): ("development", Planes.ALL),
        ("serve",): ("serve", Planes.ALL),
        ("serve", "--data-plane-only"): ("serve", Planes.DATA),
    }
