"""A tenant's own words for its callers' errors, as a body: what can be wrong with a text is found when it is saved,
since nobody reads an error message before it is needed.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ai_gateway.admin.fields import Body
from ai_gateway.admin.refusals import invalid
from ai_gateway.domain.faults import Category
from ai_gateway.domain.wording import Language
from ai_gateway.policy.wording import ENGLISH, LONGEST_ACTION, LONGEST_MESSAGE, check, placeholders

LanguageTag = Annotated[str, StringConstraints(min_length=2, max_length=35)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+$")]


def _a_category(name: str) -> str:
    if name not in set(Category):
        raise ValueError(f"names the category '{name}', which there is not; there are {', '.join(Category)}.")
    return name


class TextBody(Body):
    """What is left out is said as before."""

    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] | None = None
    suggested_action: Annotated[str, Field(max_length=LONGEST_ACTION)] | None = None


class ErrorMessagesBody(Body):
    """By code (one exact ending) and by category; the code's goes first. docs/ERROR_HANDLING.md has their names, and
    the placeholders that a text may have."""

    categories: Annotated[dict[Annotated[_Name, AfterValidator(_a_category)], TextBody], Field(max_length=50)] = Field(
        default_factory=dict[str, TextBody]
    )
    codes: Annotated[dict[_Name, TextBody], Field(max_length=500)] = Field(default_factory=dict[str, TextBody])

    @model_validator(mode="after")
    def _texts_can_be_told(self) -> Self:
        for name, text in (*self.categories.items(), *self.codes.items()):
            for part, said in (("message", text.message), ("suggested_action", text.suggested_action)):
                wrong = None if said is None else check(said, placeholders(name), LONGEST_MESSAGE)
                if wrong is not None:
                    raise ValueError(f"must be texts that can be told, and the {part} of '{name}' {wrong}")
        return self

    def stored(self) -> dict[str, Any]:
        """As a column: only what is said."""
        dumped: dict[str, dict[str, Any]] = self.model_dump(exclude_none=True)
        said = {part: {name: text for name, text in texts.items() if text} for part, texts in dumped.items()}
        return {part: texts for part, texts in said.items() if texts}


def error_messages_of(stored: Mapping[str, Any]) -> ErrorMessagesBody:
    """A column as a body that was validated when it came."""
    categories, codes = (_texts_of(stored.get(part) or {}) for part in ("categories", "codes"))
    return ErrorMessagesBody.model_construct(categories=categories, codes=codes)


def check_wording(languages: Mapping[str, Language], language: str | None, body: ErrorMessagesBody | None) -> None:
    """Raises InvalidRequest (422) for a language that is not loaded, and a code that there is not."""
    if language is not None and language not in languages:
        raise invalid("language", f"is none that is loaded here; loaded are {', '.join(sorted(languages))}.")
    known = languages[ENGLISH].texts.codes
    unknown = next((code for code in (body.codes if body is not None else ()) if code not in known), None)
    if unknown is not None:
        raise invalid("error_messages.codes", f"there is no code '{unknown}'; docs/ERROR_HANDLING.md lists them.")


def _texts_of(stored: Mapping[str, Any]) -> dict[str, TextBody]:
    return {name: TextBody.model_construct(**text) for name, text in stored.items()}
