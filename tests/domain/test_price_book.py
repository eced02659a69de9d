import pytest

from ai_gateway.domain.model_match import clause_of
from ai_gateway.domain.price_book import MOST_KEPT, PriceBook
from ai_gateway.domain.prices import Hours, Price
from support.builders import a_price


def published(model: str, said: dict[str, object] | None = None, provider: str = "openai", **more: object) -> Price:
    clause = None if said is None else clause_of(said)
    return a_price(model, version=f"{provider}/{model}", provider=provider, match=clause, edition="a book", **more)


BOOK = PriceBook(
    (
        published("a-preview", {"starts_with": "a-"}),
        published("gpt-4o", {"or": [{"equals": "gpt-4o"}, {"equals": "gpt-4o-2024-08-06"}]}),
        published("gpt-4o-mini", {"starts_with": "gpt-4o-mini"}),
        published("gpt-any", {"starts_with": "gpt-5"}),
        published("llama", provider="groq"),
        a_price("gpt-4o", version="set here", provider="openai", effective_from=9.0),
        a_price("own", version="anybody's"),
    )
)


@pytest.mark.parametrize(
    ("model", "payees", "found"),
    [
        ("gpt-4o", ("openai",), ["set here", "openai/gpt-4o"]),
        ("gpt-4o-2024-08-06", ("openai",), ["openai/gpt-4o"]),
        ("gpt-4o-20240806", ("openai",), ["openai/gpt-4o"]),
        ("GPT-4o-2024-08-06", ("openai",), ["openai/gpt-4o"]),
        ("gpt-4o-mini-2024-07-18", ("openai",), ["openai/gpt-4o-mini"]),
        ("gpt-5", ("openai",), ["openai/gpt-any"]),
        ("gpt-4o-20241399", ("openai",), []),
        ("gpt-4o", ("groq", "openai_compatible"), []),
        ("llama", ("groq", "openai_compatible"), ["groq/llama"]),
        ("Llama", ("groq", "openai_compatible"), ["groq/llama"]),
        ("llama", ("openai_compatible",), []),
        ("own", ("mock",), ["anybody's"]),
        ("nobody", ("openai",), []),
    ],
)
def test_a_name_is_found_as_the_published_book_means_it(model: str, payees: tuple[str, ...], found: list[str]) -> None:
    assert [chain[0].version for chain in BOOK.chains(model, payees)] == found


def test_an_answer_is_kept_and_what_is_kept_is_bounded() -> None:
    book = PriceBook((published("gpt-4o"),))
    assert book.chains("gpt-4o", ("openai",)) is book.chains("gpt-4o", ("openai",))
    for number in range(MOST_KEPT + 1):
        book.chains(f"made-up-{number}", ("openai",))
    assert [chain[0].model for chain in book.chains("gpt-4o", ("openai",))] == ["gpt-4o"]


def test_newest_first_and_of_two_that_begin_together_certain_hours_then_the_later_row() -> None:
    prices = [
        a_price("m", version="1"),
        a_price("m", version="2"),
        a_price("m", version="0", hours=Hours(0, 9)),
        a_price("m", version="3", effective_from=5.0),
    ]
    (chain,) = PriceBook(prices).chains("m", ())
    assert [it.version for it in chain] == ["3", "0", "2", "1"]


def test_a_book_is_what_it_says() -> None:
    assert PriceBook((a_price(),)) == PriceBook((a_price(),)) != PriceBook()
    assert PriceBook(ceiling=a_price()) != PriceBook()
    assert not PriceBook()
    assert PriceBook(ceiling=a_price())
    assert next(iter(BOOK)) == "a-preview"
    with pytest.raises(KeyError):
        BOOK["gpt-5"]
