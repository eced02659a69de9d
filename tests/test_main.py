"""What main.py refuses and what it makes of settings; that the whole it wires runs is shown in tests/process."""

import asyncio
from pathlib import Path

import pytest

from ai_gateway import main
from ai_gateway.domain.config import Ownership
from ai_gateway.runtime.folder import FolderLock
from ai_gateway.settings import Planes, load
from ai_gateway.store import schema
from ai_gateway.store.instance_keys import KEY_DIGESTS, load_or_create_instance_key
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.vault import KeyVault


def in_development(folder: Path, **environment: str) -> dict[str, str]:
    return {"AI_GATEWAY_DATA_DIR": str(folder), "PORT": "0", **environment}


def test_a_second_gateway_on_a_data_folder_says_whose_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = FolderLock(tmp_path)
    try:
        assert main.run(load("development", in_development(tmp_path), {}), Planes.ALL) == main.FAILED
    finally:
        first.close()
    assert "Another gateway" in capsys.readouterr().err


def test_authorities_that_cannot_be_parsed_stop_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text("-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n")
    settings = load("development", in_development(tmp_path / "data", AI_GATEWAY_CA_FILE=str(authorities)), {})
    assert main.run(settings, Planes.ALL) == main.FAILED
    said = capsys.readouterr().err
    assert "ca.pem" in said
    assert "Traceback" not in said


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


def test_a_folder_of_another_master_key_says_which_variable_to_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The peppers in the database were sealed under a key that is no longer there."""
    asyncio.run(_leave_sealed_peppers(tmp_path))
    assert main.run(load("development", in_development(tmp_path), {}), Planes.ALL) == main.FAILED
    assert "AI_GATEWAY_ENCRYPTION_KEY" in capsys.readouterr().err


async def _leave_sealed_peppers(folder: Path) -> None:
    engine = open_engine(database_url(None, folder))
    await schema.migrate(engine)
    await load_or_create_instance_key(engine, KeyVault(bytes(range(32))), KEY_DIGESTS)
    await engine.dispose()
