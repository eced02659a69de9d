import json
from pathlib import Path

import msgspec
import pytest

from ai_gateway.domain.faults import Category, every_kind
from ai_gateway.policy.wording import check, placeholders
from ai_gateway.runtime.languages import read_english, read_languages
from support.languages import GERMAN


def test_english_ships_and_covers_every_category_and_every_class() -> None:
    english = read_english()
    assert set(english.texts.categories) == set(Category)
    assert {kind.default_code for kind in every_kind()} <= set(english.texts.codes)
    for name, text in (*english.texts.categories.items(), *english.texts.codes.items()):
        assert text.message is not None
        assert text.suggested_action is not None
        assert check(text.message, placeholders(name), 1000) is None
        assert check(text.suggested_action, placeholders(name), 500) is None


def test_the_customers_words_for_a_quota_are_kept_to_the_letter() -> None:
    quota = read_english().texts.categories["quota"]
    assert quota.message == "The AI provider has reached its usage quota. Please contact support to increase limits."
    assert quota.suggested_action == "Add payment method in provider dashboard"


def test_without_a_folder_there_is_english() -> None:
    assert list(read_languages(None)) == ["en"]


def test_a_file_in_the_folder_is_a_language(tmp_path: Path) -> None:
    (tmp_path / "de.json").write_bytes(msgspec.json.encode(GERMAN))
    (tmp_path / "notes.txt").write_text("no language")
    languages = read_languages(tmp_path)
    assert set(languages) == {"en", "de"}
    assert languages["de"] == GERMAN


@pytest.mark.parametrize(
    ("name", "file", "says"),
    [
        ("de.json", "{", "de.json cannot be used: it is not a language file"),
        ("de.json", {"tag": "de", "name": "x", "texts": {"codes": {"nope": {}}}}, "'codes.nope' is not known."),
        ("fr.json", {"tag": "de", "name": "x", "texts": {}}, "fr.json has the tag 'de'; name it 'de.json'."),
        ("en.json", {"tag": "en", "name": "x", "texts": {}}, "en.json is English, which ships"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_fault(tmp_path: Path, name: str, file: object, says: str) -> None:
    (tmp_path / name).write_text(file if isinstance(file, str) else json.dumps(file))
    with pytest.raises(ValueError) as refused:
        read_languages(tmp_path)
    assert says in str(refused.value)
