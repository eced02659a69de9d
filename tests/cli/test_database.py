from pathlib import Path

import pytest

from ai_gateway.cli import database
from ai_gateway.settings import load


def a_place(**environ: str) -> database.Place:
    return database.place(load("development", environ, {}))


def test_a_file_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    place = a_place(AI_GATEWAY_DATA_DIR=str(tmp_path / "data"))
    assert not place.has_data
    assert database.schema_version(place) is None
    assert list(tmp_path.iterdir()) == []


def test_the_schema_goes_up_and_down(tmp_path: Path) -> None:
    folder = str(tmp_path / "data")
    assert database.migrate(a_place(AI_GATEWAY_DATA_DIR=folder)) == database.HEAD
    assert database.schema_version(a_place(AI_GATEWAY_DATA_DIR=folder)) == database.HEAD
    database.downgrade(a_place(AI_GATEWAY_DATA_DIR=folder), "base")
    assert database.schema_version(a_place(AI_GATEWAY_DATA_DIR=folder)) is None


def test_a_place_is_named_without_its_password() -> None:
    place = a_place(DATABASE_URL="postgresql://u:pass-word@db.example/n")
    assert "db.example" in place.name
    assert "pass-word" not in place.name


def test_a_file_that_is_no_database_is_unreachable_by_name(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(database.Unreachable, match=r"gateway\.db"):
        database.schema_version(a_place(AI_GATEWAY_DATA_DIR=str(tmp_path)))
