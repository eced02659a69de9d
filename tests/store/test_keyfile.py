from pathlib import Path

import pytest

from ai_gateway.store.keyfile import read_or_make_master_key


def test_a_key_is_made_once_and_then_read(tmp_path: Path) -> None:
    made = read_or_make_master_key(tmp_path)
    assert len(made) == 32
    assert read_or_make_master_key(tmp_path) == made


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert read_or_make_master_key(tmp_path / "a") != read_or_make_master_key(tmp_path / "b")


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    read_or_make_master_key(tmp_path)
    assert (tmp_path / "encryption.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "short", "0" * 64, "x" * 100])
def test_a_file_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "encryption.key").write_text(text)
    with pytest.raises(ValueError, match="encryption key"):
        read_or_make_master_key(tmp_path)
    assert (tmp_path / "encryption.key").read_text() == text
