"""What main.py refuses and what it makes of settings; that the whole it wires runs is shown in tests/process."""

from pathlib import Path

import pytest

from ai_gateway import main
from ai_gateway.domain.config import Ownership
from ai_gateway.runtime.folder import FolderLock
from ai_gateway.settings import Planes, load


def in_development(folder: Path, **environment: str) -> dict[str, str]:
    return {"AI_GATEWAY_DATA_DIR": str(folder), "PORT": "0", **environment}


def test_a_second_gateway_on_a_data_folder_says_whose_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = FolderLock(tmp_path)
    try:
        assert main.run(load("development", in_development(tmp_path), {}), Planes.ALL) == main.FAILED
    finally:
        first.close()
    assert "Another gateway" in capsys.readouterr().err


def test_a_key_file_that_holds_no_key_stops_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "encryption.key").write_text("not a key")
    assert main.run(load("development", in_development(tmp_path), {}), Planes.ALL) == main.FAILED
    said = capsys.readouterr().err
    assert "does not start" in said
    assert "Traceback" not in said


def test_keys_of_the_environment_are_system_endpoints_and_blank_ones_are_none(tmp_path: Path) -> None:
    settings = load("development", in_development(tmp_path, OPENAI_API_KEY="sk-system", ANTHROPIC_API_KEY="  "), {})
    (only,) = main._system_endpoints(settings)
    assert (only.name, only.ownership, only.base_url.host) == ("openai", Ownership.SYSTEM, "api.openai.com")
    assert "sk-system" not in repr(only)
