from ai_gateway.domain.wording import Text, Texts, Wording
from ai_gateway.store.rows import TenantRow
from ai_gateway.store.wordings import wording_of
from support.languages import GERMAN

LANGUAGES = {"de": GERMAN}
STORED = {"codes": {"queue_full": {"message": "Busy."}}}


def a_row(language: str = "en", error_messages: dict[str, object] | None = None) -> TenantRow:
    return TenantRow(
        id="t", tenant_id="t", created_at=1.0, name="T", language=language, error_messages=error_messages or {}
    )


def test_nearly_all_tenants_have_no_wording_at_all() -> None:
    assert wording_of(a_row(), LANGUAGES) is None


def test_a_tenant_has_its_language_and_its_own_words() -> None:
    own = Texts({}, {"queue_full": Text("Busy.")})
    assert wording_of(a_row("de"), LANGUAGES) == Wording(Texts({}, {}), GERMAN)
    assert wording_of(a_row("en", STORED), LANGUAGES) == Wording(own, None)
    assert wording_of(a_row("de", STORED), LANGUAGES) == Wording(own, GERMAN)


def test_a_language_whose_file_is_gone_is_english() -> None:
    assert wording_of(a_row("fr"), LANGUAGES) is None
