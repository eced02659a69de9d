"""The languages that faults can be told in: English, which ships, and what an operator has put into a folder.

They are read once, at the start, and a file that cannot be used ends it: a typing error in a translation should be
found by who made it, and not by somebody whose request has failed.
"""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from ai_gateway.domain.wording import Language
from ai_gateway.policy.wording import ENGLISH, read_language


def read_english() -> Language:
    """As it ships: every category and every code."""
    file = resources.files("ai_gateway.runtime").joinpath("wordings", f"{ENGLISH}.json")
    return read_language(file.read_bytes(), None)


def read_languages(folder: Path | None) -> Mapping[str, Language]:
    """By their tags; `folder` None: English only. Raises ValueError that names the file and all that is wrong with it,
    OSError."""
    english = read_english()
    languages = {ENGLISH: english}
    for path in () if folder is None else sorted(folder.glob("*.json")):
        try:
            language = read_language(path.read_bytes(), english)
        except ValueError as error:
            raise ValueError(f"The language file {path} cannot be used: {error}.") from None
        if language.tag != path.stem:
            raise ValueError(f"The language file {path} has the tag '{language.tag}'; name it '{language.tag}.json'.")
        if language.tag == ENGLISH:
            raise ValueError(f"The language file {path} is English, which ships; use a tenant's error_messages for it.")
        languages[language.tag] = language
    return MappingProxyType(languages)
